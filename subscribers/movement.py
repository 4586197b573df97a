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
    """For each span, in one query. Who left and came back counts as having joined; a row that was forgotten, not."""
    if not spans:
        return []
    columns: list[Any] = []
    for since, until in spans:
        for moment, state in (
            (col(Subscriber.confirmed_at), sa.true()),
            (col(Subscriber.ended_at), col(Subscriber.state) == SubscriberState.LEFT),
        ):
            inside = sa.and_(moment >= since, moment < until, state)
            columns.append(sa.func.coalesce(sa.func.sum(sa.case((inside, 1), else_=0)), 0))
    row = [int(each) for each in session.execute(_of(mailing_list_id, columns)).one()]
    return [Growth(joined, left) for joined, left in zip(row[::2], row[1::2], strict=True)]


def _of(mailing_list_id: int, columns: list[Any]) -> sa.Select[Any]:
    return sa.select(*columns).where(col(Subscriber.mailing_list_id) == mailing_list_id)
