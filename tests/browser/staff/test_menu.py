"""The menu of the studio: on a phone a button, which nobody has to scroll past."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from newsletter.staff.models import StaffRole
from tests.browser.conftest import DESKTOP, NARROW, Visitor


@pytest.fixture
def begin(visit: Callable[..., Visitor]) -> Callable[..., Visitor]:
    """Somebody with every role, who has every link in the menu; takes what `visit` takes."""

    def open_studio(**options: object) -> Visitor:
        visitor = visit(**options)
        visitor.sign_in(*StaffRole)
        visitor.page.set_viewport_size(NARROW)  # type: ignore[arg-type]
        visitor.open("/staff/updates")
        return visitor

    return open_studio


def button(visitor: Visitor) -> Locator:
    return visitor.page.get_by_role("button", name="Menu", exact=True)


def links(visitor: Visitor) -> Locator:
    return visitor.page.get_by_role("navigation", name="Studio").get_by_role("link")


def test_on_a_phone_the_menu_opens_and_closes_from_the_keyboard(begin: Callable[..., Visitor]) -> None:
    somebody = begin()
    expect(button(somebody)).to_have_attribute("aria-expanded", "false")
    expect(links(somebody)).to_have_count(0)
    heading = somebody.page.get_by_role("heading", level=1).bounding_box()
    assert heading
    assert heading["y"] < NARROW["height"] / 2  # the page begins on the first screen
    button(somebody).focus()
    somebody.page.keyboard.press("Enter")
    expect(button(somebody)).to_have_attribute("aria-expanded", "true")
    expect(links(somebody)).to_have_count(11)
    somebody.look("staff-menu-open")
    somebody.page.keyboard.press("Tab")
    expect(links(somebody).first).to_be_focused()
    button(somebody).focus()
    somebody.page.keyboard.press("Space")
    expect(button(somebody)).to_have_attribute("aria-expanded", "false")
    expect(links(somebody)).to_have_count(0)
    # It says which page this is once it is open, and leads to the others.
    button(somebody).click()
    expect(somebody.page.locator("[aria-current=page]").get_by_text("Updates")).to_be_visible()
    links(somebody).get_by_text("Editions").click()
    expect(somebody.page.get_by_role("heading", level=1)).to_have_text("Editions")
    somebody.look("staff-menu-closed")


def test_where_there_is_room_all_of_it_is_shown(begin: Callable[..., Visitor]) -> None:
    somebody = begin()
    somebody.page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    expect(links(somebody)).to_have_count(11)
    expect(button(somebody)).to_have_count(0)


def test_without_scripts_all_of_it_is_shown(begin: Callable[..., Visitor]) -> None:
    somebody = begin(java_script_enabled=False)
    expect(links(somebody)).to_have_count(11)
    expect(button(somebody)).to_have_count(0)
