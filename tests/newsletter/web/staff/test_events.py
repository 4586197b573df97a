"""Events as staff write them: the list, adding, changing, copying, calling off; times around the clock changes; and two
people at once."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from newsletter.content import events
from newsletter.content.models import Event
from newsletter.editions import publishing
from newsletter.editions.models import EditionState
from newsletter.staff.models import StaffRole, StaffRoleHeld
from tests.newsletter.web.conftest import Door
from tests.newsletter.web.staff.conftest import Desk
from tests.newsletter.web.staff.newsroom import HOSTILE, Newsroom
from tests.newsletter.web.staff.settings.forms import Counted, errors, filled, logged

Sit = Callable[..., Desk]
PATH = "/staff/events"


@pytest.fixture
def author(desk: Sit) -> Desk:
    return desk(StaffRole.AUTHOR)


def typed(room: Newsroom, **changes: str) -> dict[str, str]:
    return {
        "title": "Coffee and questions",
        "summary": "Ask us anything.",
        "day": "20/11/2026",
        "starts": "6:30pm",
        "ends": "8pm",
        "place": "in-person",
        "venue": "Town Hall",
        "postal_address": "1 High Street",
        "access_notes": "There is a lift.",
        "adjustments_contact": "Call 01632 960123.",
        "without_attending": "Reply to any email.",
        "for_whom": "Parents and carers",
        "cost": "Free",
        "for_parents": "yes",
        "partner_id": str(room.partner),
        "announce_from": "3/11/2026",
        **changes,
    }


def stored(room: Newsroom, title: str = "Coffee and questions") -> Event:
    with room.runtime.db.reading() as session:
        return session.exec(select(Event).where(Event.title == title)).one()


def added(author: Desk, room: Newsroom, **changes: str) -> Event:
    answer = author.post(f"{PATH}/new", typed(room, **changes))
    assert answer.status_code == 303, errors(answer)
    return stored(room, changes.get("title", "Coffee and questions"))


def form_of(author: Desk, event_id: int) -> dict[str, str]:
    return filled(author.get(f"{PATH}/{event_id}")) | picked(author.get(f"{PATH}/{event_id}").text)


def picked(page: str) -> dict[str, str]:
    """What is chosen in the selects of a page."""
    return {
        name: chosen[1]
        for name, options in re.findall(r'<select[^>]* name="(\w+)"[^>]*>(.*?)</select>', page, re.DOTALL)
        if (chosen := re.search(r'<option value="([^"]*)" selected', options))
    }


class TestAdding:
    def test_it_is_kept_as_it_was_typed_and_readers_find_it(self, author: Desk, newsroom: Newsroom) -> None:
        event = added(author, newsroom, place="both", online_url="https://meet.example.org/1")
        assert event.starts_at == datetime(2026, 11, 20, 18, 30, tzinfo=UTC)
        assert event.ends_at == datetime(2026, 11, 20, 20, tzinfo=UTC)
        assert event.author_id == author.staff_id
        assert author.get(f"/events/{event.slug}").status_code == 200
        page = author.get(f"{PATH}/{event.id}?said=added")
        assert "The event was added." in page.text
        assert f'href="/events/{event.slug}"' in page.text
        assert logged(newsroom.runtime)[-1] == ("add event", f"event {event.id}", "")

    def test_what_is_missing_is_said_in_the_words_of_the_page(self, author: Desk, newsroom: Newsroom) -> None:
        assert errors(author.post(f"{PATH}/new", {})) == [
            "Enter the title", "Enter the day", "Enter the time it starts", "Enter the time it ends",
            "Answer “How do people take part?”", "Enter the contact for help to take part", "Answer “Who can come?”",
            "Answer “Which organisation runs it?”", "Enter the first day to tell readers",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("changes", "field", "said"),
        [
            ({"ends": "6pm"}, "ends", "The end must be after the start"),
            ({"day": "31/2/2027"}, "day", "Day must be a real date, like 27/3/2027"),
            ({"last_day": "soon"}, "last_day", "Last day must be a real date, like 27/3/2027"),
            ({"starts": "9"}, "starts", "Enter a time, like 9:30am or 14:00"),
            ({"day": "28/3/2027", "starts": "1:30am"}, "starts", "The clocks go forward in that hour"),
            ({"day": "25/10/2026", "starts": "12am", "ends": "1:30am"}, "ends", "The clocks go back in that hour"),
            ({"venue": ""}, "venue", "Give the name of the venue and its address"),
            ({"postal_address": ""}, "postal_address", "Give the name of the venue and its address"),
            ({"place": "online"}, "venue", "An event that is online only has no venue"),
            ({"place": "both"}, "online_url", "Give the link to join"),
            ({"online_url": "https://meet.example.org/1"}, "online_url", "A link to join is for an event that is"),
            ({"booking_url": "example.org"}, "booking_url", "Must be a full address that starts with https://"),
            ({"for_parents": ""}, "for_parents", "Choose who it is for"),
            ({"announce_from": "21/11/2026"}, "announce_from", "The first day to announce it must be on or before"),
            ({"partner_id": "999"}, "partner_id", "Choose an organisation from the list"),
            ({"partner_id": "9" * 30}, "partner_id", "Which organisation runs it? must be"),
            ({"title": "x" * 121}, "title", "Title must be 120 characters or fewer"),
            ({"summary": "<b>No</b>"}, "summary", ""),
        ],
    )
    def test_what_cannot_be_is_refused_where_it_stands(
        self, author: Desk, newsroom: Newsroom, changes: dict[str, str], field: str, said: str
    ) -> None:
        answer = author.post(f"{PATH}/new", typed(newsroom, **changes))
        assert answer.status_code == 422
        assert errors(answer)[0].startswith(said)
        assert f'href="#{field}"' in answer.text
        assert f'id="{field}"' in answer.text
        kept = filled(answer)
        assert {name: text for name, text in typed(newsroom, **changes).items() if name in kept}.items() <= kept.items()

    def test_what_looks_like_markup_is_shown_as_it_was_typed(self, author: Desk, newsroom: Newsroom) -> None:
        with newsroom.runtime.db.transaction() as session:
            session.get_one(Event, newsroom.event).title = HOSTILE
            session.get_one(Event, newsroom.event).venue = HOSTILE
        for path in (PATH, f"{PATH}/{newsroom.event}", f"{PATH}/{newsroom.event}/cancel", f"{PATH}/new?copy={newsroom.event}"):
            page = author.get(path)
            assert page.status_code == 200
            assert "<script>alert(" not in page.text
            assert "&lt;script&gt;alert(1)" in page.text
        assert filled(author.get(f"{PATH}/{newsroom.event}"))["title"] == HOSTILE
