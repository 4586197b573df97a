"""What could still be put into an edition: the updates that are out, each with the reason, and what came since.

An update that earlier editions had can be put in again: that is how something is carried over.
"""

from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.content.dates import in_words
from newsletter.content.models import Event, Response, Update
from newsletter.core.audience import Audience
from newsletter.editions.models import Edition, EditionChoice, EventChoice, ResponseChoice

#: Updates, events and responses that are offered at once.
MOST = 20


@dataclass(frozen=True, slots=True)
class Offered:
    """Something that is out: what it is, why, and whether it can be put in as it is."""

    id: int
    title: str
    reason: str
    can_add: bool = True


def updates(session: Session, edition: Edition, *, on: date, page: int = 1) -> tuple[list[Offered], int]:
    """A page of the updates that are out, not over, not archived, newest first; and how many there are altogether."""
    values = {"edition": edition.id, "on": on}
    place = {"most": MOST, "before": (page - 1) * MOST}
    rows = session.execute(_page_of_updates(edition.audience), {**values, **place}).all()
    total = rows[0][-1] if rows else 0
    if not rows and page > 1:  # beyond the last page no row says how many there are
        first = session.execute(_page_of_updates(edition.audience), {**values, "most": 1, "before": 0}).first()
        total = first[-1] if first else 0
    return [
        Offered(update_id, shown, reason or _since(edition, from_date, on, created_at), has_wording)
        for update_id, shown, has_wording, reason, from_date, created_at, _total in rows
    ], total


@cache
def _page_of_updates(audience: Audience) -> sa.Select[int | None, Any, bool, str, date, datetime, int]:
    """What `updates` reads, built once, for every look at a draft asks. Values: `edition`, `on`, `most`, `before`."""
    body = Update.parent_body if audience is Audience.PARENTS else Update.professional_body
    title = Update.parent_title if audience is Audience.PARENTS else Update.professional_title
    is_here = col(EditionChoice.edition_id) == sa.bindparam("edition")
    is_over = sa.and_(col(Update.until_date).is_not(None), col(Update.until_date) < sa.bindparam("on"))
    return (
        sa.select(
            col(Update.id),
            sa.func.coalesce(
                sa.func.nullif(col(title), ""),
                sa.func.nullif(col(Update.parent_title), ""),
                col(Update.professional_title),
            ),
            col(body) != "",
            col(EditionChoice.reason),
            col(Update.from_date),
            col(Update.created_at),
            sa.func.count().over(),
        )
        .select_from(Update)
        .outerjoin(EditionChoice, sa.and_(col(EditionChoice.update_id) == col(Update.id), is_here))
        .where(
            col(Update.archived_at).is_(None),
            sa.or_(col(EditionChoice.is_in).is_(None), col(EditionChoice.is_in).is_(False)),
            sa.or_(col(EditionChoice.id).is_not(None), sa.and_(col(body) != "", sa.not_(is_over))),
        )
        .order_by(col(Update.from_date).desc(), col(Update.id).desc())
        .limit(sa.bindparam("most"))
        .offset(sa.bindparam("before"))
    )


def events(session: Session, edition: Edition, *, now: datetime) -> list[Offered]:
    """The events that are out, not over and for these readers, soonest first."""
    is_for = Event.for_parents if edition.audience is Audience.PARENTS else Event.for_professionals
    choice = sa.and_(col(EventChoice.event_id) == col(Event.id), col(EventChoice.edition_id) == edition.id)
    rows = session.exec(
        select(Event, EventChoice.reason)
        .outerjoin(EventChoice, choice)
        .where(
            sa.or_(col(EventChoice.is_in).is_(None), col(EventChoice.is_in).is_(False)),
            col(Event.ends_at) > now,
            col(is_for).is_(True),
            col(Event.cancelled_at).is_(None),
        )
        .order_by(col(Event.starts_at), col(Event.id))
        .limit(MOST)
    )
    return [
        Offered(event.id or 0, event.title, reason or "Written since this edition was started")
        for event, reason in rows
    ]


def responses(session: Session, edition: Edition, *, on: date) -> list[Offered]:
    """The responses that are out, not over and for these readers, newest first."""
    is_for = Response.for_parents if edition.audience is Audience.PARENTS else Response.for_professionals
    choice = sa.and_(col(ResponseChoice.response_id) == col(Response.id), col(ResponseChoice.edition_id) == edition.id)
    rows = session.exec(
        select(Response, ResponseChoice.reason)
        .outerjoin(ResponseChoice, choice)
        .where(
            sa.or_(col(ResponseChoice.is_in).is_(None), col(ResponseChoice.is_in).is_(False)),
            sa.or_(col(Response.until_date).is_(None), col(Response.until_date) >= on),
            col(is_for).is_(True),
        )
        .order_by(col(Response.from_date).desc(), col(Response.id).desc())
        .limit(MOST)
    )
    return [
        Offered(response.id or 0, response.theme, reason or "Written since this edition was started")
        for response, reason in rows
    ]


def _since(edition: Edition, from_date: date, on: date, created_at: datetime) -> str:
    """Why an update that was not considered at the time is out."""
    if from_date > on:
        return f"Not yet due: from {in_words(from_date)}"
    if created_at >= edition.created_at:
        return "Written since this edition was started"
    return "Ended before this edition, or had no wording then"
