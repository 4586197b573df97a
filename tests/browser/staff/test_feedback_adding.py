"""Adding what somebody told us in a browser: without scripts, from the keyboard, axe, small phones, the dark."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from newsletter.staff.models import StaffRole
from tests.browser.conftest import Site, Visitor
from tests.newsletter.web.staff import newsroom
from tests.newsletter.web.staff.newsroom import Newsroom
from tests.newsletter.web.staff.test_feedback_adding import SUBJECT, mail

WORDS = "The helpline is good. My call on Friday was answered at once, and somebody called back on Monday as promised."


@pytest.fixture
def room(site: Site) -> Newsroom:
    return newsroom.build(site.runtime)


@pytest.fixture
def eml(tmp_path: Path) -> Path:
    path = tmp_path / "reply.eml"
    path.write_bytes(mail("RE: " + SUBJECT.format(3), f"{WORDS}\n\nKind regards\nJo Reader\n"))
    return path


def enter(visitor: Visitor) -> Visitor:
    visitor.sign_in(StaffRole.AUTHOR)
    return visitor


@pytest.mark.parametrize("scripts", [True, False])
def test_a_mail_is_added_looked_at_and_counted(
    visit: Callable[..., Visitor], room: Newsroom, eml: Path, scripts: bool
) -> None:
    author = enter(visit(java_script_enabled=scripts))
    author.open("/staff/feedback")
    with author.page.expect_navigation():
        author.page.get_by_role("button", name="Add what somebody told us").click()
    author.page.get_by_label("In a reply to an edition").check()
    author.page.get_by_label("Or the email as a file").set_input_files(eml)
    if scripts:
        author.look("staff-feedback-add")
    author.press("Continue")
    assert author.heading() == "Check what will be kept"
    assert author.page.get_by_label("What they said").input_value() == WORDS
    author.page.get_by_label("Which part is it about?").select_option(label="The helpline is open for longer")
    if scripts:
        author.look("staff-feedback-check")
    author.press("Keep it")
    assert author.page.get_by_text("What they said was kept.").is_visible()
    assert author.page.get_by_text(WORDS).is_visible()
    assert author.page.get_by_text("Check that it names nobody").is_visible()
    if scripts:
        author.look("staff-feedback-one")
    author.press("Set aside")
    assert author.page.get_by_text("Set aside. It is counted nowhere.").is_visible()


def test_it_is_done_from_the_keyboard(visit: Callable[..., Visitor], room: Newsroom) -> None:
    author = enter(visit())
    author.open("/staff/feedback/add")
    edition = author.page.get_by_label("Which edition does it answer?")
    expect(edition).to_be_hidden()
    author.page.get_by_label("On paper").press("Space")
    expect(edition).to_be_hidden()
    author.page.get_by_label("In a reply to an edition").press("Space")
    expect(edition).to_be_visible()
    edition.focus()
    author.page.keyboard.press("ArrowDown")
    author.page.get_by_label("What they said").focus()
    author.page.keyboard.type(WORDS)
    with author.page.expect_navigation():
        author.page.get_by_role("button", name="Continue").press("Enter")
    with author.page.expect_navigation():
        author.page.get_by_role("button", name="Go back").press("Enter")
    assert author.page.get_by_label("What they said").input_value() == WORDS
    expect(edition).to_be_visible()
    with author.page.expect_navigation():
        author.page.get_by_role("button", name="Continue").press("Enter")
    with author.page.expect_navigation():
        author.page.get_by_role("button", name="Keep it").press("Enter")
    assert author.page.get_by_text("What they said was kept.").is_visible()


def test_errors_lead_to_their_fields_and_are_clean(visit: Callable[..., Visitor], room: Newsroom) -> None:
    author = enter(visit())
    author.open("/staff/feedback/add")
    author.press("Continue")
    assert author.page.title().startswith("Error: ")
    assert author.page.locator(".govuk-error-summary").evaluate("each => each === document.activeElement")
    for link, field in (("Choose where it came from", "source"), ("Paste what they said", "text")):
        author.page.get_by_role("link", name=link).press("Enter")
        assert author.page.evaluate("document.activeElement.id") == field
    author.page.get_by_label("In a reply to an edition").check()
    author.page.get_by_label("What they said").fill(WORDS)
    author.press("Continue")
    author.page.get_by_role("link", name="Choose the edition it answers").press("Enter")
    assert author.page.evaluate("document.activeElement.id") == "edition"
    author.look("staff-feedback-add-errors")
    author.page.get_by_label("Which edition does it answer?").select_option(index=1)
    author.press("Continue")
    author.page.get_by_label("What they said").fill("")
    author.press("Keep it")
    author.page.get_by_role("link", name="Enter what they said").press("Enter")
    assert author.page.evaluate("document.activeElement.id") == "text"
    author.look("staff-feedback-check-errors")
