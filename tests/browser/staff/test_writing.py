"""The pages of events, answers and feedback in a browser: axe, small phones, the dark, no scripts, the keyboard."""

from collections.abc import Callable
from datetime import date

import pytest

from newsletter.content.models import Event, Response, ResponseOutcome
from newsletter.feedback import taking, themes
from newsletter.feedback.models import FeedbackSource, Speaker
from newsletter.staff.models import StaffRole
from tests.browser.conftest import Site, Visitor
from tests.newsletter.web.staff import newsroom
from tests.newsletter.web.staff.newsroom import TODAY, Newsroom

LONG = "A long line about something that many people told us again and again in one long sentence without a break"


@pytest.fixture
def room(site: Site) -> Newsroom:
    """An event, an answer that is late, feedback that is filed and feedback that is not."""
    room = newsroom.build(site.runtime)
    with site.runtime.db.transaction() as session:
        answer = session.get_one(Response, room.response)
        answer.outcome, answer.doing_by, answer.people = ResponseOutcome.DOING, date(2026, 11, 1), 3
        texts = (LONG, "The phone line is never free.", "Nobody calls back.\nIt takes weeks.", "More in Easy Read.")
        ids = [
            taking.view(
                session, text=text, day=TODAY, source=FeedbackSource.WEB, speaker=Speaker.PARENT,
                priority_area_id=room.areas[0],
            ).id or 0
            for text in texts
        ]  # fmt: skip
        themes.file(session, ids[:1], "Calls are not returned", now=site.runtime.clock.now())
    return room


@pytest.fixture
def author(visit: Callable[..., Visitor]) -> Visitor:
    return enter(visit())


def enter(visitor: Visitor) -> Visitor:
    visitor.sign_in(StaffRole.AUTHOR, StaffRole.ADMIN)
    return visitor


PAGES = (
    ("events", "/staff/events"),
    ("events-none", "/staff/events?when=cancelled&words=nothing"),
    ("event-new", "/staff/events/new"),
    ("event", "/staff/events/{event}"),
    ("event-copy", "/staff/events/new?copy={event}"),
    ("event-cancel", "/staff/events/{event}/cancel"),
    ("answers", "/staff/answers"),
    ("answer-new", "/staff/answers/new"),
    ("answer-theme", "/staff/answers/new?theme=1"),
    ("answer", "/staff/answers/{response}"),
    ("feedback", "/staff/feedback"),
    ("feedback-filed", "/staff/feedback?state=filed"),
)


@pytest.mark.parametrize(("name", "path"), PAGES, ids=[name for name, _ in PAGES])
def test_every_page_is_clean(author: Visitor, room: Newsroom, name: str, path: str) -> None:
    author.open(path.format(event=room.event, response=room.response))
    author.look(f"staff-{name}")


def test_errors_lead_to_their_fields_and_are_clean(author: Visitor, room: Newsroom) -> None:
    author.open("/staff/events/new")
    author.press("Add the event")
    assert author.page.locator(".govuk-error-summary").evaluate("each => each === document.activeElement")
    author.look("staff-event-errors")
    author.page.get_by_role("link", name="Enter the time it ends").press("Enter")
    assert author.page.evaluate("document.activeElement.id") == "ends"
    author.open("/staff/feedback")
    author.press("Set aside")
    author.page.get_by_role("link", name="Choose what to file, to set aside or to delete").press("Enter")
    assert author.page.evaluate("document.activeElement.id") == "texts"
    author.look("staff-feedback-errors")


def test_what_somebody_else_saved_stands_beside_what_was_typed(author: Visitor, room: Newsroom) -> None:
    author.open(f"/staff/events/{room.event}")
    with room.runtime.db.transaction() as session:
        session.get_one(Event, room.event).venue = "The library"
    author.page.get_by_label("Name of the venue").fill("The school")
    author.press("Save")
    assert author.page.get_by_role("region", name="What is saved now").get_by_text("The library").is_visible()
    author.look("staff-event-meanwhile")
    author.press("Save")
    assert author.page.get_by_text("The event was saved").is_visible()
    assert author.page.get_by_label("Name of the venue").input_value() == "The school"


