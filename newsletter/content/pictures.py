"""Keeps pictures by the hash of their bytes, and puts them to updates and to the partnership as its logo.

A picture never changes: another one has another hash, so that whoever was shown a hash was shown those bytes. What an
edition was approved with is in its HTML by its hash; `inside` finds it again and refuses what is not the same.
"""

import contextlib
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from newsletter.content import alt_text, partners, picture_files, updates
from newsletter.content.models import Partnership, Picture, Update
from newsletter.content.picture_files import MadePicture
from newsletter.core.errors import InvalidInput, NotFound, WrongState
from newsletter.rendering.mails import InlinePicture, PictureBlock

_CID = re.compile(r'<img [^<>]*?src="cid:([0-9a-f]{64})@')


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a picture without its bytes."""

    sha256: str
    media_type: str
    width: int
    height: int
    size_bytes: int

    def block(self, alt: str) -> PictureBlock:
        """The picture as templates show it, with the words for whoever does not see it."""
        extension = "png" if self.media_type == "image/png" else "jpg"
        return PictureBlock(self.sha256, extension, self.width, self.height, self.size_bytes, alt)


def keep(session: Session, made: MadePicture, *, now: datetime) -> str:
    """Keep a picture; its hash. Repeatable: the same bytes are kept once."""
    sha256 = hashlib.sha256(made.content).hexdigest()
    if not facts(session, [sha256]):
        row = Picture(
            sha256=sha256,
            content=made.content,
            media_type=made.media_type,
            width=made.width,
            height=made.height,
            size_bytes=len(made.content),
            created_at=now,
        )
        # Somebody else may be keeping the same one at this moment: then theirs is as good.
        with contextlib.suppress(IntegrityError), session.begin_nested():
            session.add(row)
    return sha256


def put_to_update(
    session: Session, update_id: int, file: bytes, alt: str, *, now: datetime, editor_id: int | None
) -> Update:
    """Give an update this picture, or other words for the one it has (no `file`). Counts as an edit of the update.

    Raises `NotFound` and `InvalidInput`.
    """
    update = updates.by_id(session, update_id)
    if not file and update.picture_sha256 is None:
        raise InvalidInput("Choose a picture", field="file")
    words = alt_text.checked(alt)
    if file:
        update.picture_sha256 = keep(session, picture_files.photograph(file), now=now)
    update.picture_alt = words
    return _edited(session, update, now, editor_id)


def take_from_update(session: Session, update_id: int, *, now: datetime, editor_id: int | None) -> str | None:
    """Take the picture out of an update; its hash, or None when there was none. Raises `NotFound`."""
    update = updates.by_id(session, update_id)
    taken, update.picture_sha256, update.picture_alt = update.picture_sha256, None, ""
    if taken is not None:
        _edited(session, update, now, editor_id)
    return taken


def set_logo(session: Session, file: bytes, *, now: datetime) -> Partnership:
    """Make this the logo of the partnership. Raises `NotFound` (no partnership yet) and `InvalidInput`."""
    if not file:
        raise InvalidInput("Choose a picture", field="file")
    row = partners.partnership(session)
    row.logo_sha256 = keep(session, picture_files.logo(file), now=now)
    session.add(row)
    session.flush()
    return row


def take_logo(session: Session) -> str | None:
    """Have no logo; the hash of the one there was. Raises `NotFound`."""
    row = partners.partnership(session)
    taken, row.logo_sha256 = row.logo_sha256, None
    session.add(row)
    session.flush()
    return taken


def facts(session: Session, hashes: Iterable[str | None]) -> dict[str, Facts]:
    """What is known of these pictures, by hash; their bytes are not read."""
    wanted = {sha256 for sha256 in hashes if sha256 is not None}
    if not wanted:
        return {}
    columns = (Picture.sha256, Picture.media_type, Picture.width, Picture.height, Picture.size_bytes)
    rows = session.execute(sa.select(*map(col, columns)).where(col(Picture.sha256).in_(wanted)))
    return {row[0]: Facts(*row) for row in rows}


def logo(session: Session, partnership: Partnership) -> PictureBlock | None:
    """The logo of the partnership, if it has one. Its words are the partnership's name."""
    found = facts(session, [partnership.logo_sha256]).get(partnership.logo_sha256 or "")
    return found.block(partnership.name) if found else None


def inside(session: Session, html: str) -> tuple[InlinePicture, ...]:
    """The pictures that a mail refers to, in the order in which it shows them.

    Raises `WrongState` when one is missing or is not what its hash says.
    """
    hashes = list(dict.fromkeys(_CID.findall(html)))
    if not hashes:
        return ()
    rows = {row.sha256: row for row in session.exec(select(Picture).where(col(Picture.sha256).in_(hashes)))}
    return tuple(_verified(rows.get(sha256)) for sha256 in hashes)


def public(session: Session, sha256: str) -> InlinePicture:
    """A picture to be shown on the web. Raises `NotFound`, also for one that is not what its hash says."""
    try:
        return _verified(session.get(Picture, sha256))
    except WrongState:
        raise NotFound("There is no such picture.") from None


def _verified(row: Picture | None) -> InlinePicture:
    """The row's bytes, once they are what was approved; whoever changes them in the database cannot change the hash."""
    kind = picture_files.kind(row.content) if row is not None else None
    if row is None or kind is None:
        raise WrongState("A picture in it is no longer there. Edit it, and have it approved again.")
    if not hmac.compare_digest(hashlib.sha256(row.content).hexdigest(), row.sha256):
        raise WrongState(
            "A picture in it is not what was approved: it was changed in the database. Edit it, and have it approved "
            "again."
        )
    return InlinePicture(row.sha256, row.content, *kind)


def _edited(session: Session, update: Update, now: datetime, editor_id: int | None) -> Update:
    update.updated_at, update.editor_id = now, editor_id
    session.add(update)
    session.flush()
    return update
