"""The dates on the web: a list, a page and a calendar file for each, the same for everybody."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import icalendar
import pytest

from newsletter.content import events, partners
from newsletter.content.models import Partner
from newsletter.core.clock import ManualClock
from tests.newsletter.content.conftest import event_draft
from tests.newsletter.web.conftest import Door


def hold(door: Door, **changes: Any) -> int:
    """An event of the town's only organisation."""
    with door.runtime.db.transaction() as session:
        known = partners.partners(session)
        if not known:
            session.add(Partner(slug="council", name="Example Council", from_date=date(2020, 1, 1)))
            session.flush()
        draft = event_draft(partner_id=partners.partners(session)[0].id, **changes)
        return events.write(session, draft, now=door.runtime.clock.now()).id or 0


def shown(page: str) -> list[str]:
    return re.findall(r'<h2[^>]*><a class="govuk-link" href="/events/([^"]+)"', page)


def test_what_is_coming_is_listed_soonest_first_and_drops_out(door: Door) -> None:
    assert "There are no dates at the moment" in door.get("/events").text
    for title, days in (("Later", 7), ("Sooner", 0)):
        start = datetime(2026, 11, 20, 18, 30, tzinfo=UTC) + timedelta(days=days)
        hold(door, title=title, starts_at=start, ends_at=start + timedelta(hours=1))
    hold(door, title="Schools", for_parents=False, for_professionals=True)
    hold(door, title="Not yet", announce_from=date(2026, 11, 4))
    page = door.get("/events").text
    assert shown(page) == ["sooner-2026-11-20", "schools-2026-11-20", "later-2026-11-27"]
    assert "Friday 20 November 2026, 6:30pm to 8pm" in page
    assert shown(door.get("/events?for=professionals").text) == ["schools-2026-11-20"]
    assert shown(door.get("/events?for=parents").text) == ["sooner-2026-11-20", "later-2026-11-27"]
    assert len(shown(door.get("/events?for=everybody%00").text)) == 3
    clock = door.runtime.clock
    assert isinstance(clock, ManualClock)
    clock.set(datetime(2026, 11, 20, 20, 0, tzinfo=UTC))
    assert "sooner-2026-11-20" not in door.get("/events").text
    assert "This date has passed" in door.get("/events/sooner-2026-11-20").text


def test_a_page_says_what_people_ask(sqlite_door: Door) -> None:
    hold(
        sqlite_door, place="both", venue="Town Hall", postal_address="1 High Street", cost="£2 for tea",
        summary="Come & **talk**.", booking="Book by Monday.", booking_url="https://www.example.org/book",
    )  # fmt: skip
    page = sqlite_door.get("/events/tell-us-what-you-think-2026-11-20").text
    for words in (
        "Town Hall, 1 High Street, or online", 'href="https://meet.example.org/1"', "£2 for tea", "Parents and carers",
        "There are live captions.", "Call 01632 960000.", "Book by Monday.", 'href="https://www.example.org/book"',
        "Reply to this email.", "This is run by Example Council.", "Come &amp; <strong>talk</strong>.",
        'href="/events/tell-us-what-you-think-2026-11-20.ics"',
    ):  # fmt: skip
        assert words in page


@pytest.mark.parametrize("suffix", ["", ".ics"])
def test_what_is_not_announced_does_not_exist(suffix: str, sqlite_door: Door) -> None:
    hold(sqlite_door, announce_from=date(2026, 11, 4))
    assert sqlite_door.get(f"/events/tell-us-what-you-think-2026-11-20{suffix}").status_code == 404
    assert sqlite_door.get(f"/events/nothing{suffix}").status_code == 404


def test_a_cancelled_date_says_so_everywhere(sqlite_door: Door) -> None:
    event_id = hold(sqlite_door)
    with sqlite_door.runtime.db.transaction() as session:
        events.cancel(session, event_id, now=sqlite_door.runtime.clock.now())
    path = "/events/tell-us-what-you-think-2026-11-20"
    assert "Cancelled: Friday" in sqlite_door.get("/events").text
    page = sqlite_door.get(path).text
    assert "This is cancelled." in page
    assert "Join online" not in page
    for file in (f"{path}.ics", "/events/calendar.ics"):
        (found,) = icalendar.Calendar.from_ical(sqlite_door.get(file).content).walk("VEVENT")
        assert found["status"] == "CANCELLED"
        assert found["sequence"] == 1


def test_the_calendar_has_what_the_list_has(door: Door) -> None:
    hold(door)
    hold(door, title="Schools", for_parents=False, for_professionals=True)
    response = door.get("/events/calendar.ics")
    assert response.headers["content-type"] == "text/calendar; charset=utf-8"
    calendar = icalendar.Calendar.from_ical(response.content)
    assert [one["summary"] for one in calendar.walk("VEVENT")] == ["Tell us what you think", "Schools"]
    (one,) = icalendar.Calendar.from_ical(door.get("/events/calendar.ics?for=professionals").content).walk("VEVENT")
    assert one["url"] == "http://news.example.org/events/schools-2026-11-20"
    page = door.get("/events?for=professionals").text
    assert 'href="webcal://news.example.org/events/calendar.ics?for=professionals"' in page


@pytest.mark.parametrize("path", ["/events/calendar.ics", "/events/tell-us-what-you-think-2026-11-20.ics"])
def test_a_calendar_that_did_not_change_is_not_sent_again(path: str, sqlite_door: Door) -> None:
    event_id = hold(sqlite_door)
    first = sqlite_door.get(path, headers={"accept-encoding": "gzip"})
    tag = first.headers["etag"]
    assert re.fullmatch(r'W/"[0-9a-f]{32}"', tag)  # weak: it may go out compressed
    for asked in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        again = sqlite_door.get(path, headers={"if-none-match": asked})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert sqlite_door.get(path, headers={"if-none-match": '"other"'}).status_code == 200
    with sqlite_door.runtime.db.transaction() as session:
        events.cancel(session, event_id, now=sqlite_door.runtime.clock.now())
    assert sqlite_door.get(path, headers={"if-none-match": tag}).status_code == 200
