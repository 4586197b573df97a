"""Feedback: taken without asking who speaks, asked about once where it seems to say so."""

from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from newsletter.content.models import PriorityArea
from newsletter.feedback.models import Feedback, FeedbackSource, FeedbackState, Speaker
from newsletter.web import limiting
from tests.newsletter.web.conftest import Door

WORDS = "We waited 30 weeks for a plan."


@pytest.fixture(autouse=True)
def _areas(request: pytest.FixtureRequest) -> None:
    door = request.getfixturevalue("door" if "door" in request.fixturenames else "sqlite_door")
    with door.runtime.db.transaction() as session:
        session.add_all(
            [
                PriorityArea(number=1, name="Listening", description="", from_date=date(2023, 1, 1)),
                PriorityArea(
                    number=2, name="Old", description="", from_date=date(2020, 1, 1), until_date=date(2022, 1, 1)
                ),
                PriorityArea(number=2, name="Plans & <time>", description="", from_date=date(2023, 1, 1)),
            ]
        )


def kept(door: Door) -> list[Feedback]:
    with door.runtime.db.reading() as session:
        return list(session.exec(select(Feedback).order_by(Feedback.id)))  # type: ignore[arg-type]


def test_the_areas_of_today_are_offered(sqlite_door: Door) -> None:
    page = sqlite_door.get("/feedback").text
    assert "Plans &amp; &lt;time&gt;" in page
    assert "Old" not in page
    assert 'value="2" checked' in sqlite_door.get("/feedback?area=2").text
    assert "checked" not in sqlite_door.get("/feedback?area=%22%3E").text


def test_what_was_sent_is_kept_with_the_day_and_no_more(door: Door) -> None:
    answer = door.post("/feedback", {"area": "2", "text": WORDS, "speaker": "parent"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/feedback/thank-you")
    assert "What happens next" in door.get("/feedback/thank-you").text
    (row,) = kept(door)
    assert (row.text, row.speaker, row.source, row.day) == (
        WORDS, Speaker.PARENT, FeedbackSource.WEB, date(2026, 11, 3),
    )  # fmt: skip
    assert (row.state, row.theme_id) == (FeedbackState.NEW, None)
    with door.runtime.db.reading() as session:
        area = session.get(PriorityArea, row.priority_area_id)
        assert area is not None
        assert area.name == "Plans & <time>"


def test_who_speaks_and_which_area_may_stay_unsaid(sqlite_door: Door) -> None:
    assert sqlite_door.post("/feedback", {"area": "0", "text": WORDS}).status_code == 303
    assert (kept(sqlite_door)[0].priority_area_id, kept(sqlite_door)[0].speaker) == (None, None)


def test_mistakes_come_back_with_everything_that_was_typed(sqlite_door: Door) -> None:
    page = sqlite_door.post("/feedback", {"text": "a" * 2001, "speaker": "young-person"})
    assert page.status_code == 422
    for words in (
        "Error: Tell us what you think",
        "Select what your feedback is about",
        "Your feedback must be 2,000 characters or fewer. You have used 2,001",
        "a" * 2001,
        'value="young-person" checked',
    ):
        assert words in page.text
    assert sqlite_door.post("/feedback", {"area": "9", "text": WORDS}).status_code == 422
    assert "Enter what is on your mind" in sqlite_door.post("/feedback", {"area": "1", "text": " \0 "}).text
    assert kept(sqlite_door) == []


def test_contact_details_are_asked_about_once_and_then_masked(door: Door) -> None:
    text = "Call 01632 960123 or write to reader@example.org about 943 476 5919"
    page = door.post("/feedback", {"area": "1", "text": text})
    assert page.status_code == 422
    assert "Take out the email address and the NHS number and the phone number" in page.text
    assert text in page.text
    assert '<input type="hidden" name="asked" value="yes">' in page.text
    assert kept(door) == []
    assert door.post("/feedback", {"area": "1", "text": text, "asked": "yes"}).status_code == 303
    assert kept(door)[0].text == "Call (phone number) or write to (email address) about (NHS number)"


def test_too_many_from_one_network_keep_their_words(sqlite_door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiting, "FORMS_PER_HOUR", 1)
    sqlite_door.post("/feedback", {"area": "1", "text": WORDS})
    page = sqlite_door.post("/feedback", {"area": "1", "text": WORDS})
    assert page.status_code == 429
    assert "Wait 60 minutes, then press the button again" in page.text
    assert WORDS in page.text


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    area=st.one_of(st.sampled_from(["0", "1", "2", "-1", "1.0", "٢"]), st.text(max_size=20)),
    text=st.text(max_size=300),
    speaker=st.one_of(st.sampled_from(["parent", "other", ""]), st.text(max_size=20)),
    asked=st.sampled_from(["", "yes"]),
)
def test_any_feedback_gets_a_page(door: Door, area: str, text: str, speaker: str, asked: str) -> None:
    before = len(kept(door))
    page = door.post("/feedback", {"area": area, "text": f"{text}<b>", "speaker": speaker, "asked": asked})
    assert page.status_code in (303, 422, 429)
    assert "<b>" not in page.text
    assert len(kept(door)) == before + (page.status_code == 303)
