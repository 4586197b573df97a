"""Which events an edition tells of, and why: the coming ones of its audience, soonest first.

An event stands in every edition until it is over. Events that are added or dropped by hand are edits, so an approval
is undone.
"""

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from newsletter.content import events
from newsletter.content.dates import in_words, london_date
from newsletter.content.models import Event, Partner
from newsletter.core.audience import Audience
from newsletter.core.errors import InvalidInput, NotFound
from newsletter.editions import choosing
from newsletter.editions.models import Edition, EventChoice

#: How far ahead of the edition's date an event may begin.
AHEAD = timedelta(weeks=8)

#: More dates than this are a page of their own, and there is one: `/events`.
MOST_EVENTS = 8


def consider(session: Session, edition: Edition, *, now: datetime) -> None:
    """Choose for a new draft among all events that are not over, and keep the reason for each."""
    assert edition.id is not None
    chosen = 0
    coming = select(Event).where(col(Event.ends_at) > now).order_by(col(Event.starts_at), col(Event.id))
    for event in session.exec(coming):
        reason = _why_out(event, edition)
        if reason is None and chosen == MOST_EVENTS:
            reason = f"There are {MOST_EVENTS} sooner events"
        chosen += reason is None
        assert event.id is not None
        session.add(
            EventChoice(
                edition_id=edition.id,
                event_id=event.id,
                is_in=reason is None,
                reason=reason or "Within the next 8 weeks",
            )
        )
    session.flush()


def choices(session: Session, edition_id: int) -> list[tuple[EventChoice, Event]]:
    """Every event that was considered, those in first, soonest first."""
    rows = session.exec(
        select(EventChoice, Event)
        .join(Event, col(Event.id) == col(EventChoice.event_id))
        .where(EventChoice.edition_id == edition_id)
        .order_by(col(EventChoice.is_in).desc(), col(Event.starts_at), col(Event.id))
    )
    return list(rows.all())


def chosen(session: Session, edition: Edition) -> list[tuple[Event, Partner]]:
    """The events that are in, soonest first, as the database has them now."""
    rows = session.exec(
        select(Event, Partner)
        .join(EventChoice, col(EventChoice.event_id) == col(Event.id))
        .join(Partner, col(Partner.id) == col(Event.partner_id))
        .where(EventChoice.edition_id == edition.id, col(EventChoice.is_in))
        .order_by(col(Event.starts_at), col(Event.id))
        .execution_options(populate_existing=True)
    )
    return list(rows.all())


def add(
    session: Session,
    edition_id: int,
    event_id: int,
    *,
    now: datetime,
    staff_id: int | None = None,
    because: str = "Added by hand",
) -> Edition:
    """Put an event in. Raises `NotFound`, `WrongState` (it has gone out), `InvalidInput` (wrong audience)."""
    event = events.by_id(session, event_id)
    edition = choosing.open_again(session, edition_id, now, staff_id, f"Added event {event_id}")
    if not _is_for(event, edition.audience):
        raise InvalidInput(f"“{event.title}” is not for {edition.audience}.")
    choice = _choice(session, edition_id, event_id) or EventChoice(
        edition_id=edition_id, event_id=event_id, is_in=False, reason=""
    )
    if not choice.is_in:
        choice.is_in, choice.reason = True, choosing.reason_line(because)
        session.add(choice)
        session.flush()
    return edition


def drop(
    session: Session,
    edition_id: int,
    event_id: int,
    *,
    now: datetime,
    staff_id: int | None = None,
    because: str = "Left out by hand",
) -> Edition:
    """Take an event out. Raises `NotFound` (also when the edition never considered it), `WrongState`."""
    edition = choosing.open_again(session, edition_id, now, staff_id, f"Left out event {event_id}")
    choice = _choice(session, edition_id, event_id)
    if choice is None:
        raise NotFound(f"Edition {edition.number} has no event {event_id}.")
    if choice.is_in:
        choice.is_in, choice.reason = False, choosing.reason_line(because)
        session.add(choice)
        session.flush()
    return edition


def _why_out(event: Event, edition: Edition) -> str | None:
    if not _is_for(event, edition.audience):
        return f"Not for {edition.audience}"
    if event.cancelled_at is not None:
        return f"Cancelled on {in_words(london_date(event.cancelled_at))}"
    if event.announce_from > edition.date:
        return f"Not to be announced before {in_words(event.announce_from)}"
    if london_date(event.starts_at) > edition.date + AHEAD:
        return "More than 8 weeks away"
    return None


def _is_for(event: Event, audience: Audience) -> bool:
    return event.for_parents if audience is Audience.PARENTS else event.for_professionals


def _choice(session: Session, edition_id: int, event_id: int) -> EventChoice | None:
    statement = select(EventChoice).where(EventChoice.edition_id == edition_id, EventChoice.event_id == event_id)
    return session.exec(statement.execution_options(populate_existing=True)).one_or_none()
