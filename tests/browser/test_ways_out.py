"""The ways out as people take them: from the mail in front of them, with the keyboard alone, without scripts."""

from collections.abc import Callable

import pytest
from sqlmodel import select

from newsletter.core.tokens import Purpose
from newsletter.rendering.engine import render
from newsletter.rendering.mails import Mail
from subscribers.models import AddressChange, Subscriber, SubscriberState
from tests.browser.conftest import Visitor
from tests.newsletter.rendering.samples import MAILS
from tests.newsletter.web import town

ADDRESS = "reader@example.org"
NEW = ("new-address", "address-changed", "still-on", "goodbye")


def link(visitor: Visitor, purpose: Purpose) -> str:
    return (
        f"/{purpose.value}/{town.token(visitor.site.runtime, purpose, town.subscriber(visitor.site.runtime, ADDRESS))}"
    )


def states(visitor: Visitor) -> list[SubscriberState]:
    with visitor.site.runtime.db.reading() as session:
        return [row.state for row in session.exec(select(Subscriber))]


def show(visitor: Visitor, mail: Mail, **slots: str) -> None:
    """A mail as its reader sees it."""
    html = render(mail).html
    for name, value in slots.items():
        html = html.replace(f"[[{name}]]", value)
    visitor.page.set_content(html)


@pytest.mark.parametrize("name", ["edition", "professional-edition", "welcome"])
def test_the_link_in_the_mail_is_as_large_as_the_text_and_two_presses_are_enough(name: str, visitor: Visitor) -> None:
    show(visitor, MAILS[name], leave_url=visitor.site.base_url + link(visitor, Purpose.LEAVE))
    way_out = visitor.page.get_by_role("link", name="Stop these emails")
    size = "element => getComputedStyle(element).fontSize"
    paragraphs = visitor.page.locator("p").filter(has_text="services" if "edition" in name else "Each email tells")
    assert way_out.evaluate(size) == paragraphs.first.evaluate(size) == "18px"
    assert way_out.is_visible()
    with visitor.page.expect_navigation():
        way_out.click()
    assert visitor.page.get_by_role("textbox").count() == visitor.page.get_by_role("radio").count() == 0
    visitor.press("Stop these emails")
    assert visitor.heading() == "Your emails have stopped"
    assert states(visitor) == [SubscriberState.LEFT]


def test_a_correction_can_be_read_on_a_phone(visitor: Visitor) -> None:
    show(visitor, MAILS["correction-edition"])
    visitor.look("mail-correction-edition", is_mail=True)


@pytest.mark.parametrize("name", NEW)
def test_the_letters_about_it_can_be_read_on_a_phone(name: str, visitor: Visitor) -> None:
    show(visitor, MAILS[name])
    visitor.look(f"mail-{name}", is_mail=True)


def test_everything_works_without_scripts_and_with_the_keyboard_alone(visit: Callable[..., Visitor]) -> None:
    visitor = visit(java_script_enabled=False)
    visitor.open(link(visitor, Purpose.MANAGE))
    keyboard = visitor.page.keyboard
    visitor.page.get_by_role("link", name="Change your email address").focus()
    with visitor.page.expect_navigation():
        keyboard.press("Enter")
    visitor.page.get_by_label("New email address").focus()
    keyboard.type("moved@example.org")
    keyboard.press("Tab")
    with visitor.page.expect_navigation():
        keyboard.press("Enter")
    assert visitor.heading() == "Check your email"
    visitor.tick()
    assert states(visitor) == [SubscriberState.CONFIRMED, SubscriberState.PENDING]
    with visitor.site.runtime.db.reading() as session:
        (change,) = session.exec(select(AddressChange))
    visitor.open(f"/confirm/{town.token(visitor.site.runtime, Purpose.CONFIRM, change.subscriber_id)}")
    visitor.press("Start my emails")
    assert states(visitor) == [SubscriberState.LEFT, SubscriberState.CONFIRMED]
    visitor.open(f"/leave/{town.token(visitor.site.runtime, Purpose.LEAVE, change.subscriber_id)}")
    visitor.page.get_by_role("button", name="Stop these emails").focus()
    with visitor.page.expect_navigation():
        keyboard.press("Enter")
    assert states(visitor) == [SubscriberState.LEFT, SubscriberState.LEFT]
