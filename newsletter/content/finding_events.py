"""Finds events for those who write them: coming, over or cancelled, for whom, by words. A page at a time."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.content import events
from newsletter.content.models import Event
from newsletter.core.audience import Audience


class When(enum.StrEnum):
    COMING = "coming"
    OVER = "over"
    CANCELLED = "cancelled"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for. Words are looked for in title, summary and place."""

    when: When = When.COMING
    audience: Audience | None = None
    words: str = ""


def count(session: Session, wanted: Wanted, *, now: datetime) -> int:
    """How many there are."""
    return session.scalar(sa.select(sa.func.count()).select_from(Event).where(*_conditions(wanted, now))) or 0


def page(session: Session, wanted: Wanted, *, now: datetime, number: int, size: int) -> Sequence[Event]:
    """Those on one page: what is coming with the soonest first, everything else with the latest first."""
    starts = col(Event.starts_at)
    order = (starts, col(Event.id)) if wanted.when is When.COMING else (starts.desc(), col(Event.id).desc())
    found = select(Event).where(*_conditions(wanted, now)).order_by(*order)
    return session.exec(found.limit(size).offset((number - 1) * size)).all()


def _conditions(wanted: Wanted, now: datetime) -> list[sa.ColumnElement[bool]]:
    is_cancelled, is_over = col(Event.cancelled_at).is_not(None), col(Event.ends_at) <= now
    by_when: dict[When, list[sa.ColumnElement[bool]]] = {
        When.COMING: [~is_cancelled, ~is_over],
        When.OVER: [~is_cancelled, is_over],
        When.CANCELLED: [is_cancelled],
        When.ALL: [],
    }
    conditions = by_when[wanted.when]
    if wanted.audience is not None:
        conditions.append(events.is_for(Event, wanted.audience))
    for word in wanted.words.split():
        places = (Event.title, Event.summary, Event.venue, Event.postal_address)
        conditions.append(sa.or_(*(col(place).icontains(word, autoescape=True) for place in places)))
    return conditions
