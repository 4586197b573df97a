"""A copy on paper: which edition, for whom, where to, and never an email address."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select

from newsletter.editions.models import Edition
from newsletter.feedback import paper_copies
from newsletter.feedback.models import PaperCopy, PaperFormat
from newsletter.web import limiting
from tests.newsletter.web.conftest import Door

FORM = {
    "edition": "parents/2026-11-02",
    "format": "large-print",
    "name": "A Reader",
    "address": "7 Low Road\r\nExampleton\r\nEX1 1AA",
}


def kept(session: Session) -> PaperCopy:
    return session.exec(select(PaperCopy)).one()


def test_the_latest_editions_are_offered_and_the_one_that_was_asked_for(sqlite_door: Door) -> None:
    page = sqlite_door.get("/paper-copy").text
    assert page.count('name="edition"') == 2
    page = sqlite_door.get("/paper-copy?edition=parents/2026-10-19").text
    assert page.count('name="edition"') == 3
    assert 'value="parents/2026-10-19" checked' in page
    assert "email address" in page  # "you do not need an"
    assert 'type="email"' not in page


@pytest.mark.parametrize(
    "edition",
    [
        "parents/2026-11-16",
        "parents/never",
        "nobody/2026-11-02",
        "parents",
        "/",
        "../../x",
        "<b>hello",
        "a%00/b",
        "é/é",
    ],
)
def test_what_is_not_in_the_archive_is_not_offered_and_never_repeated(door: Door, edition: str) -> None:
    page = door.get(f"/paper-copy?edition={edition}")
    assert page.status_code == 200
    assert "checked" not in page.text
    assert "hello" not in page.text
    answer = door.post("/paper-copy", FORM | {"edition": edition})
    assert answer.status_code == 422
    assert "Select the edition you would like" in answer.text


def test_a_request_is_kept_sealed(door: Door) -> None:
    answer = door.post("/paper-copy", FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, "/paper-copy/thank-you")
    assert "We will post your copy" in door.get("/paper-copy/thank-you").text
    with door.runtime.db.reading() as session:
        row = kept(session)
        edition = session.get_one(Edition, row.edition_id)
        (envelope,) = paper_copies.to_post(session, door.runtime.crypto)
    assert edition.slug == "2026-11-02"
    assert row.format is PaperFormat.LARGE_PRINT
    assert b"Low Road" not in row.address_sealed
    assert b"Reader" not in row.name_sealed
    assert (envelope.name, envelope.address) == ("A Reader", "7 Low Road\nExampleton\nEX1 1AA")


def test_mistakes_come_back_with_everything_that_was_typed(sqlite_door: Door) -> None:
    page = sqlite_door.post("/paper-copy", {"name": "A Reader", "address": "a" * 401})
    assert page.status_code == 422
    for words in (
        "Error: Get a copy on paper",
        "Select the edition you would like",
        "Select how you would like to read it",
        "Your postal address must be 400 characters or fewer",
        'value="A Reader"',
    ):
        assert words in page.text


def test_too_many_from_one_network_keep_their_words(sqlite_door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiting, "FORMS_PER_HOUR", 1)
    sqlite_door.post("/paper-copy", FORM)
    page = sqlite_door.post("/paper-copy", FORM)
    assert page.status_code == 429
    assert "7 Low Road" in page.text


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    edition=st.one_of(st.just(FORM["edition"]), st.text(max_size=80)),
    format=st.one_of(st.sampled_from(["paper", "easy-read", ""]), st.text(max_size=20)),
    name=st.text(max_size=150),
    address=st.text(max_size=450),
)
def test_any_request_gets_a_page(door: Door, edition: str, format: str, name: str, address: str) -> None:
    form = {"edition": edition, "format": format, "name": f"{name}<b>", "address": address}
    page = door.post("/paper-copy", form)
    assert page.status_code in (303, 422, 429)
    assert "<b>" not in page.text
