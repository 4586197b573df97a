"""Write, change and call off events, and find those that are coming.

`EventDraft` holds what a person typed. What an edition needs beyond that (how to take part without coming, access) may
follow later; `newsletter.editions.checks` asks for it. Days are counted in Europe/London.
"""

import uuid
from datetime import date, datetime
from typing import Self

import sqlalchemy as sa
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from sqlmodel import Session, col, select

from newsletter.content.dates import london_date
from newsletter.content.fields import Id, Line, Misfit, Prose, SecureUrl
from newsletter.content.models import Event, EventPlace, Partner, PriorityArea
from newsletter.core.audience import Audience
from newsletter.core.errors import InvalidInput, NotFound, WrongState
from newsletter.core.texts import short_name

#: Columns whose change a calendar that holds the event has to take over.
_IN_CALENDARS = frozenset(
    {
        "title", "summary", "starts_at", "ends_at", "place", "venue", "postal_address", "access_notes", "online_url",
        "cost", "for_whom", "booking", "booking_url", "without_attending", "adjustments_contact",
    }
)  # fmt: skip


class EventDraft(BaseModel):
    """What a person typed for an event. Refuses, with a sentence for the form, what nobody could come to."""

    model_config = ConfigDict(extra="forbid")

    title: Line = Field(min_length=1, max_length=120)
    summary: Prose = ""
    for_parents: bool = False
    for_professionals: bool = False
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    place: EventPlace
    venue: Line = Field(default="", max_length=160)
    postal_address: Line = Field(default="", max_length=300)
    access_notes: Line = Field(default="", max_length=500)
    online_url: SecureUrl = ""
    cost: Line = Field(default="Free", min_length=1, max_length=120)
    for_whom: Line = Field(min_length=1, max_length=200)
    booking: Line = Field(default="", max_length=200)
    booking_url: SecureUrl = ""
    without_attending: Line = Field(default="", max_length=500)
    adjustments_contact: Line = Field(min_length=1, max_length=200)
    partner_id: Id
    priority_area_id: Id | None = None
    announce_from: date

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if not (self.for_parents or self.for_professionals):
            raise Misfit("Choose who it is for: parents and carers, professionals, or both", field="for_parents")
        if self.ends_at <= self.starts_at:
            raise Misfit("The end must be after the start", field="ends_at")
        if self.place is not EventPlace.ONLINE and not (self.venue and self.postal_address):
            missing = "postal_address" if self.venue else "venue"
            raise Misfit("Give the name of the venue and its address, or make the event online only", field=missing)
        if self.place is EventPlace.ONLINE and (self.venue or self.postal_address):
            raise Misfit(
                "An event that is online only has no venue: empty the venue and its address, or choose both",
                field="venue" if self.venue else "postal_address",
            )
        if self.place is EventPlace.IN_PERSON and self.online_url:
            raise Misfit(
                "A link to join is for an event that is online, or both online and in person", field="online_url"
            )
        if self.place is not EventPlace.IN_PERSON and not (self.online_url or self.booking or self.booking_url):
            raise Misfit("Give the link to join, or say how to book to get it", field="online_url")
        if self.announce_from > london_date(self.starts_at):
            raise Misfit(
                "The first day to announce it must be on or before the day of the event", field="announce_from"
            )
        return self


def write(session: Session, draft: EventDraft, *, now: datetime, author_id: int | None = None) -> Event:
    """Keep a new event. Raises `InvalidInput` when its organisation or priority area does not exist."""
    _check_references(session, draft)
    event = Event(
        **draft.model_dump(),
        slug=_free_slug(session, draft),
        uid=str(uuid.uuid4()),
        author_id=author_id,
        created_at=now,
        updated_at=now,
    )
    session.add(event)
    session.flush()
    return event


