"""The public archive: every edition that has gone out, for ever, by its date.

Drafts, approved editions that have not gone out and cancelled ones are not public, and are answered as if they did
not exist.
"""

from sqlmodel import Session, col, select

from newsletter.core.errors import NotFound
from newsletter.editions.models import Edition, EditionState

#: States in which an edition is public.
PUBLIC = (EditionState.SENDING, EditionState.PAUSED, EditionState.SENT)


def published(session: Session, mailing_list_id: int, *, limit: int | None = None) -> list[Edition]:
    """The editions of a list that have gone out, newest first."""
    statement = (
        select(Edition)
        .where(Edition.mailing_list_id == mailing_list_id, col(Edition.state).in_(PUBLIC))
        .order_by(col(Edition.released_at).desc(), col(Edition.number).desc())
        .limit(limit)
    )
    return list(session.exec(statement))


def by_slug(session: Session, mailing_list_id: int, slug: str) -> Edition:
    """The public edition with that slug.

    Raises `NotFound`.
    """
    edition = session.exec(
        select(Edition).where(
            Edition.mailing_list_id == mailing_list_id, Edition.slug == slug, col(Edition.state).in_(PUBLIC)
        )
    ).one_or_none()
    if edition is None:
        raise NotFound("There is no edition at this address. It may have been typed wrongly, or not been sent yet.")
    return edition
