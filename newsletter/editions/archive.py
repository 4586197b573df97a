"""The public archive: every edition that has gone out, for ever, by its date.

What has not gone out is not public and is answered as if it did not exist. An edition that was cancelled while it
went out stays: the mails that had left link to its page.
"""

from typing import Any

from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from newsletter.core.errors import NotFound
from newsletter.editions.models import Edition

#: The mail itself, some hundred kilobytes an edition: read only where it is asked for.
_HEAVY: tuple[Any, ...] = (Edition.frozen_html, Edition.frozen_text, Edition.frozen_markdown)


def published(session: Session, mailing_list_id: int, *, limit: int | None = None) -> list[Edition]:
    """The editions of a list that have gone out, newest first; their mails are read when first touched."""
    statement = (
        select(Edition)
        .where(Edition.mailing_list_id == mailing_list_id, col(Edition.released_at).is_not(None))
        .order_by(col(Edition.released_at).desc(), col(Edition.number).desc())
        .limit(limit)
        .options(*(defer(column) for column in _HEAVY))
    )
    return list(session.exec(statement))


def by_slug(session: Session, mailing_list_id: int, slug: str) -> Edition:
    """The public edition with that slug.

    Raises `NotFound`.
    """
    edition = session.exec(
        select(Edition).where(
            Edition.mailing_list_id == mailing_list_id, Edition.slug == slug, col(Edition.released_at).is_not(None)
        )
    ).one_or_none()
    if edition is None:
        raise NotFound("There is no edition at this address. It may have been typed wrongly, or not been sent yet.")
    return edition
