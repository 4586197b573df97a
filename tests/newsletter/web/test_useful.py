""" "Was this useful?": one press, no cookie, and nothing kept about who pressed."""

from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from newsletter.feedback import themes
from newsletter.feedback.models import Feedback
from newsletter.web import limiting
from subscribers.models import Attempt
from tests.newsletter.web.conftest import Door

EDITION = "/editions/parents/2026-11-02"


def kept(door: Door) -> list[Feedback]:
    with door.runtime.db.reading() as session:
        return list(session.exec(select(Feedback).order_by(Feedback.id)))  # type: ignore[arg-type]


def test_an_edition_asks_once_at_its_end_and_once_under_each_update(sqlite_door: Door) -> None:
    page = sqlite_door.get(EDITION).text
    assert 'id="useful"' in page
    assert page.count(f'action="{EDITION}/useful"') == 4
    assert 'name="about" value="update-3"' in page


def test_a_press_is_kept_without_anything_about_who_pressed(door: Door) -> None:
    answer = door.post(f"{EDITION}/useful", {"useful": "no", "comment": "Say when.\r\nAnd where."})
    assert answer.status_code == 303
    assert "Thank you" in door.get(answer.headers["location"]).text
    assert "set-cookie" not in answer.headers
    (row,) = kept(door)
    assert (row.is_useful, row.text, row.anchor, row.day) == (False, "Say when.\nAnd where.", None, date(2026, 11, 3))
    assert row.speaker is None
    with door.runtime.db.reading() as session:
        (attempt,) = session.exec(select(Attempt)).all()
    assert b"192.0.2" not in attempt.key_hash


def test_an_update_is_answered_with_one_button(door: Door) -> None:
    for answer in ("yes", "yes", "no"):
        assert door.post(f"{EDITION}/useful", {"useful": answer, "about": "update-3"}).status_code == 303
    edition_id = kept(door)[0].edition_id
    assert edition_id is not None
    with door.runtime.db.reading() as session:
        assert themes.usefulness(session, edition_id) == {"update-3": (2, 1)}


def test_an_update_that_the_edition_does_not_have_is_not_found(sqlite_door: Door) -> None:
    assert sqlite_door.post(f"{EDITION}/useful", {"useful": "yes", "about": "update-99"}).status_code == 404
    assert kept(sqlite_door) == []


@pytest.mark.parametrize("path", ["/editions/parents/2026-11-16/useful", "/editions/nobody/2026-11-02/useful"])
def test_only_editions_that_went_out_are_asked_about(sqlite_door: Door, path: str) -> None:
    assert sqlite_door.get(path).status_code == 404
    assert sqlite_door.post(path, {"useful": "yes"}).status_code == 404


def test_neither_an_answer_nor_a_comment_is_a_mistake_that_keeps_what_was_typed(sqlite_door: Door) -> None:
    page = sqlite_door.post(f"{EDITION}/useful", {"comment": "  "})
    assert page.status_code == 422
    assert "<title>Error: Was this edition useful?" in page.text
    assert "Choose yes or no, or write a comment" in page.text
    long = "a" * 1001
    page = sqlite_door.post(f"{EDITION}/useful", {"useful": "yes", "comment": long, "about": "update-3"})
    assert page.status_code == 422
    assert "Your comment must be 1,000 characters or fewer. You have used 1,001" in page.text
    assert long in page.text
    assert '<option value="update-3" selected>' in page.text
    assert kept(sqlite_door) == []


def test_an_answer_about_the_edition_can_say_which_part_is_meant(sqlite_door: Door) -> None:
    for page in (sqlite_door.get(EDITION), sqlite_door.get(f"{EDITION}/useful")):
        assert "Which part was it about? (optional)" in page.text
        assert '<option value="update-3"' in page.text
    for about in ("", "update-3"):
        sent = {"useful": "yes", "about": about, "comment": ""}
        assert sqlite_door.post(f"{EDITION}/useful", sent).status_code == 303
    assert [row.anchor for row in kept(sqlite_door)] == [None, "update-3"]


def test_contact_details_in_a_comment_are_masked(sqlite_door: Door) -> None:
    sqlite_door.post(f"{EDITION}/useful", {"comment": "Call me on 01632 960123 or mail reader@example.org"})
    assert kept(sqlite_door)[0].text == "Call me on (phone number) or mail (email address)"


def test_a_network_may_answer_often_but_not_without_end(sqlite_door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiting, "FORMS_PER_HOUR", 2)
    for _ in range(2):
        assert sqlite_door.post(f"{EDITION}/useful", {"useful": "yes"}).status_code == 303
    refused = sqlite_door.post(f"{EDITION}/useful", {"useful": "yes", "comment": "Kept on the page"})
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "3600"
    assert "Kept on the page" in refused.text
    assert sqlite_door.post(f"{EDITION}/useful", {"useful": "yes"}, peer="192.0.2.99").status_code == 303
    assert sqlite_door.post("/parents", {"email": "reader@example.org"}).status_code == 303  # counted apart


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    useful=st.sampled_from(["yes", "no", "", "maybe"]),
    comment=st.text(max_size=1100),
    about=st.one_of(st.sampled_from(["", "update-1", "update-99"]), st.text(max_size=100)),
)
def test_any_answer_gets_a_page_and_nothing_typed_becomes_markup(
    door: Door, useful: str, comment: str, about: str
) -> None:
    page = door.post(f"{EDITION}/useful", {"useful": useful, "comment": comment + "<b>", "about": about})
    assert page.status_code in (303, 404, 422, 429)
    assert "<b>" not in page.text
