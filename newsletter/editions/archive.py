"""The public archive: every edition that has gone out, for ever, by its date.

What has not gone out is not public and is answered as if it did not exist. An edition that was cancelled while it
went out stays: the mails that had left link to its page.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from newsletter.core.errors import NotFound
from newsletter.editions.models import Edition

#: The mail itself, some hundred kilobytes an edition: read only where it is asked for.
HEAVY: tuple[Any, ...] = (Edition.frozen_html, Edition.frozen_text, Edition.frozen_markdown)
#: The same and the public page, for lists of editions, which need neither.
NOT_LISTED = (*HEAVY, Edition.frozen_page)


def published(
    session: Session,
    mailing_list_id: int | None = None,
    *,
    limit: int | None = None,
    older_than: Edition | None = None,
) -> list[Edition]:
    """The editions that have gone out, of one list or of all, newest first; their mails are read when first touched.

    With `older_than`, only those that follow that one in this order.
    """
    statement = (
        select(Edition)
        .where(col(Edition.released_at).is_not(None))
        .order_by(col(Edition.released_at).desc(), col(Edition.id).desc())
        .limit(limit)
        .options(*(defer(column) for column in HEAVY))
    )
    if mailing_list_id is not None:
        statement = statement.where(Edition.mailing_list_id == mailing_list_id)
    if older_than is not None:
        place = (older_than.released_at, older_than.id)
        statement = statement.where(sa.tuple_(col(Edition.released_at), col(Edition.id)) < place)
    return list(session.exec(statement))


def latest(session: Session, mailing_list_id: int) -> Edition | None:
    """The newest edition of a list, to show to somebody who wants to know what it is like: no correction mail."""
    return session.exec(
        select(Edition)
        .where(
            Edition.mailing_list_id == mailing_list_id,
            col(Edition.released_at).is_not(None),
            col(Edition.corrects_id).is_(None),
        )
        .order_by(col(Edition.released_at).desc(), col(Edition.id).desc())
        .limit(1)
        .options(*(defer(column) for column in HEAVY))
    ).first()


def correction_mails(session: Session, edition_id: int) -> list[Edition]:
    """The editions by which readers were told what was corrected in this one, oldest first."""
    return list(
        session.exec(
            select(Edition)
            .where(Edition.corrects_id == edition_id, col(Edition.released_at).is_not(None))
            .order_by(col(Edition.released_at), col(Edition.id))
            .options(*(defer(column) for column in HEAVY))
        )
    )


def by_slug(session: Session, mailing_list_id: int, slug: str) -> Edition:
    """The public edition with that slug.

    Raises `NotFound`.
    """
    edition = None
    if "\0" not in slug:  # which PostgreSQL refuses to compare with anything
        edition = session.exec(
            select(Edition)
            .where(
                Edition.mailing_list_id == mailing_list_id, Edition.slug == slug, col(Edition.released_at).is_not(None)
            )
            .options(*(defer(column) for column in HEAVY))
        ).one_or_none()
    if edition is None:
        raise NotFound("There is no edition at this address. It may have been typed wrongly, or not been sent yet.")
    return edition


def neighbours(session: Session, edition: Edition) -> tuple[Edition | None, Edition | None]:
    """The editions of the same list that went out before and after this one."""
    place = sa.tuple_(col(Edition.released_at), col(Edition.id))
    here = sa.tuple_(sa.literal(edition.released_at, Edition.__table__.c.released_at.type), sa.literal(edition.id))  # type: ignore[attr-defined]
    beside = (
        select(Edition)
        .where(Edition.mailing_list_id == edition.mailing_list_id, col(Edition.released_at).is_not(None))
        .limit(1)
        .options(*(defer(column) for column in HEAVY))
    )
    newest_first = (col(Edition.released_at).desc(), col(Edition.id).desc())
    earlier = session.exec(beside.where(place < here).order_by(*newest_first)).first()
    later = session.exec(beside.where(place > here).order_by(col(Edition.released_at), col(Edition.id))).first()
    return earlier, later
