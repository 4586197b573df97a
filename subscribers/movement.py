"""How many came to a mailing list and how many left it, between two moments. Show them by `core.small_numbers`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from subscribers.models import Subscriber, SubscriberState

#: A span of time: from its first moment on, up to and without its last.
Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Growth:
    joined: int  # who confirmed
    left: int  # who asked to stop


def between(session: Session, mailing_list_id: int, spans: Sequence[Span]) -> list[Growth]:
    """For each span, in two queries. Who left and came back counts as having joined; a row that was forgotten, not."""
    if not spans:
        return []
    joined = _counted(session, mailing_list_id, col(Subscriber.confirmed_at), spans)
    left = _counted(
        session, mailing_list_id, col(Subscriber.ended_at), spans, col(Subscriber.state) == SubscriberState.LEFT
    )
    return [Growth(*numbers) for numbers in zip(joined, left, strict=True)]


def _counted(
    session: Session, mailing_list_id: int, moment: Any, spans: Sequence[Span], *where: sa.ColumnElement[bool]
) -> list[int]:
    """How many have this moment within each span. Looks at nobody outside of all of them, of whom there are many."""
    sums = [sa.func.sum(sa.case((sa.and_(moment >= since, moment < until), 1), else_=0)) for since, until in spans]
    row = session.execute(
        sa.select(*sums).where(
            moment >= min(since for since, _ in spans),
            moment < max(until for _, until in spans),
            col(Subscriber.mailing_list_id) == mailing_list_id,
            *where,
        )
    ).one()
    return [int(number or 0) for number in row]
