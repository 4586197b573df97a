"""Calendar files: read back by a parser, whatever was typed, with London's time on both sides of the clock change."""

import re
from datetime import UTC, date, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import icalendar
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from newsletter.content import calendar_files
from newsletter.content.events import EventDraft
from newsletter.content.lines import one_line
from newsletter.content.models import Event
from tests.newsletter.content.conftest import event_draft

NOW = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)
PAGE = "https://news.example.org/events/tell-us"


def event(draft: EventDraft | None = None, **changes: object) -> Event:
    values = {"id": 1, "slug": "tell-us", "uid": "7b0e0c52-0000-4000-8000-000000000001", "sequence": 0}
    return Event(**(draft or event_draft()).model_dump(), **{**values, "created_at": NOW, "updated_at": NOW, **changes})


def read(body: bytes) -> icalendar.Calendar:
    calendar = icalendar.Calendar.from_ical(body)
    assert isinstance(calendar, icalendar.Calendar)
    return calendar


def only(body: bytes) -> icalendar.Event:
    (found,) = read(body).walk("VEVENT")
    assert isinstance(found, icalendar.Event)
    return found


def write(one: Event) -> bytes:
    return calendar_files.one(one, page_url=PAGE, product="Example SEND partnership")


def _lines(length: int) -> st.SearchStrategy[str]:
    def is_line(text: str) -> bool:
        try:
            return bool(one_line(text)) and "\\N" not in text
        except ValueError:
            return False

    # icalendar 7.3 takes a backslash with a capital N for a line break when it writes; nothing else of the kind.
    marks = st.text(st.sampled_from(",;:\\\"'nN \u00e9\u2014\U0001f33bab"), min_size=1, max_size=length)
    return (marks | st.text(min_size=1, max_size=length)).filter(is_line).map(one_line)


@given(_lines(100), _lines(300), _lines(100))
def test_whatever_was_typed_comes_back(title: str, notes: str, venue: str) -> None:
    one = event(event_draft(title=title, access_notes=notes, place="both", venue=venue, postal_address="1 High Street"))
    body = write(one)
    assert all(len(line) <= 75 for line in body.split(b"\r\n"))
    assert not re.search(rb"(?<!\r)\n", body)
    back = only(body)
    assert back["summary"] == title
    assert back["location"] == f"{venue}, 1 High Street, or online"
    assert f"Access: {notes}" in back["description"]
    assert "\nJoin online: https://meet.example.org/1" in f"\n{back['description']}"


zones = count(1)
#: Most of them near a change of the clocks.
moments = st.builds(
    lambda year, change, minutes: datetime(year, *change, tzinfo=UTC) + timedelta(minutes=minutes),
    st.integers(2024, 2036), st.sampled_from([(3, 28), (10, 28), (7, 1), (1, 1)]), st.integers(-7 * 1440, 7 * 1440),
)  # fmt: skip


@given(moments, st.integers(1, 60 * 72))
def test_times_are_londons_whenever_it_is(start: datetime, minutes: int) -> None:
    end = start + timedelta(minutes=minutes)
    body = write(event(event_draft(starts_at=start, ends_at=end, announce_from=date(2020, 1, 1))))
    back = only(body)
    for name, moment in (("dtstart", start), ("dtend", end)):
        assert back[name].params["TZID"] == "Europe/London"
        assert back[name].dt.replace(tzinfo=None) == moment.astimezone(ZoneInfo("Europe/London")).replace(tzinfo=None)


@given(moments)
def test_the_file_itself_says_when_the_clocks_change(start: datetime) -> None:
    """Read without the zones that this machine knows: the rules in the file give the same moments. The hour that comes
    twice in October is left out, because its name alone does not say which is meant."""
    if start.month == 10 and start.hour in (0, 1):
        return
    body = write(
        event(event_draft(starts_at=start, ends_at=start + timedelta(hours=1), announce_from=date(2020, 1, 1)))
    )
    name = f"Somewhere/{next(zones)}"  # the parser remembers zones by their names
    (found,) = read(body.replace(b"Europe/London", name.encode())).walk("VEVENT")
    assert found["dtstart"].dt.astimezone(UTC) == start


def test_a_change_and_a_cancellation_reach_calendars() -> None:
    first = only(write(event()))
    assert (first["uid"], first["sequence"], first["status"]) == (
        "7b0e0c52-0000-4000-8000-000000000001", 0, "CONFIRMED",
    )  # fmt: skip
    assert first["dtstamp"].dt == NOW
    later = NOW + timedelta(days=1)
    second = only(write(event(sequence=2, updated_at=later, cancelled_at=later)))
    assert (second["uid"], second["sequence"], second["status"]) == (first["uid"], 2, "CANCELLED")
    assert (second["dtstamp"].dt, second["url"]) == (later, PAGE)


def test_the_same_event_gives_the_same_bytes() -> None:
    assert write(event()) == write(event())
    feed = calendar_files.feed([(event(), PAGE)], name="Dates", product="P")
    assert feed == calendar_files.feed([(event(), PAGE)], name="Dates", product="P")
    assert read(feed)["x-wr-calname"] == "Dates"
    assert not read(calendar_files.feed([], name="Dates", product="P")).walk("VEVENT")


def test_what_would_break_a_file_cannot_be_typed() -> None:
    for title in ("One\r\nBEGIN:VALARM", "A\x00B"):
        with pytest.raises(Exception, match="one line"):
            event_draft(title=title)
    with pytest.raises(ValidationError):
        EventDraft.model_validate({"title": "\ud800"})
