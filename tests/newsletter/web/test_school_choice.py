"""The school among thousands: searched while typing, or asked about on a page of its own."""

import html
import re
from urllib.parse import quote

import httpx
import pytest

from newsletter.core.runtime import Runtime
from newsletter.core.tokens import Purpose
from subscribers.models import School
from tests.newsletter.web import town
from tests.newsletter.web.conftest import Door, hidden
from tests.newsletter.web.test_signup import ADDRESS, subscribers

ANSWERS = {"email": ADDRESS, "role": "senco", "phase": "special"}


def add_schools(runtime: Runtime, number: int) -> None:
    with runtime.db.transaction() as session:
        session.add_all(
            School(
                urn=200_000 + urn,
                name=f"Larkfield School {urn:05}",
                type_name="Community school",
                phase_name="Primary",
                town="Larkfield",
                postcode="LK1 1AA",
                local_authority_code=931,
            )
            for urn in range(number)
        )


def kept(door: Door, response: httpx.Response) -> tuple[int | None, str | None]:
    """What is kept in the end of what was typed, after the button of the page that shows the answers."""
    assert response.status_code == 303, html.unescape(response.text)
    door.post("/professionals/check-your-answers", hidden(door.get(response.headers["location"])))
    (row,) = subscribers(door.runtime)
    return row.school_urn, row.setting_name


def test_the_search_answers_with_open_schools_and_may_be_kept(door: Door) -> None:
    answer = door.get("/schools?q=ohara")
    assert answer.json() == [{"urn": 100_003, "label": "O'Hara's Academy, Exampleton EX1 1AA"}]
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert "set-cookie" not in answer.headers
    for nothing in ("/schools", "/schools?q=", "/schools?q=a", "/schools?q=zzz"):
        assert door.get(nothing).json() == []
    assert door.get(f"/schools?q={quote('%' * 5000)}").json() == []


def test_the_form_is_as_light_with_many_schools_as_with_few(sqlite_door: Door) -> None:
    before = len(sqlite_door.get("/professionals").content)
    add_schools(sqlite_door.runtime, 3_000)
    assert abs(len(sqlite_door.get("/professionals").content) - before) < 100
    assert len(sqlite_door.get("/schools?q=larkfield").json()) == 20


def test_what_was_typed_is_asked_about_and_the_answer_counts(door: Door) -> None:
    asked = door.post("/professionals", {**ANSWERS, "school_name": "ex1 1aa"})
    assert asked.status_code == 200
    assert "Which of these is yours?" in asked.text
    assert len(re.findall(r'name="pick"', asked.text)) == 4  # three schools, and none of these
    assert kept(door, door.post("/professionals", {**hidden(asked), "pick": "100002"})) == (100_002, None)


def test_none_of_these_keeps_what_was_typed(door: Door) -> None:
    asked = door.post("/professionals", {**ANSWERS, "school_name": "  Birchwood "})
    assert kept(door, door.post("/professionals", {**hidden(asked), "pick": "none"})) == (None, "Birchwood")


def test_none_of_these_after_a_postcode_asks_for_the_name(sqlite_door: Door) -> None:
    asked = sqlite_door.post("/professionals", {**ANSWERS, "school_name": "EX1 1AA"})
    form = sqlite_door.post("/professionals", {**hidden(asked), "pick": "none"})
    assert form.status_code == 422
    assert "Enter your school, or write the name of your setting" in form.text
    assert f'value="{ADDRESS}"' in form.text


def test_no_answer_is_a_mistake_that_is_named(sqlite_door: Door) -> None:
    asked = sqlite_door.post("/professionals", {**ANSWERS, "school_name": "birch"})
    again = sqlite_door.post("/professionals", hidden(asked))
    assert again.status_code == 422
    assert "<title>Error: " in again.text
    assert 'href="#pick"' in again.text
    assert 'id="pick"' in again.text
    assert hidden(again) == hidden(asked)


def test_what_nobody_knows_is_the_name_of_a_setting(door: Door) -> None:
    assert kept(door, door.post("/professionals", {**ANSWERS, "school_name": "Little Acorns"})) == (
        None,
        "Little Acorns",
    )


def test_a_postcode_without_schools_is_asked_about(sqlite_door: Door) -> None:
    response = sqlite_door.post("/professionals", {**ANSWERS, "school_name": "ZZ9 9ZZ"})
    assert response.status_code == 422
    assert "We found no school there" in response.text
    assert 'href="#school"' in response.text
    assert 'value="ZZ9 9ZZ"' in response.text
    assert hidden(response)["email"] == ADDRESS


def test_the_whole_name_is_enough(door: Door) -> None:
    typed = {**ANSWERS, "school_name": "o'haras academy,  exampleton EX1 1AA"}
    assert kept(door, door.post("/professionals", typed)) == (100_003, None)


@pytest.mark.parametrize(
    ("typed", "counts"),
    [
        ({"school": "100002", "school_name": "Birchwood Special School, Exampleton EX1 1AA"}, (100_002, None)),
        ({"school": "100002", "school_name": "Little Acorns"}, (None, "Little Acorns")),
        ({"school_name": "Birchwood", "setting_name": "The unit at Birchwood"}, (None, "The unit at Birchwood")),
    ],
)
def test_a_number_counts_only_with_its_own_name(
    typed: dict[str, str], counts: tuple[int | None, str | None], door: Door
) -> None:
    assert kept(door, door.post("/professionals", {**ANSWERS, **typed})) == counts


def test_more_schools_than_are_shown_is_said_and_can_be_narrowed(sqlite_door: Door) -> None:
    add_schools(sqlite_door.runtime, 40)
    asked = sqlite_door.post("/professionals", {**ANSWERS, "school_name": "larkfield"})
    assert "We found more than 20; these are the first" in asked.text
    fewer = sqlite_door.post("/professionals", {**ANSWERS, "school_name": "larkfield 00033"})
    assert len(re.findall(r'name="pick"', fewer.text)) == 2


def test_a_mistake_elsewhere_comes_first_and_keeps_what_was_typed(sqlite_door: Door) -> None:
    response = sqlite_door.post("/professionals", {"email": "x", "role": "senco", "school_name": "birch"})
    assert response.status_code == 422
    assert re.search(r'id="school" name="school_name"[^>]*value="birch"', response.text)


def test_the_manage_page_asks_the_same_question(door: Door) -> None:
    subscriber_id = town.subscriber(door.runtime, ADDRESS, slug="professionals")
    path = f"/manage/{town.token(door.runtime, Purpose.MANAGE, subscriber_id)}"
    asked = door.post(path, {"role": "head", "school_name": "birch"})
    assert "Which of these is yours?" in asked.text
    assert f'action="{path}"' in asked.text
    assert door.post(path, {**hidden(asked), "pick": "100002"}).status_code == 303
    (row,) = subscribers(door.runtime)
    assert (row.role, row.school_urn) == ("head", 100_002)
