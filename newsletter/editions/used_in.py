"""In which editions an event or a response stands: what whoever changes one has to know."""

from collections.abc import Collection

from sqlmodel import Session, col, select

from newsletter.editions.models import Edition, EditionState, EventChoice, ResponseChoice


def events(session: Session, ids: Collection[int]) -> dict[int, list[Edition]]:
    """The editions with each of these events, newest first; not those that were given up. One question."""
    rows = session.exec(
        select(EventChoice.event_id, Edition)
        .join(Edition, col(Edition.id) == col(EventChoice.edition_id))
        .where(col(EventChoice.event_id).in_(ids), col(EventChoice.is_in), Edition.state != EditionState.CANCELLED)
        .order_by(col(Edition.id).desc())
    )
    return _by_id(rows.all())


def responses(session: Session, ids: Collection[int]) -> dict[int, list[Edition]]:
    """The same for responses."""
    rows = session.exec(
        select(ResponseChoice.response_id, Edition)
        .join(Edition, col(Edition.id) == col(ResponseChoice.edition_id))
        .where(
            col(ResponseChoice.response_id).in_(ids), col(ResponseChoice.is_in), Edition.state != EditionState.CANCELLED
        )
        .order_by(col(Edition.id).desc())
    )
    return _by_id(rows.all())


def _by_id(rows: Collection[tuple[int, Edition]]) -> dict[int, list[Edition]]:
    found: dict[int, list[Edition]] = {}
    for row_id, edition in rows:
        found.setdefault(row_id, []).append(edition)
    return found