def edit(session: Session, event_id: int, draft: EventDraft, *, now: datetime, editor_id: int | None = None) -> Event:
    """Replace what an event says. Its address stays, and calendars learn of the change by a new sequence number.

    Raises `NotFound`, `WrongState` (it was cancelled), or `InvalidInput` when its organisation or area does not exist.
    """
    event = by_id(session, event_id)
    if event.cancelled_at is not None:
        raise WrongState(f"“{event.title}” was cancelled. Write a new event instead.")
    _check_references(session, draft)
    values = draft.model_dump()
    changed = {name for name, value in values.items() if getattr(event, name) != value}
    for name in changed:
        setattr(event, name, values[name])
    if changed & _IN_CALENDARS:
        event.sequence += 1
    return _touched(session, event, now, editor_id)


def cancel(session: Session, event_id: int, *, now: datetime, editor_id: int | None = None) -> bool:
    """Call an event off; its page says so. False when that was done already. Raises `NotFound`."""
    event = by_id(session, event_id)
    if event.cancelled_at is not None:
        return False
    event.cancelled_at = now
    event.sequence += 1
    _touched(session, event, now, editor_id)
    return True


def by_id(session: Session, event_id: int) -> Event:
    """Raises `NotFound`."""
    event = session.get(Event, event_id)
    if event is None:
        raise NotFound(f"There is no event {event_id}.")
    return event


def public_by_slug(session: Session, slug: str, on: date) -> Event:
    """The event at that public address, once it may be announced. Raises `NotFound`."""
    event = session.exec(select(Event).where(Event.slug == slug, col(Event.announce_from) <= on)).one_or_none()
    if event is None:
        raise NotFound("There is no event at this address. It may have been typed wrongly.")
    return event


def draft_of(event: Event) -> EventDraft:
    """The event as a person would have typed it: what an edit starts from."""
    return EventDraft.model_validate({name: getattr(event, name) for name in EventDraft.model_fields})


def all_events(session: Session) -> list[Event]:
    """Every event, latest first."""
    return list(session.exec(select(Event).order_by(col(Event.starts_at).desc(), col(Event.id).desc())))


def coming(session: Session, *, now: datetime, audience: Audience | None = None) -> list[Event]:
    """The events that may be announced and are not over, soonest first; the cancelled ones among them too, because
    somebody may have them in a diary."""
    statement = (
        select(Event)
        .where(col(Event.announce_from) <= london_date(now), col(Event.ends_at) > now)
        .order_by(col(Event.starts_at), col(Event.id))
    )
    if audience is not None:
        statement = statement.where(is_for(Event, audience))
    return list(session.exec(statement))


def where(event: Event) -> str:
    """Online · Town Hall, 1 High Street · Town Hall, 1 High Street, or online."""
    if event.place is EventPlace.ONLINE:
        return "Online"
    address = f"{event.venue}, {event.postal_address}"
    return f"{address}, or online" if event.place is EventPlace.BOTH else address


def is_for(model: type[Event], audience: Audience) -> sa.ColumnElement[bool]:
    """The condition that an event is for an audience."""
    return col(model.for_parents if audience is Audience.PARENTS else model.for_professionals).is_(True)


def _touched(session: Session, event: Event, now: datetime, editor_id: int | None) -> Event:
    event.updated_at = now
    event.editor_id = editor_id
    session.add(event)
    session.flush()
    return event


def _check_references(session: Session, draft: EventDraft) -> None:
    if session.get(Partner, draft.partner_id) is None:
        raise InvalidInput("Choose an organisation from the list", field="partner_id")
    if draft.priority_area_id is not None and session.get(PriorityArea, draft.priority_area_id) is None:
        raise InvalidInput("Choose a priority area from the list", field="priority_area_id")


def _free_slug(session: Session, draft: EventDraft) -> str:
    """Title and day: "tell-us-what-you-think-2026-11-20", with "-2", "-3" … when there is one already."""
    words = short_name(draft.title, at_most=60, otherwise="event")
    wanted = f"{words}-{london_date(draft.starts_at).isoformat()}"
    taken = set(session.exec(select(Event.slug).where(col(Event.slug).startswith(wanted))))
    slug, count = wanted, 1
    while slug in taken:
        count += 1
        slug = f"{wanted}-{count}"
    return slug
