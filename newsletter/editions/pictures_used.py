"""Deletes a picture that nothing shows any more: what was replaced or taken away before it was ever approved.

A picture in an edition that was approved stays with the edition, as its words do, until somebody in it no longer
agrees: then it is taken off the web for good (`withdraw`), and the page of the edition says so.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.content import pictures
from newsletter.content.models import Partnership, Update
from newsletter.core.errors import WrongState
from newsletter.editions.composing import EditionPage, page_from_json
from newsletter.editions.models import Edition, EditionChoice, EditionState
from newsletter.rendering.mails import PictureBlock

#: States in which the mail of an edition may still have to be made.
_ON_ITS_WAY = (EditionState.APPROVED, EditionState.SCHEDULED, EditionState.SENDING, EditionState.PAUSED)


def forget_unused(session: Session, sha256: str | None) -> bool:
    """Delete the picture unless an update, the partnership or an approved edition has it; whether it was deleted. An
    edition that was given up before it went out has nothing."""
    if sha256 is None:
        return False
    has_it = sa.and_(
        col(Edition.frozen_html).contains(sha256),
        sa.or_(col(Edition.state) != EditionState.CANCELLED, col(Edition.released_at).is_not(None)),
    )
    if _wanted_by(session, sha256) or _any(session, has_it):
        return False
    return pictures.forget(session, sha256)


def forget_unused_of(session: Session, edition: Edition) -> None:
    """Delete those pictures of an edition that was given up before it went out which nothing else shows."""
    if edition.released_at is None:
        for sha256 in pictures.hashes_in(edition.frozen_html or ""):
            forget_unused(session, sha256)


def showing(session: Session, sha256: str) -> list[Edition]:
    """The editions that went out, or were to, with this picture in them."""
    return list(
        session.exec(select(Edition).where(col(Edition.frozen_html).contains(sha256)).order_by(col(Edition.id)))
    )


def still_there(session: Session, page: EditionPage) -> set[str]:
    """The hashes of those pictures of a page that were not taken off the web since."""
    shown = (update.picture.sha256 for section in page.sections for update in section.updates if update.picture)
    return set(pictures.facts(session, shown))


def in_editions(session: Session, update_id: int) -> list[tuple[Edition, PictureBlock]]:
    """The pictures that an update had in editions that went out and that are still on the web, newest first."""
    editions = session.exec(
        select(Edition)
        .join(EditionChoice, col(EditionChoice.edition_id) == col(Edition.id))
        .where(EditionChoice.update_id == update_id, col(EditionChoice.is_in), col(Edition.released_at).is_not(None))
        .order_by(col(Edition.released_at).desc(), col(Edition.id).desc())
    )
    found: list[tuple[Edition, PictureBlock]] = []
    for edition in editions:
        page = page_from_json(edition.frozen_page or "")
        blocks = [update for section in page.sections for update in section.updates]
        found += [(edition, each.picture) for each in blocks if each.anchor == f"update-{update_id}" and each.picture]
    there = pictures.facts(session, (picture.sha256 for _, picture in found))
    return [(edition, picture) for edition, picture in found if picture.sha256 in there]


def withdraw(session: Session, sha256: str, *, now: datetime) -> bool:
    """Delete a picture that went out, for good: from now on nobody sees it but in the mails they have, and nobody can
    put it in again. False when it is gone already.

    Raises `WrongState` while an update has it or it is the logo, or an edition with it may still have to be sent.
    Copies of an edition that went out are asked about by the caller, who knows the ledger.
    """
    if place := _wanted_by(session, sha256):
        raise WrongState(f"{place} Take it away there first.")
    frozen = col(Edition.frozen_html).contains(sha256)
    if _any(session, sa.and_(frozen, col(Edition.state).in_(_ON_ITS_WAY))):
        raise WrongState(
            "An edition with this picture is on its way. Wait until it has gone out, or cancel it, and try again."
        )
    return pictures.withdraw(session, sha256, now=now)


def _wanted_by(session: Session, sha256: str) -> str | None:
    """What would show it in the next edition, in a sentence."""
    session.flush()
    if _any(session, col(Update.picture_sha256) == sha256):
        return "An update still has this picture."
    if _any(session, col(Partnership.logo_sha256) == sha256):
        return "This picture is the logo of the partnership."
    return None


def _any(session: Session, condition: sa.ColumnElement[bool]) -> bool:
    return session.execute(sa.select(sa.literal(1)).where(condition).limit(1)).first() is not None
