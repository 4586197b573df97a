"""The form of an event: its fields under their headings, and its days and times as people type them."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from newsletter.content.dates import london_date
from newsletter.content.events import EventDraft
from newsletter.content.models import Event, EventPlace
from newsletter.core.db import Table
from newsletter.web import typed_dates, typed_moments
from newsletter.web.staff.picking import CHOOSE_ONE, NONE
from newsletter.web.staff.settings import filling
from newsletter.web.staff.settings.filling import Form, Read
from newsletter.web.staff.settings.sheets import Field, Sheet

_VENUE, _ONLINE = "place: in-person both", "place: online both"
_HERE = {"day": "the day", "starts": "the time it starts", "ends": "the time it ends"}

FIELDS = (
    Field(
        "title",
        "Title",
        "What readers see first. For example, Coffee and questions about support plans",
        group="What it is",
    ),
    Field("summary", "What happens there (optional)", "Two or three plain sentences", "text"),
    Field("day", "Day", "For example, 27/3/2027", "day", group="When it is"),
    Field("starts", "Time it starts", "For example, 9:30am or 18:00", "time"),
    Field("ends", "Time it ends", "For example, 11am", "time"),
    Field("last_day", "Last day (optional)", "Only when it ends on another day, as after midnight", "day"),
    Field(
        "place",
        "How do people take part?",
        "",
        "choice",
        (
            (EventPlace.IN_PERSON, "In person", ""),
            (EventPlace.ONLINE, "Online", ""),
            (EventPlace.BOTH, "In person or online, as they like", ""),
        ),
        group="Where it is",
    ),
    Field("venue", "Name of the venue", "For events in person. For example, Town Hall", when=_VENUE),
    Field("postal_address", "Address of the venue", "With its postcode, so that people find the way", when=_VENUE),
    Field(
        "online_url",
        "Link to join online",
        "For events online. Leave this empty when people get it by booking",
        "url",
        when=_ONLINE,
    ),
    Field(
        "access_notes",
        "Getting in and around (optional)",
        "Steps, parking, captions. It can follow later, but no edition with the event is approved without it",
        group="Who can take part, and how",
    ),
    Field(
        "adjustments_contact",
        "Contact for help to take part",
        "Whom to ask for adjustments: a role with a phone number or an address, and no name",
    ),
    Field(
        "without_attending",
        "How to take part without coming (optional)",
        "For example, Write to us by then. It can follow later, but no edition with the event is approved without it",
    ),
    Field("for_whom", "Who can come?", "For example, Parents and carers of children with SEND"),
    Field("cost", "Cost", "Free, or what it costs"),
    Field("booking", "How to book (optional)", "For example, You do not have to book"),
    Field("booking_url", "Link to book (optional)", "", "url"),
    Field("for_parents", "Parents and carers", "", "audiences", group="Who is told, and when"),
    Field("for_professionals", "Professionals", "", "second"),
    Field("partner_id", "Which organisation runs it?", "", "select", CHOOSE_ONE),
    Field("priority_area_id", "Priority area (optional)", "", "select", NONE),
    Field("announce_from", "First day to tell readers", "Before this day it is on no page and in no edition", "day"),
)


class EventSheet(Sheet[EventDraft]):
    """Asks for two moments as a day and two times, with a last day where it is another one."""

    def fill(self, typed: Mapping[str, str]) -> tuple[Form, EventDraft | None]:
        return filling.fill(self.draft, typed, self.labels, more=self.more, read=_read(typed))

    def changed(self, before: Mapping[str, Any], draft: EventDraft) -> list[str]:
        return filling.changed(before, as_typed(draft))

    def stored(self, row: Table | None) -> dict[str, Any]:
        return as_typed(row) if isinstance(row, Event) else {}


def as_typed(event: Event | EventDraft) -> dict[str, Any]:
    """The fields of the form with what is kept."""
    values = {name: getattr(event, name) for name in EventDraft.model_fields}
    start, end = values.pop("starts_at"), values.pop("ends_at")
    day, last_day = london_date(start), london_date(end)
    return {
        **values,
        "day": day,
        "starts": typed_moments.as_typed(start),
        "ends": typed_moments.as_typed(end),
        "last_day": last_day if last_day != day else None,
    }


def _read(typed: Mapping[str, str]) -> Read:
    errors: dict[str, str] = {}
    day = _day(typed, "day", errors)
    last_day = _day(typed, "last_day", errors) if typed.get("last_day", "").strip() else day
    values = {
        "starts_at": _moment(typed, "starts", day, errors),
        "ends_at": _moment(typed, "ends", last_day, errors),
    }
    found = {name: moment for name, moment in values.items() if moment is not None}
    return Read(found, errors, {"starts_at": "starts", "ends_at": "ends"})


def _day(typed: Mapping[str, str], name: str, errors: dict[str, str]) -> date | None:
    text = typed.get(name, "").strip()
    try:
        return typed_dates.day(text)
    except ValueError:
        label = "Day" if name == "day" else "Last day"
        errors[name] = f"{label} must be a real date, like 27/3/2027" if text else f"Enter {_HERE[name]}"
        return None


def _moment(typed: Mapping[str, str], name: str, day: date | None, errors: dict[str, str]) -> datetime | None:
    """The moment; where the day is unknown, only whether it is a time."""
    text = typed.get(name, "").strip()
    try:
        moment = typed_moments.on(day or date(2000, 1, 1), text)
    except ValueError as problem:
        errors[name] = str(problem) if text else f"Enter {_HERE[name]}"
        return None
    return moment if day is not None else None


SHEET = EventSheet(EventDraft, FIELDS)
