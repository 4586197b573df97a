"""A complaint about data: a reference that nobody guesses, dates that count, words that only the DPO reads."""

import re
from datetime import date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from newsletter.core.clock import ManualClock
from newsletter.feedback import complaints
from newsletter.feedback.models import DataComplaint
from newsletter.web import limiting
from tests.newsletter.web.conftest import Door

WORDS = "My address was in the Cc line on 1 November."
CONTACT = "reader@example.org"


def complain(door: Door, text: str = WORDS, contact: str = CONTACT) -> str:
    """The reference."""
    answer = door.post("/data-complaint", {"text": text, "contact": contact})
    assert answer.status_code == 303
    return answer.headers["location"].rpartition("/")[2]


def row(door: Door) -> DataComplaint:
    with door.runtime.db.reading() as session:
        return session.exec(select(DataComplaint)).one()


def test_the_form_says_what_happens_and_how_else_to_complain(sqlite_door: Door) -> None:
    page = sqlite_door.get("/data-complaint").text
    for words in (
        "within 30 days",
        "call 01632 960000",
        "write to SEND news, Example Council",
        "Information Commissioner",
    ):
        assert words in page


def test_the_answer_is_a_reference_and_the_day_by_which_we_say_that_we_have_it(door: Door) -> None:
    reference = complain(door)
    assert re.fullmatch(r"DC-[234679A-Z]{4}-[234679A-Z]{4}", reference)
    page = door.get(f"/data-complaint/received/{reference}")
    assert reference in page.text
    assert "By 3 December 2026 at the latest" in page.text
    assert page.headers["cache-control"] == "no-store"
    assert WORDS not in page.text
    assert CONTACT not in page.text
    kept = row(door)
    assert kept.acknowledge_by == date(2026, 12, 3)
    assert kept.text_sealed is not None
    assert kept.contact_sealed is not None
    assert WORDS.encode() not in kept.text_sealed
    assert door.runtime.crypto.decrypt(kept.text_sealed) == WORDS
    assert door.runtime.crypto.decrypt(kept.contact_sealed) == CONTACT


def test_thirty_days_are_counted_from_the_day_it_is_in_london(sqlite_door: Door, clock: ManualClock) -> None:
    clock.set(datetime.fromisoformat("2026-06-30T23:30:00+00:00"))  # the first of July there
    complain(sqlite_door)
    assert row(sqlite_door).acknowledge_by == date(2026, 7, 31)


def test_references_say_nothing_about_one_another(sqlite_door: Door) -> None:
    references = [complain(sqlite_door) for _ in range(20)]
    assert len({reference[3:7] for reference in references}) > 15
    assert len(set(references)) == 20


def test_a_contact_is_not_needed(sqlite_door: Door) -> None:
    complain(sqlite_door, contact="")
    assert row(sqlite_door).contact_sealed is None


def test_a_reference_may_be_typed_in_any_way_and_an_unknown_one_is_not_found(sqlite_door: Door) -> None:
    reference = complain(sqlite_door)
    for typed in (reference.lower(), reference.replace("-", ""), f" {reference} "):
        assert reference in sqlite_door.get(f"/data-complaint/received/{typed}").text
    for typed in ("DC-2222-2222", "DC", "%00", "é", "x" * 500):
        assert sqlite_door.get(f"/data-complaint/received/{typed}").status_code == 404


def test_its_page_shows_where_it_stands(sqlite_door: Door, clock: ManualClock) -> None:
    reference = complain(sqlite_door)
    clock.move(timedelta(days=2))
    with sqlite_door.runtime.db.transaction() as session:
        complaints.acknowledge(session, reference, now=clock.now())
    assert "On 5 November 2026 we noted" in sqlite_door.get(f"/data-complaint/received/{reference}").text
    with sqlite_door.runtime.db.transaction() as session:
        complaints.close(session, reference, "Put right, and apologised.", now=clock.now())
    page = sqlite_door.get(f"/data-complaint/received/{reference}").text
    assert "We finished on 5 November 2026" in page
    assert "apologised" not in page


def test_mistakes_come_back_with_everything_that_was_typed(sqlite_door: Door) -> None:
    page = sqlite_door.post("/data-complaint", {"text": " ", "contact": CONTACT})
    assert page.status_code == 422
    assert "Enter what went wrong" in page.text
    assert "Error: Complain about how we use your data" in page.text
    assert CONTACT in page.text
    page = sqlite_door.post("/data-complaint", {"text": "a" * 4001, "contact": "b" * 301})
    assert "What went wrong must be 4,000 characters or fewer" in page.text
    assert "How we can answer you must be 300 characters or fewer" in page.text
    assert "a" * 4001 in page.text


def test_a_long_complaint_in_many_bytes_is_taken(sqlite_door: Door) -> None:
    complain(sqlite_door, text="é😀" * 2000)


def test_too_many_from_one_network_keep_their_words(sqlite_door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiting, "FORMS_PER_HOUR", 1)
    complain(sqlite_door)
    page = sqlite_door.post("/data-complaint", {"text": WORDS, "contact": CONTACT})
    assert page.status_code == 429
    assert WORDS in page.text


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=500), contact=st.text(max_size=400))
def test_any_complaint_gets_a_page_and_can_be_read_again(door: Door, text: str, contact: str) -> None:
    page = door.post("/data-complaint", {"text": f"{text}<b>", "contact": contact}, follow=True)
    assert page.status_code in (200, 422, 429)
    assert "<b>" not in page.text
