"""Whole errands in a real browser: without scripts, with the keyboard alone, and with the school search."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlmodel import select

from newsletter.core.tokens import Purpose
from subscribers import signup, topics
from subscribers.models import Subscriber, SubscriberState
from tests.browser.conftest import Visitor
from tests.newsletter.web import town

ADDRESS = "reader@example.org"

#: What a sign-up page and all it needs may weigh on the way to a phone.
MAXIMUM_BYTES = 60_000


def row(visitor: Visitor) -> Subscriber:
    with visitor.site.runtime.db.reading() as session:
        found = session.exec(select(Subscriber)).one()
        session.expunge(found)
        return found


def personal(visitor: Visitor, purpose: Purpose) -> str:
    found = row(visitor).id
    assert found is not None
    return town.token(visitor.site.runtime, purpose, found)


def choose(visitor: Visitor, typed: str, wanted: str) -> None:
    """Find a school by typing, with the keyboard alone."""
    field = visitor.page.get_by_role("combobox")
    field.fill("")
    field.press_sequentially(typed)
    option = visitor.page.get_by_role("option", name=wanted)
    option.wait_for()
    field.press("ArrowDown")
    visitor.page.locator("[role=option][aria-selected=true]").wait_for()
    visitor.page.keyboard.press("Enter")
    option.wait_for(state="hidden")
    assert field.input_value() == wanted


def test_everything_works_without_scripts(visit: Callable[..., Visitor]) -> None:
    visitor = visit(java_script_enabled=False)
    visitor.open("/")
    visitor.page.get_by_role("button", name="Sign up for SEND news for professionals").click()
    visitor.page.get_by_label("Email address").fill(ADDRESS)
    visitor.page.get_by_label("SENCO").check()
    visitor.page.get_by_label("Your school").fill("ex1 1aa")
    visitor.press("Continue")
    assert visitor.heading() == "Which of these is yours?"
    visitor.press("Continue")
    assert visitor.page.title().startswith("Error: ")
    visitor.page.get_by_label("O'Hara's Academy").check()
    visitor.press("Continue")
    assert visitor.heading() == "Check your answers"
    visitor.page.get_by_role("link", name="Change what you do").click()
    assert visitor.page.get_by_label("Your school").input_value() == "O'Hara's Academy, Exampleton EX1 1AA"
    visitor.page.get_by_label("Your school").fill("birchwood")
    visitor.press("Continue")
    visitor.page.get_by_label("None of these").check()
    visitor.press("Continue")
    assert "birchwood" in visitor.page.content()
    visitor.page.get_by_role("link", name="Change where you work").click()
    visitor.page.get_by_label("My setting is not listed").fill("")
    visitor.page.get_by_label("Your school").fill("o'hara's academy, exampleton ex1 1aa")
    visitor.press("Continue")
    visitor.press("Sign up for SEND news for professionals")
    assert visitor.heading() == "Check your email"
    visitor.press("Send it again")
    assert row(visitor).school_urn == 100_003
    visitor.open(f"/confirm/{personal(visitor, Purpose.CONFIRM)}")
    assert row(visitor).state is SubscriberState.PENDING
    visitor.press("Start my emails")
    assert visitor.heading() == "Your emails have started"
    visitor.open(f"/manage/{personal(visitor, Purpose.MANAGE)}")
    visitor.page.get_by_label("My setting is not listed").fill("Example Nursery")
    visitor.press("Save my answers")
    assert row(visitor).setting_name == "Example Nursery"
    visitor.press("Stop these emails")
    assert visitor.heading() == "Your emails have stopped"
    assert row(visitor).state is SubscriberState.LEFT


def test_a_parent_signs_up_with_the_keyboard_alone(visitor: Visitor) -> None:
    visitor.open("/parents")
    keyboard = visitor.page.keyboard
    keyboard.press("Tab")
    assert visitor.page.evaluate("document.activeElement.textContent.trim()") == "Skip to main content"
    keyboard.press("Enter")
    keyboard.press("Tab")
    assert visitor.page.evaluate("document.activeElement.id") == "email"
    keyboard.type("reader@")
    with visitor.page.expect_navigation():
        keyboard.press("Enter")
    # The list of mistakes has the focus; its link leads to the field, where what was typed still stands.
    keyboard.press("Tab")
    keyboard.press("Enter")
    assert visitor.page.evaluate("document.activeElement.id") == "email"
    assert visitor.page.get_by_label("Email address").input_value() == "reader@"
    keyboard.press("End")
    keyboard.type("example.org")
    keyboard.press("Tab")
    assert visitor.page.evaluate("document.activeElement.textContent.trim()") == "Sign up"
    visitor.site.runtime.clock.move(timedelta(seconds=30))  # type: ignore[attr-defined]
    with visitor.page.expect_navigation():
        keyboard.press("Enter")
    assert visitor.heading() == "Check your email"
    visitor.tick()
    assert row(visitor).state is SubscriberState.PENDING


def test_a_school_is_found_while_typing(visitor: Visitor) -> None:
    visitor.open("/professionals")
    visitor.page.get_by_label("Email address").fill(ADDRESS)
    visitor.page.get_by_label("SENCO").check()
    choose(visitor, "birch", "Birchwood Special School, Exampleton EX1 1AA")
    visitor.press("Continue")
    visitor.press("Sign up for SEND news for professionals")
    assert visitor.heading() == "Check your email"
    assert row(visitor).school_urn == 100_002


def test_the_open_list_of_schools_is_accessible(visitor: Visitor) -> None:
    visitor.open("/professionals")
    visitor.page.get_by_role("combobox").press_sequentially("sch")
    visitor.page.get_by_role("option", name="Birchwood Special School, Exampleton EX1 1AA").wait_for()
    assert visitor.page.get_by_text("Not in the list").count() == 0
    visitor.look("professionals-search")


def test_a_setting_typed_into_the_search_is_not_lost(visitor: Visitor) -> None:
    visitor.open("/professionals")
    visitor.page.get_by_label("Email address").fill(ADDRESS)
    visitor.page.get_by_label("SENCO").check()
    field = visitor.page.get_by_role("combobox")
    choose(visitor, "ashfield", "Ashfield Primary School, Exampleton EX1 1AA")
    field.fill("Example Nursery")
    visitor.page.get_by_label("Email address").focus()
    visitor.press("Continue")
    visitor.press("Sign up for SEND news for professionals")
    assert (row(visitor).school_urn, row(visitor).setting_name) == (None, "Example Nursery")


def test_a_chosen_school_comes_back_with_a_mistake_elsewhere(visitor: Visitor) -> None:
    visitor.open("/professionals")
    choose(visitor, "birch", "Birchwood Special School, Exampleton EX1 1AA")
    visitor.press("Continue")
    assert visitor.page.get_by_role("combobox").input_value() == "Birchwood Special School, Exampleton EX1 1AA"


def test_no_script_confirms_or_leaves_by_itself(visitor: Visitor) -> None:
    town.subscriber(visitor.site.runtime, ADDRESS, confirmed=False)
    for _ in range(3):
        visitor.open(f"/confirm/{personal(visitor, Purpose.CONFIRM)}")
        visitor.page.wait_for_load_state("networkidle")
    assert row(visitor).state is SubscriberState.PENDING
    visitor.press("Start my emails")
    for _ in range(3):
        visitor.open(f"/leave/{personal(visitor, Purpose.LEAVE)}")
        visitor.page.wait_for_load_state("networkidle")
    assert row(visitor).state is SubscriberState.CONFIRMED


@pytest.mark.parametrize("path", ["/parents", "/professionals"])
def test_a_sign_up_page_is_light_and_needs_no_script_to_be_seen(path: str, visitor: Visitor) -> None:
    """What Chromium received, headers included."""
    weights: dict[str, float] = {}
    session = visitor.context.new_cdp_session(visitor.page)
    session.send("Network.enable")
    session.on(
        "Network.loadingFinished", lambda event: weights.update({event["requestId"]: event["encodedDataLength"]})
    )
    visitor.open(path)
    visitor.page.wait_for_load_state("networkidle")
    assert len(weights) >= 3
    assert sum(weights.values()) <= MAXIMUM_BYTES, weights
    assert visitor.page.locator("script[src]:not([type=module]):not([defer])").count() == 0


def test_the_sign_up_can_be_read_by_who_likes_the_dark(visit: Callable[..., Visitor]) -> None:
    visitor = visit(color_scheme="dark")
    visitor.open("/professionals")
    visitor.press("Continue")
    visitor.look("dark-professionals-error")
    visitor.open("/parents")
    visitor.page.get_by_label("Email address").fill("reader@gmial.com")
    visitor.press("Sign up")
    visitor.look("dark-parents-typo")
    visitor.press("Yes, use reader@gmail.com")
    visitor.look("dark-check-your-email")


def test_who_meets_the_limit_of_their_network_reads_when_to_try_again(visitor: Visitor) -> None:
    for _ in range(visitor.site.runtime.settings.sign_ups_per_network_per_hour):
        with visitor.site.runtime.db.transaction() as session:
            now = visitor.site.runtime.clock.now()
            signup.check_network(session, visitor.site.runtime.crypto, ip="127.0.0.1", limit_per_hour=99, now=now)
    visitor.open("/parents")
    visitor.page.get_by_label("Email address").fill(ADDRESS)
    visitor.press("Sign up")
    assert visitor.page.title().startswith("Error: ")
    assert visitor.page.get_by_label("Email address").input_value() == ADDRESS
    visitor.look("parents-too-many")


def test_everything_can_be_enlarged_to_twice_the_text_size(visitor: Visitor) -> None:
    for path in ("/", "/professionals", "/editions/professionals/2026-11-02"):
        visitor.open(path)
        visitor.page.set_viewport_size({"width": 640, "height": 900})
        visitor.page.evaluate("document.documentElement.style.fontSize = '200%'")
        assert visitor.page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0, path


def test_a_professional_registers_with_the_keyboard_alone(visitor: Visitor) -> None:
    visitor.open("/professionals")
    keyboard = visitor.page.keyboard
    visitor.page.get_by_label("Email address").focus()
    keyboard.type("senco@example.org")
    keyboard.press("Tab")
    keyboard.press("Space")
    keyboard.press("Tab")
    choose(visitor, "ohara", "O'Hara's Academy, Exampleton EX1 1AA")
    with visitor.page.expect_navigation():
        keyboard.press("Enter")
    assert visitor.heading() == "Check your answers"
    visitor.look("check-your-answers-shared")
    change = visitor.page.get_by_role("link", name="Change where you work")
    change.focus()
    with visitor.page.expect_navigation():
        keyboard.press("Enter")
    choose(visitor, "birch", "Birchwood Special School, Exampleton EX1 1AA")
    with visitor.page.expect_navigation():
        keyboard.press("Enter")
    visitor.page.get_by_role("button", name="Sign up for SEND news for professionals").focus()
    with visitor.page.expect_navigation():
        keyboard.press("Enter")
    assert visitor.heading() == "Check your email"
    visitor.tick()
    assert row(visitor).school_urn == 100_002


def test_the_form_works_when_the_search_does_not_answer(visitor: Visitor) -> None:
    visitor.page.route("**/schools?*", lambda route: route.fulfill(status=429))
    visitor.open("/professionals")
    visitor.page.get_by_label("Email address").fill(ADDRESS)
    visitor.page.get_by_label("SENCO").check()
    visitor.page.get_by_role("combobox").press_sequentially("birchwood")
    visitor.page.get_by_text("You can leave it as you typed it").wait_for()
    visitor.press("Continue")
    assert visitor.heading() == "Which of these is yours?"
    visitor.look("which-school")
    visitor.press("Continue")
    assert visitor.page.title().startswith("Error: ")
    visitor.look("which-school-error")


def test_a_professional_changes_school_with_a_question_between(visit: Callable[..., Visitor]) -> None:
    visitor = visit(java_script_enabled=False)
    subscriber_id = town.subscriber(visitor.site.runtime, ADDRESS, slug="professionals")
    visitor.open(f"/manage/{town.token(visitor.site.runtime, Purpose.MANAGE, subscriber_id)}")
    visitor.page.get_by_label("Health worker").check()
    visitor.page.get_by_label("Your school").fill("birch")
    visitor.press("Save my answers")
    visitor.page.get_by_label("Birchwood").check()
    visitor.press("Continue")
    assert (row(visitor).role, row(visitor).school_urn) == ("health", 100_002)


def test_topics_are_chosen_with_the_keyboard_alone(visitor: Visitor) -> None:
    runtime = visitor.site.runtime
    subscriber_id = town.subscriber(runtime, ADDRESS, slug="professionals")
    with runtime.db.transaction() as session:
        for slug, name in (("early-years", "Early years"), ("training", "Training and events")):
            topics.write(session, row(visitor).mailing_list_id, slug=slug, name=name, from_date=date(2020, 1, 1))
    visitor.open(f"/manage/{town.token(runtime, Purpose.MANAGE, subscriber_id)}")
    visitor.look("manage-choices")
    visitor.page.get_by_label("Regular and special ones").focus()
    keyboard = visitor.page.keyboard
    keyboard.press("Tab")
    keyboard.press("Space")
    keyboard.press("Tab")
    keyboard.press("Tab")
    assert visitor.page.evaluate("document.activeElement.textContent.trim()") == "Save my choices"
    with visitor.page.expect_navigation():
        keyboard.press("Enter")
    assert "Your answers are saved" in visitor.page.content()
    assert visitor.page.get_by_label("Early years", exact=True).first.is_checked()
    assert not visitor.page.get_by_label("Training and events").is_checked()


def test_the_yearly_question_with_the_keyboard_alone(visitor: Visitor) -> None:
    town.subscriber(visitor.site.runtime, ADDRESS, slug="professionals")
    path = f"/still-you/{personal(visitor, Purpose.STILL_YOU)}"
    visitor.open(path)
    visitor.look("still-you")
    visitor.page.get_by_role("link", name="Hand these emails over").focus()
    keyboard = visitor.page.keyboard
    with visitor.page.expect_navigation():
        keyboard.press("Enter")
    visitor.press("Hand over")
    assert visitor.page.title().startswith("Error: ")
    visitor.look("hand-over-error")
    visitor.page.get_by_label("Your colleague").focus()
    keyboard.type("colleague@example.org")
    keyboard.press("Tab")
    keyboard.press("Space")
    with visitor.page.expect_navigation():
        keyboard.press("Enter")
    assert visitor.heading() == "We have asked your colleague"
    visitor.look("handed-over")
    visitor.open(path)
    visitor.press("Yes, keep sending")
    visitor.look("still-you-kept")
    visitor.open(path)
    visitor.press("Stop these emails")
    visitor.open(path)
    assert visitor.heading() == "You do not get these emails now"
    visitor.look("still-you-left")
