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
from newsletter.content.models import Partnership, Picture, Update, WithdrawnPicture
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
    """Keep a picture; its hash. Repeatable: the same bytes are kept once.

    Raises `InvalidInput` for one that was deleted for good.
    """
    sha256 = hashlib.sha256(made.content).hexdigest()
    if was_withdrawn(session, sha256):
        raise InvalidInput(
            "This picture was deleted for good, because somebody in it no longer agreed. Use another one", field="file"
        )
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


def withdraw(session: Session, sha256: str, *, now: datetime) -> bool:
    """Delete a picture, and remember that it may never come back; False when there is none. Whether anything still
    needs it is not asked (`newsletter.editions.pictures_used`)."""
    if not forget(session, sha256):
        return False
    session.add(WithdrawnPicture(sha256=sha256, at=now))
    session.flush()
    return True


def was_withdrawn(session: Session, sha256: str) -> bool:
    return session.get(WithdrawnPicture, sha256) is not None


def forget(session: Session, sha256: str) -> bool:
    """Delete a picture that nothing shows; whether there was one."""
    found = sa.delete(Picture).where(col(Picture.sha256) == sha256)
    return bool(session.execute(found).rowcount)  # type: ignore[attr-defined]


def put_to_update(
    session: Session,
    update_id: int,
    made: MadePicture | None,
    alt: str,
    *,
    now: datetime,
    editor_id: int | None,
    seen: str | None = None,
) -> bool:
    """Give an update this picture, or other words for the one it has (None); whether that changed anything. A change
    counts as an edit of the update. `seen`: the hash of the picture that the editor saw, empty for none, where there
    was something to see.

    Raises `NotFound`, `InvalidInput`, and `WrongState` when somebody else changed the picture meanwhile.
    """
    update = _hold(session, update_id, seen)
    if made is None and update.picture_sha256 is None:
        raise InvalidInput("Choose a picture", field="file")
    words = alt_text.checked(alt)
    sha256 = update.picture_sha256 if made is None else keep(session, made, now=now)
    if (sha256, words) == (update.picture_sha256, update.picture_alt):
        return False
    update.picture_sha256, update.picture_alt = sha256, words
    _edited(session, update, now, editor_id)
    return True


def take_from_update(
    session: Session, update_id: int, *, now: datetime, editor_id: int | None, seen: str | None = None
) -> str | None:
    """Take the picture out of an update; its hash, or None when there was none. Raises as `put_to_update` does."""
    update = updates.hold(session, update_id)
    if update.picture_sha256 is None:
        return None
    update = _hold(session, update_id, seen)
    taken, update.picture_sha256, update.picture_alt = update.picture_sha256, None, ""
    _edited(session, update, now, editor_id)
    return taken


def set_logo(session: Session, made: MadePicture, *, now: datetime) -> Partnership:
    """Make this the logo of the partnership. Raises `NotFound` (no partnership yet), `InvalidInput`, `WrongState`."""
    row = partners.partnership(session)
    row.logo_sha256 = keep(session, made, now=now)
    session.add(row)
    _flush(session)
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


def hashes_in(html: str) -> list[str]:
    """The hashes of the pictures that a mail refers to, each once."""
    return list(dict.fromkeys(_CID.findall(html)))


def inside(session: Session, html: str) -> tuple[InlinePicture, ...]:
    """The pictures that a mail refers to, in the order in which it shows them.

    Raises `WrongState` when one is missing or is not what its hash says.
    """
    hashes = hashes_in(html)
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
        raise WrongState("A picture in it is no longer there.")
    if not hmac.compare_digest(hashlib.sha256(row.content).hexdigest(), row.sha256):
        raise WrongState("A picture in it is not what was approved: it was changed in the database.")
    return InlinePicture(row.sha256, row.content, *kind)


def _hold(session: Session, update_id: int, seen: str | None) -> Update:
    update = updates.hold(session, update_id)
    if seen is not None and seen != (update.picture_sha256 or ""):
        raise WrongState("Somebody else changed the picture of this update meanwhile. Look at it, and choose again")
    return update


def _edited(session: Session, update: Update, now: datetime, editor_id: int | None) -> None:
    """The revision stays: it counts edits of the words, which the form of the words must not overwrite."""
    update.updated_at, update.editor_id = now, editor_id
    session.add(update)
    _flush(session)


def _flush(session: Session) -> None:
    """Raises `WrongState` when somebody else, who took the picture away elsewhere, deleted it in this moment."""
    try:
        session.flush()
    except IntegrityError:
        raise WrongState("This picture was deleted in this very moment. Choose it again") from None
