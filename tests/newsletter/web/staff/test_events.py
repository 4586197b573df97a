"""Events as staff write them: the list, adding, changing, copying, cancelling; times around the clock changes; and two
people at once."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, select

from newsletter.content import events
from newsletter.content.dates import LONDON
from newsletter.content.events import EventDraft
from newsletter.content.models import Event, EventPlace
from newsletter.editions import publishing
from newsletter.editions.models import EditionState, EventChoice
from newsletter.staff import sessions
from newsletter.staff.models import StaffRole, StaffRoleHeld
from newsletter.web import typed_moments
from newsletter.web.staff.event_sheet import SHEET, as_typed
from newsletter.web.staff.settings import filling
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
        for path in (
            PATH,
            f"{PATH}/{newsroom.event}",
            f"{PATH}/{newsroom.event}/cancel",
            f"{PATH}/new?copy={newsroom.event}",
        ):
            page = author.get(path)
            assert page.status_code == 200
            assert "<script>alert(" not in page.text
            assert "&lt;script&gt;alert(1)" in page.text
        assert filled(author.get(f"{PATH}/{newsroom.event}"))["title"] == HOSTILE


class TestChanging:
    def test_a_change_makes_calendars_take_over_and_stands_in_the_log(self, author: Desk, newsroom: Newsroom) -> None:
        event = added(author, newsroom)
        fields = form_of(author, event.id or 0)
        assert (fields["starts"], fields["ends"], fields["last_day"]) == ("6:30pm", "8pm", "")
        answer = author.post(f"{PATH}/{event.id}", fields | {"ends": "1am", "last_day": "21/11/2026"})
        assert answer.headers["location"] == f"{PATH}/{event.id}?said=saved"
        changed = stored(newsroom)
        assert (changed.ends_at, changed.sequence, changed.slug) == (
            datetime(2026, 11, 21, 1, tzinfo=UTC), event.sequence + 1, event.slug
        )  # fmt: skip
        assert changed.editor_id == author.staff_id
        assert logged(newsroom.runtime)[-1] == ("change event", f"event {event.id}", "ends, last day")
        assert form_of(author, event.id or 0)["last_day"] == "21/11/2026"
        calendar = author.get(f"/events/{event.slug}.ics").text
        assert f"SEQUENCE:{event.sequence + 1}" in calendar

    def test_what_somebody_else_saved_is_not_overwritten_unseen(
        self, author: Desk, desk: Sit, newsroom: Newsroom
    ) -> None:
        event = added(author, newsroom)
        mine = form_of(author, event.id or 0)
        colleague = desk(StaffRole.ADMIN, name="A colleague")
        theirs = form_of(colleague, event.id or 0) | {"venue": "The library"}
        assert colleague.post(f"{PATH}/{event.id}", theirs).status_code == 303
        refused = author.post(f"{PATH}/{event.id}", mine | {"venue": "The school"})
        assert refused.status_code == 409
        assert "A colleague saved this on 3 November 2026 at 9am, while you were writing." in refused.text
        assert "<dd>The library</dd>" in refused.text
        assert filled(refused)["venue"] == "The school"
        assert stored(newsroom).venue == "The library"
        again = filled(refused) | picked(refused.text)
        assert author.post(f"{PATH}/{event.id}", again).status_code == 303
        assert stored(newsroom).venue == "The school"

    def test_whoever_changes_nothing_is_no_author_of_it(self, author: Desk, desk: Sit, newsroom: Newsroom) -> None:
        event, colleague = added(author, newsroom), desk(StaffRole.ADMIN)
        for form, editor in (({}, None), ({"cost": "£2"}, colleague.staff_id)):
            answer = colleague.post(f"{PATH}/{event.id}", form_of(colleague, event.id or 0) | form)
            assert answer.headers["location"].endswith("?said=saved")
            assert stored(newsroom).editor_id == editor
        assert [entry[0] for entry in logged(newsroom.runtime)] == ["add event", "change event"]

    def test_a_form_without_its_mark_is_refused(self, author: Desk, newsroom: Newsroom) -> None:
        event = added(author, newsroom)
        assert author.post(f"{PATH}/{event.id}", typed(newsroom, title="Other")).status_code == 409

    def test_an_edition_that_waited_for_approval_is_a_draft_again(self, author: Desk, newsroom: Newsroom) -> None:
        with newsroom.runtime.db.transaction() as session:
            publishing.submit(session, newsroom.edition, now=newsroom.runtime.clock.now())
        answer = author.post(f"{PATH}/{newsroom.event}", form_of(author, newsroom.event) | {"cost": "£2"})
        assert "is a draft again" in author.get(answer.headers["location"]).text
        assert newsroom.state() is EditionState.DRAFT

    def test_an_event_that_is_over_can_be_mended(self, author: Desk, newsroom: Newsroom) -> None:
        event = added(author, newsroom)
        newsroom.runtime.clock.move(timedelta(days=60))  # type: ignore[attr-defined]
        author = Desk(author.door, author.staff_id, sign_in_again(author))
        page = author.get(f"{PATH}/{event.id}")
        assert ">Over<" in page.text
        assert author.post(f"{PATH}/{event.id}", form_of(author, event.id or 0) | {"cost": "£2"}).status_code == 303

    def test_nothing_there(self, author: Desk, newsroom: Newsroom) -> None:
        for path in (f"{PATH}/999", f"{PATH}/999/cancel", f"{PATH}/new?copy=999"):
            assert author.get(path).status_code == 404
        assert author.post(f"{PATH}/999", {}).status_code == 404
        assert author.get(f"{PATH}/{10**30}").status_code == 422
        assert author.get(f"{PATH}/new?copy=nonsense").status_code == 200


def sign_in_again(desk: Desk) -> str:
    runtime = desk.door.runtime
    with runtime.db.transaction() as session:
        return sessions.begin(
            session, runtime.crypto, desk.staff_id, browser="A test", is_whole=True, now=runtime.clock.now()
        )


class TestCopying:
    def test_a_copy_has_everything_but_its_day(self, author: Desk, newsroom: Newsroom) -> None:
        event = added(author, newsroom)
        page = author.get(f"{PATH}/new?copy={event.id}")
        fields = filled(page) | picked(page.text)
        assert (fields["title"], fields["venue"], fields["starts"]) == ("Coffee and questions", "Town Hall", "6:30pm")
        assert (fields["day"], fields["last_day"], fields["announce_from"]) == ("", "", "3/11/2026")
        answer = author.post(f"{PATH}/new", fields | {"day": "4/12/2026", "title": "Coffee again"})
        assert answer.status_code == 303
        copy = stored(newsroom, "Coffee again")
        assert copy.starts_at == event.starts_at + timedelta(days=14)
        assert (copy.uid != event.uid, copy.slug != event.slug, copy.sequence) == (True, True, 0)


class TestCancelling:
    def test_it_says_what_happens_and_then_it_does(self, author: Desk, newsroom: Newsroom) -> None:
        event = added(author, newsroom)
        assert "Its calendar file says CANCELLED" in author.get(f"{PATH}/{event.id}/cancel").text
        assert author.post(f"{PATH}/{event.id}/cancel").headers["location"].endswith("?said=cancelled")
        assert author.post(f"{PATH}/{event.id}/cancel").status_code == 303  # a second press
        assert author.get(f"{PATH}/{event.id}/cancel").status_code == 303
        assert [entry[0] for entry in logged(newsroom.runtime)] == ["add event", "cancel event"]
        calendar = author.get(f"/events/{event.slug}.ics").text
        assert ("STATUS:CANCELLED" in calendar, "SEQUENCE:1" in calendar) == (True, True)
        assert "This is cancelled." in author.get(f"/events/{event.slug}").text
        page = author.get(f"{PATH}/{event.id}").text.partition("<main")[2]
        assert "<form" not in page
        assert "Copy it to another day" in page

    def test_whoever_was_still_writing_keeps_what_they_typed(self, author: Desk, newsroom: Newsroom) -> None:
        event = added(author, newsroom)
        mine = form_of(author, event.id or 0) | {"venue": "The school"}
        author.post(f"{PATH}/{event.id}/cancel")
        refused = author.post(f"{PATH}/{event.id}", mine)
        assert refused.status_code == 409
        assert errors(refused) == ["“Coffee and questions” was cancelled. Write a new event instead"]
        assert filled(refused)["venue"] == "The school"
        assert f'action="{PATH}/new"' in refused.text
        fields = filled(refused) | picked(refused.text) | {"title": "Coffee after all"}
        assert author.post(f"{PATH}/new", fields).status_code == 303

    def test_an_approved_edition_with_it_is_a_draft_again(self, author: Desk, newsroom: Newsroom) -> None:
        with newsroom.runtime.db.transaction() as session:
            publishing.submit(session, newsroom.edition, now=newsroom.runtime.clock.now())
        assert "edition 5</a>" in author.get(f"{PATH}/{newsroom.event}/cancel").text
        answer = author.post(f"{PATH}/{newsroom.event}/cancel")
        assert answer.headers["location"].endswith("?said=cancelled-reopened")
        assert newsroom.state() is EditionState.DRAFT


class TestListing:
    def test_it_is_narrowed_by_time_readers_and_words(self, author: Desk, newsroom: Newsroom) -> None:
        added(author, newsroom, title="For schools", for_parents="", for_professionals="yes")
        gone = added(author, newsroom, title="Given up")
        author.post(f"{PATH}/{gone.id}/cancel")
        later = added(author, newsroom, title="Told later", announce_from="10/11/2026")
        page = author.get(PATH).text
        assert page.index("Tell us what you think") < page.index("For schools")
        assert ("Given up" in page, "From 10 November 2026" in page) == (False, True)
        assert "In <a" in page
        assert "Given up" in author.get(f"{PATH}?when=cancelled").text
        assert "For schools" not in author.get(f"{PATH}?when=all&for=parents").text
        assert "1 event<" in author.get(f"{PATH}?for=professionals").text
        assert "1 event<" in author.get(f"{PATH}?words=told+LATER").text
        assert "No event is like that" in author.get(f"{PATH}?words=100%25").text
        assert "No event is like that" in author.get(f"{PATH}?when=over").text
        assert author.get(f"{PATH}?when=nonsense&for=nobody&page=0x&words=%00").status_code == 200
        assert "has a public page" in author.get(f"{PATH}/{later.id}").text

    def test_a_long_list_is_paged_and_asks_the_database_no_more(self, author: Desk, newsroom: Newsroom) -> None:
        author.get(PATH)
        with Counted(newsroom.runtime) as few:
            author.get(PATH)
        with newsroom.runtime.db.transaction() as session:
            same = events.draft_of(events.by_id(session, newsroom.event))
            for number in range(60):
                draft = same.model_copy(update={"title": f"Event {number}"})
                event = events.write(session, draft, now=newsroom.runtime.clock.now())
                session.add(
                    EventChoice(edition_id=newsroom.edition, event_id=event.id or 0, is_in=True, reason="It is")
                )
        with Counted(newsroom.runtime) as many:
            page = author.get(PATH).text
        assert many.number == few.number
        assert page.count("<li>\n    <h2") == 50
        assert "61 events" in page
        assert "page=2" in page
        assert "1 of 2" in author.get(f"{PATH}?page=99").text

    def test_the_composing_page_leads_to_it(self, author: Desk, desk: Sit, newsroom: Newsroom) -> None:
        link = f'href="{PATH}/{newsroom.event}"'
        assert link in author.get(f"/staff/editions/{newsroom.edition}").text
        assert link not in desk(StaffRole.APPROVER).get(f"/staff/editions/{newsroom.edition}").text


class TestRoles:
    def test_a_role_for_one_list_reaches_its_readers_and_no_others(
        self, author: Desk, desk: Sit, newsroom: Newsroom
    ) -> None:
        theirs = added(author, newsroom, title="For schools", for_parents="", for_professionals="yes")
        narrow = desk(StaffRole.AUTHOR, email="narrow@example.org", name="Author of one list")
        with newsroom.runtime.db.transaction() as session:
            held = session.exec(select(StaffRoleHeld).where(StaffRoleHeld.staff_id == narrow.staff_id)).one()
            held.mailing_list_id = newsroom.parents
            session.add(held)
        page = narrow.get(f"{PATH}/{theirs.id}").text
        assert "You can read it and not change it" in page
        assert f'action="{PATH}/{theirs.id}"' not in page
        assert narrow.get(f"{PATH}/{theirs.id}/cancel").status_code == 403
        assert narrow.post(f"{PATH}/{theirs.id}/cancel").status_code == 403
        mark = form_of(author, theirs.id or 0)
        assert narrow.post(f"{PATH}/{theirs.id}", mark | {"title": "Mine now"}).status_code == 403
        assert narrow.post(f"{PATH}/new", typed(newsroom, for_professionals="yes")).status_code == 403
        assert narrow.post(f"{PATH}/new", typed(newsroom)).status_code == 303
        assert stored(newsroom, "For schools").cancelled_at is None

    def test_a_form_of_another_site_is_refused(self, author: Desk, newsroom: Newsroom) -> None:
        foreign = {"origin": "https://evil.example.org", "sec-fetch-site": "cross-site"}
        for path, form in ((f"{PATH}/new", typed(newsroom)), (f"{PATH}/{newsroom.event}/cancel", {})):
            assert author.post(path, form, headers=foreign).status_code == 403
        with newsroom.runtime.db.reading() as session:
            assert [event.cancelled_at for event in session.exec(select(Event).order_by(col(Event.id)))] == [None]


#: The nights on which the clocks change, and the days beside them, by the clock on the wall.
_DAYS = st.sampled_from([date(2026, 3, 28), date(2026, 3, 29), date(2026, 10, 24), date(2026, 10, 25)])
_MINUTES = st.integers(0, 24 * 60 - 1)


def on_the_wall(day: date, minutes: int) -> datetime:
    return datetime(day.year, day.month, day.day, minutes // 60, minutes % 60, tzinfo=LONDON)


class TestClockChanges:
    @given(day=_DAYS, minutes=_MINUTES)
    def test_what_was_read_is_shown_as_it_was_typed_or_was_refused(self, day: date, minutes: int) -> None:
        wall = on_the_wall(day, minutes)
        if day in (date(2026, 3, 29), date(2026, 10, 25)) and wall.hour == 1:
            with pytest.raises(ValueError, match="The clocks go"):
                typed_moments.on(day, f"{wall:%H:%M}")
            return
        moment = typed_moments.on(day, f"{wall:%H:%M}")
        assert f"{moment.astimezone(LONDON):%d %H:%M}" == f"{wall:%d %H:%M}"
        assert typed_moments.on(day, typed_moments.as_typed(moment)) == moment

    @given(day=_DAYS, minutes=_MINUTES, lasts=st.integers(1, 30 * 60))
    def test_an_event_across_the_night_is_shown_as_it_is_kept(self, day: date, minutes: int, lasts: int) -> None:
        starts = on_the_wall(day, minutes).astimezone(UTC)
        draft = event_draft(starts, starts + timedelta(minutes=lasts))
        shown = {name: "yes" if text is True else text for name, text in filling.showing(as_typed(draft)).typed.items()}
        form, again = SHEET.fill({name: str(text) for name, text in shown.items()})
        if again is None:
            assert set(form.errors) <= {"starts", "ends"}
            assert all("The clocks go back" in sentence for sentence in form.errors.values())
        else:
            assert again.starts_at == draft.starts_at
            assert again.ends_at == draft.ends_at


def event_draft(starts_at: datetime, ends_at: datetime) -> EventDraft:
    return EventDraft(
        title="Through the night", starts_at=starts_at, ends_at=ends_at, place=EventPlace.ONLINE, for_parents=True,
        online_url="https://meet.example.org/1", for_whom="Everybody", adjustments_contact="Call.", partner_id=1,
        announce_from=date(2026, 1, 1),
    )  # fmt: skip
