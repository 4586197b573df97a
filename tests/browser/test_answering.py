"""What readers tell us, in a real browser: by keyboard, without scripts, on a small phone."""

import re
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlmodel import select

from newsletter.content.models import PriorityArea
from newsletter.feedback import complaints
from newsletter.feedback.models import DataComplaint, Feedback, PaperCopy
from tests.browser.conftest import Site, Visitor

EDITION = "/editions/parents/2026-11-02"


@pytest.fixture(autouse=True)
def _areas(site: Site) -> None:
    with site.runtime.db.transaction() as session:
        for number, name in enumerate(("Listening and acting on what we hear", "Plans on time"), start=1):
            session.add(PriorityArea(number=number, name=name, description="", from_date=date(2023, 1, 1)))


def test_answering_whether_an_edition_was_useful(visitor: Visitor) -> None:
    visitor.open(f"{EDITION}#useful")
    visitor.look("useful-edition")
    visitor.press("Send my answer")
    assert visitor.page.title().startswith("Error: ")
    assert visitor.page.evaluate("document.activeElement.className").startswith("govuk-error-summary")
    visitor.look("useful-error")
    visitor.page.get_by_role("link", name="Choose yes or no, or write a comment").click()
    assert visitor.page.evaluate("document.activeElement.id") == "useful"
    visitor.page.keyboard.press("Space")
    visitor.page.get_by_label("Which part was it about? (optional)").select_option("update-2")
    visitor.page.get_by_label("What would make it better? (optional)").fill("Say it sooner")
    visitor.press("Send my answer")
    assert visitor.heading() == "Thank you"
    visitor.look("useful-thank-you")
    with visitor.site.runtime.db.reading() as session:
        row = session.exec(select(Feedback)).one()
    assert (row.is_useful, row.text, row.anchor) == (True, "Say it sooner", "update-2")


@pytest.mark.parametrize("scripts", [True, False])
def test_one_press_answers_for_one_update(visit: Callable[..., Visitor], scripts: bool) -> None:
    visitor = visit(java_script_enabled=scripts)
    visitor.open(EDITION)
    with visitor.page.expect_navigation():
        visitor.page.get_by_role("button", name=re.compile("^No.+11 permanent posts filled")).click()
    assert visitor.heading() == "Thank you"
    with visitor.site.runtime.db.reading() as session:
        row = session.exec(select(Feedback)).one()
    assert (row.anchor, row.is_useful) == ("update-2", False)


def test_paper_does_not_ask_whether_it_was_useful(visitor: Visitor) -> None:
    visitor.open(EDITION)
    visitor.page.emulate_media(media="print")
    assert not visitor.page.get_by_text("Was this edition useful?").is_visible()
    assert visitor.page.get_by_text("Was this useful?").first.is_hidden()


def test_telling_what_is_on_ones_mind(visitor: Visitor) -> None:
    visitor.open("/feedback")
    visitor.look("feedback")
    visitor.press("Send my feedback")
    visitor.look("feedback-error")
    visitor.page.get_by_label("Plans on time").check()
    visitor.page.get_by_label("What is on your mind?").fill("Ring me on 01632 960123: 30 weeks is too long")
    visitor.page.get_by_label("A parent or carer", exact=True).check()
    visitor.press("Send my feedback")
    assert "Take out the phone number" in visitor.page.get_by_role("alert").inner_text()
    visitor.look("feedback-asks-once")
    assert visitor.page.get_by_label("Plans on time").is_checked()
    visitor.press("Send my feedback")
    assert visitor.heading() == "Thank you"
    visitor.look("feedback-thank-you")
    with visitor.site.runtime.db.reading() as session:
        assert session.exec(select(Feedback.text)).one() == "Ring me on (phone number): 30 weeks is too long"


def test_feedback_by_keyboard_alone_and_without_scripts(visit: Callable[..., Visitor]) -> None:
    visitor = visit(java_script_enabled=False)
    visitor.open("/feedback?area=1")
    visitor.page.locator("#area").focus()
    press = visitor.page.keyboard.press
    press("ArrowDown")
    press("Tab")
    visitor.page.keyboard.type("More at weekends")
    press("Tab")
    press("Space")
    press("Tab")
    with visitor.page.expect_navigation():
        press("Enter")
    assert visitor.heading() == "Thank you"
    with visitor.site.runtime.db.reading() as session:
        row = session.exec(select(Feedback)).one()
    assert (row.priority_area_id, row.text, row.speaker and row.speaker.value) == (2, "More at weekends", "parent")


def test_complaining_about_data(visitor: Visitor) -> None:
    visitor.open("/data-complaint")
    visitor.look("data-complaint")
    visitor.press("Send my complaint")
    visitor.look("data-complaint-error")
    visitor.page.get_by_label("What went wrong?").fill("My address was shown to others.")
    visitor.page.get_by_label("How can we answer you? (optional)").fill("reader@example.org")
    visitor.press("Send my complaint")
    with visitor.site.runtime.db.reading() as session:
        row = session.exec(select(DataComplaint)).one()
    assert row.reference in visitor.page.get_by_role("heading", level=1).locator("..").inner_text()
    assert "example.org" not in visitor.page.url
    visitor.look("data-complaint-received")
    visitor.page.emulate_media(media="print")
    assert visitor.page.get_by_text(row.reference).is_visible()
    assert visitor.page.get_by_role("button", name="Print this page").count() == 0
    visitor.page.emulate_media(media="screen")
    now = visitor.site.runtime.clock.now() + timedelta(days=3)
    with visitor.site.runtime.db.transaction() as session:
        complaints.close(session, row.reference, "Put right", now=now)
    visitor.open(f"/data-complaint/received/{row.reference}")
    assert "We finished on 6 November 2026" in visitor.page.content()
    visitor.look("data-complaint-closed")


def test_asking_for_a_copy_on_paper(visitor: Visitor) -> None:
    visitor.open("/paper-copy?edition=parents/2026-10-19")
    visitor.look("paper-copy")
    visitor.press("Send me a paper copy")
    visitor.look("paper-copy-error")
    visitor.page.get_by_label("Large print").check()
    visitor.page.get_by_label("Name for the envelope").fill("A Reader")
    visitor.page.get_by_label("Postal address").fill("7 Low Road\nExampleton")
    visitor.press("Send me a paper copy")
    assert visitor.heading() == "We will post your copy"
    visitor.look("paper-copy-thank-you")
    with visitor.site.runtime.db.reading() as session:
        assert session.exec(select(PaperCopy)).one().format.value == "large-print"


@pytest.mark.parametrize(
    ("path", "fill", "button", "heading"),
    [
        ("/data-complaint", {"What went wrong?": "It did"}, "Send my complaint", "We have your complaint"),
        (
            "/paper-copy?edition=parents/2026-11-02",
            {"Name for the envelope": "A Reader", "Postal address": "7 Low Road"},
            "Send me a paper copy",
            "We will post your copy",
        ),
    ],
)
def test_forms_work_without_scripts(
    visit: Callable[..., Visitor], path: str, fill: dict[str, str], button: str, heading: str
) -> None:
    visitor = visit(java_script_enabled=False)
    visitor.open(path)
    for label, text in fill.items():
        visitor.page.get_by_label(label).fill(text)
    if "paper" in path:
        visitor.page.get_by_label("Paper", exact=True).check()
    visitor.press(button)
    assert visitor.heading() == heading
