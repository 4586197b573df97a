"""Finds responses for those who write them: what is late first, by outcome, priority area, audience and words. A page
at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.content.models import Response, ResponseOutcome
from newsletter.core.audience import Audience


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for. Words are looked for in the theme, what people said and what was done."""

    outcome: ResponseOutcome | None = None
    is_late: bool = False
    priority_area_id: int | None = None
    audience: Audience | None = None
    words: str = ""


def count(session: Session, wanted: Wanted, *, on: date) -> int:
    """How many there are."""
    return session.scalar(sa.select(sa.func.count()).select_from(Response).where(*_conditions(wanted, on))) or 0


def page(session: Session, wanted: Wanted, *, on: date, number: int, size: int) -> Sequence[Response]:
    """Those on one page: the red list first, longest waiting first; then the newest first."""
    late_first = sa.case((_is_late(on), 0), else_=1)
    since = sa.case((_is_late(on), col(Response.doing_by)), else_=None)
    order = (late_first, since, col(Response.from_date).desc(), col(Response.id).desc())
    found = select(Response).where(*_conditions(wanted, on)).order_by(*order)
    return session.exec(found.limit(size).offset((number - 1) * size)).all()


def _is_late(on: date) -> sa.ColumnElement[bool]:
    """On the red list, as `responses.overdue` has it."""
    return sa.and_(
        col(Response.outcome) == ResponseOutcome.DOING,
        col(Response.doing_by) < on,
        col(Response.from_date) <= on,
        sa.or_(col(Response.until_date).is_(None), col(Response.until_date) >= on),
    )


def _conditions(wanted: Wanted, on: date) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.is_late:
        conditions.append(_is_late(on))
    if wanted.outcome is not None:
        conditions.append(col(Response.outcome) == wanted.outcome)
    if wanted.priority_area_id is not None:
        conditions.append(col(Response.priority_area_id) == wanted.priority_area_id)
    if wanted.audience is not None:
        for_them = Response.for_parents if wanted.audience is Audience.PARENTS else Response.for_professionals
        conditions.append(col(for_them).is_(True))
    for word in wanted.words.split():
        places = (Response.theme, Response.said, Response.did)
        conditions.append(sa.or_(*(col(place).icontains(word, autoescape=True) for place in places)))
    return conditions