def test_fields_of_another_choice_are_hidden_while_they_are_empty(author: Visitor, room: Newsroom) -> None:
    author.open("/staff/events/new")
    venue, link = author.page.get_by_label("Name of the venue"), author.page.get_by_label("Link to join online")
    assert (venue.is_visible(), link.is_visible()) == (False, False)
    author.page.get_by_label("In person", exact=True).check()
    assert (venue.is_visible(), link.is_visible()) == (True, False)
    venue.fill("Town Hall")
    author.page.get_by_label("Online", exact=True).check()
    assert (venue.is_visible(), link.is_visible()) == (True, True)
    author.look("staff-event-choices")
    author.open("/staff/answers/new")
    day, reason = author.page.get_by_label("By when it will be done"), author.page.get_by_label("The reason")
    author.page.get_by_label("We are doing it").check()
    assert (day.is_visible(), reason.is_visible()) == (True, False)
    author.page.get_by_label("Others decide").check()
    assert (day.is_visible(), reason.is_visible()) == (False, True)


@pytest.mark.parametrize("scripts", [True, False])
def test_an_event_is_added_and_cancelled_from_the_keyboard(
    visit: Callable[..., Visitor], room: Newsroom, scripts: bool
) -> None:
    author = enter(visit(java_script_enabled=scripts))
    author.open("/staff/")
    with author.page.expect_navigation():
        author.page.get_by_role("link", name="Events", exact=True).press("Enter")
    with author.page.expect_navigation():
        author.page.get_by_role("button", name="Add an event").press("Enter")
    author.page.get_by_label("In person", exact=True).press("Space")
    for label, text in (
        ("Title", "Coffee and questions"), ("Day", "20/11/2026"), ("Time it starts", "6:30pm"),
        ("Time it ends", "20:00"), ("Name of the venue", "Town Hall"), ("Address of the venue", "1 High Street"),
        ("Contact for help to take part", "Call 01632 960123."), ("Who can come?", "Everybody"),
    ):  # fmt: skip
        author.page.get_by_label(label, exact=True).focus()
        author.page.keyboard.type(text)
    author.page.get_by_label("Parents and carers", exact=True).press("Space")
    author.page.get_by_label("Which organisation runs it?").select_option(label="Example Council")
    with author.page.expect_navigation():
        author.page.get_by_role("button", name="Add the event").press("Enter")
    assert author.page.get_by_text("The event was added").is_visible()
    assert author.page.get_by_text("Friday 20 November 2026, 6:30pm to 8pm").is_visible()
    with author.page.expect_navigation():
        author.page.get_by_role("link", name="Cancel it").press("Enter")
    with author.page.expect_navigation():
        author.page.get_by_role("button", name="Cancel the event").press("Enter")
    assert author.page.get_by_text("Its page and its calendar file say so").is_visible()
    author.look("staff-event-cancelled") if scripts else None


def test_feedback_becomes_an_answer_without_scripts(visit: Callable[..., Visitor], room: Newsroom) -> None:
    author = enter(visit(java_script_enabled=False))
    author.open("/staff/feedback")
    author.page.get_by_label("The phone line is never free.").check()
    author.page.get_by_label("Or a new theme").fill("The phone line is engaged")
    author.press("File under the theme")
    assert author.page.get_by_text("Said fewer than 5 times").first.is_visible()
    with author.page.expect_navigation():
        author.page.get_by_role("link", name="Answer this theme : The phone line is engaged").click()
    assert author.page.get_by_label("What it is about").input_value() == "The phone line is engaged"
    assert author.page.get_by_label("First day on which they said it").input_value() == "3/11/2026"
    author.page.get_by_label("What people told us").fill("You cannot get through.")
    author.page.get_by_label("It is done").check()
    author.page.get_by_label("Answer", exact=True).fill("Two more people answer.")
    author.page.get_by_label("Who decided, or has to?").fill("Head of SEND")
    author.page.get_by_label("Which organisation answers?").select_option(label="Example Council")
    author.page.get_by_label("Parents and carers", exact=True).check()
    author.press("Add the answer")
    assert author.page.get_by_text("The answer was added").is_visible()
    assert author.page.get_by_role("listitem").filter(has_text="The phone line is engaged").is_visible()


@pytest.mark.parametrize("scripts", [True, False])
def test_feedback_that_names_somebody_is_deleted(
    visit: Callable[..., Visitor], room: Newsroom, *, scripts: bool
) -> None:
    author = enter(visit(java_script_enabled=scripts))
    author.open("/staff/feedback")
    author.page.get_by_label("The phone line is never free.").check()
    author.press("Delete")
    author.look("staff-feedback-delete") if scripts else None
    author.press("Delete for good")
    assert author.page.get_by_text("Deleted for good.").is_visible()
    assert author.page.get_by_text("The phone line is never free.").count() == 0
