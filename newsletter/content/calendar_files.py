"""Events as calendar files (RFC 5545): one event, or all that are coming, for whoever subscribes to them.

The same bytes for everybody, and the same bytes until an event changes: UID and SEQUENCE are the event's own, DTSTAMP
is when it was last changed. Times are London's, with the rules of the time zone in the file, so that an evening event
stays in the evening when the clocks change.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import icalendar

from newsletter.content.dates import LONDON
from newsletter.content.events import where
from newsletter.content.models import Event
from newsletter.rendering import markup

MEDIA_TYPE = "text/calendar; charset=utf-8"

#: How often a program that subscribes may ask again.
REFRESH = timedelta(hours=12)


def one(event: Event, *, page_url: str, product: str) -> bytes:
    """A calendar file with one event. `product` names the publisher, as in "Oxfordshire SEND partnership"."""
    calendar = _calendar(product)
    _add(calendar, [(event, page_url)])
    written: bytes = calendar.to_ical()
    return written


def feed(events: Sequence[tuple[Event, str]], *, name: str, product: str) -> bytes:
    """A calendar to subscribe to: each event with the address of its page."""
    calendar = _calendar(product)
    calendar.add("x-wr-calname", name)
    calendar.add("name", name)
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    _add(calendar, events)
    written: bytes = calendar.to_ical()
    return written


def _calendar(product: str) -> icalendar.Calendar:
    calendar = icalendar.Calendar()
    calendar.add("version", "2.0")
    calendar.add("prodid", f"-//{product}//SEND newsletter//EN")
    calendar.add("calscale", "GREGORIAN")
    return calendar


def _add(calendar: icalendar.Calendar, events: Sequence[tuple[Event, str]]) -> None:
    if events:
        calendar.add_component(_london())
    for event, page_url in events:
        calendar.add_component(_component(event, page_url))


def _london() -> icalendar.Timezone:
    """The rules of London's time since 1996: summer time from the last Sunday of March to the last of October, both at
    01:00 UTC. Written here because icalendar 7.3 makes them up from transitions an hour late in spring."""
    zone = icalendar.Timezone()
    zone.add("tzid", LONDON.key)
    for part, name, start, month, before, after in (
        (icalendar.TimezoneDaylight(), "BST", datetime(1996, 3, 31, 1, 0), 3, timedelta(0), timedelta(hours=1)),  # noqa: DTZ001
        (icalendar.TimezoneStandard(), "GMT", datetime(1996, 10, 27, 2, 0), 10, timedelta(hours=1), timedelta(0)),  # noqa: DTZ001
    ):
        part.add("dtstart", start)
        part.add("rrule", {"freq": "yearly", "bymonth": month, "byday": "-1SU"})
        part.add("tzname", name)
        part.add("tzoffsetfrom", before)
        part.add("tzoffsetto", after)
        zone.add_component(part)
    return zone


def _component(event: Event, page_url: str) -> icalendar.Event:
    component = icalendar.Event()
    component.add("uid", event.uid)
    component.add("sequence", event.sequence)
    component.add("dtstamp", _stamp(event.updated_at))
    component.add("created", _stamp(event.created_at))
    component.add("last-modified", _stamp(event.updated_at))
    component.add("dtstart", _local(event.starts_at))
    component.add("dtend", _local(event.ends_at))
    component.add("summary", event.title)
    component.add("location", where(event))
    component.add("description", description(event))
    component.add("url", page_url)
    component.add("status", "CONFIRMED" if event.cancelled_at is None else "CANCELLED")
    return component


def description(event: Event) -> str:
    """What the page says, as lines."""
    lines = [
        markup.to_text(event.summary),
        f"Cost: {event.cost}",
        f"For: {event.for_whom}",
        f"Join online: {event.online_url}" if event.online_url else "",
        f"Access: {event.access_notes}" if event.access_notes else "",
        f"If you need changes to take part: {event.adjustments_contact}",
        f"Booking: {event.booking} {event.booking_url}".strip() if event.booking or event.booking_url else "",
        f"If you cannot come: {event.without_attending}" if event.without_attending else "",
    ]
    return "\n".join(line for line in lines if line)


def _local(moment: datetime) -> datetime:
    return moment.astimezone(LONDON).replace(microsecond=0)


def _stamp(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
