"""Professionals see their answers once more; nothing happens before they press the button there."""

import html
import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from newsletter.delivery.models import DeliveryKind
from subscribers.models import Phase, Role
from tests.newsletter.web import town
from tests.newsletter.web.conftest import Door, hidden
from tests.newsletter.web.test_signup import ADDRESS, letters, make_confirmed, make_suppressed, neutral, subscribers

ANSWERS = {"email": ADDRESS, "role": "senco", "school": "100003", "phase": "special"}


def checked(door: Door, answers: dict[str, str]) -> str:
    """The page with the answers, by its path."""
    response = door.post("/professionals", answers)
    assert response.status_code == 303
    return response.headers["location"]


def test_the_answers_are_shown_and_nothing_is_done_until_the_button_is_pressed(door: Door) -> None:
    path = checked(door, ANSWERS)
    assert ADDRESS not in path
    for _ in range(3):
        page = door.get(path)
        shown = html.unescape(page.text)
        for answer in (ADDRESS, "SENCO or inclusion lead", "O'Hara's Academy, Exampleton", "Special"):
            assert answer in shown
    assert subscribers(door.runtime) == []
    assert "Sign up for SEND news for professionals" in page.text
    done = door.post("/professionals/check-your-answers", hidden(page))
    assert ADDRESS in door.get(done.headers["location"]).text
    (row,) = subscribers(door.runtime)
    assert (row.role, row.school_urn, row.phase) == (Role.SENCO, 100_003, Phase.SPECIAL)
    assert letters(door.runtime) == [DeliveryKind.CONFIRM]


@pytest.mark.parametrize(
    ("answers", "field"),
    [
        (ANSWERS, "school"),
        ({"email": ADDRESS, "role": "head", "setting_name": "A “quoted” & <b> nursery"}, "setting_name"),
    ],
)
def test_every_answer_has_a_way_back_to_a_form_that_has_them_all(
    answers: dict[str, str], field: str, sqlite_door: Door
) -> None:
    page = sqlite_door.get(checked(sqlite_door, answers)).text
    links = [html.unescape(link) for link in re.findall(r'href="(/professionals\?to=[^"]+)"', page)]
    assert [urlsplit(link).fragment for link in links] == ["email", "role", field, "phase"]
    for words in ("email address", "what you do", "where you work", "phase"):
        assert re.search(rf'Change<span class="govuk-visually-hidden"> {words}</span>', page)
    form = sqlite_door.get(links[0].partition("#")[0]).text
    for fragment in ("email", "role", field, "phase"):
        assert f'id="{fragment}"' in form
    assert f'value="{ADDRESS}"' in form
    assert re.search(rf'value="{answers["role"]}" checked', form)
    if field == "setting_name":
        assert answers["setting_name"] in html.unescape(form)


def test_the_page_is_the_same_for_every_address(door: Door) -> None:
    def answers(address: str) -> list[object]:
        posted = door.post("/professionals", {**ANSWERS, "email": address})
        page = door.get(posted.headers["location"])
        done = door.post("/professionals/check-your-answers", hidden(page))
        return [
            (status, text.replace(address, "ADDRESS"), [pair for pair in headers if pair[0] != "content-length"])
            for status, text, headers in map(neutral, (posted, page, done, door.get(done.headers["location"])))
        ]

    unknown = answers("nobody@example.org")
    make_confirmed(door.runtime)
    town.subscriber(door.runtime, ADDRESS, slug="professionals")
    assert answers(ADDRESS) == unknown
    make_suppressed(door.runtime)
    assert answers(ADDRESS) == unknown


def test_a_likely_typing_error_is_asked_about_first_and_not_again_on_the_way_back(sqlite_door: Door) -> None:
    typed = {**ANSWERS, "email": "senco@gmial.com"}
    asked = sqlite_door.post("/professionals", typed)
    assert "Did you mean senco@gmail.com?" in asked.text
    path = checked(sqlite_door, {**typed, "sure": hidden(asked)["sure"]})
    back = re.search(r'href="(/professionals\?to=[^"#]+)', sqlite_door.get(path).text)
    assert back
    again = hidden(sqlite_door.get(back.group(1)))
    assert sqlite_door.post("/professionals", {**typed, **again}).status_code == 303


@pytest.mark.parametrize(("local", "is_shared"), [("senco", True), ("office", True), ("jo.reader", False)])
def test_a_mailbox_that_looks_shared_gets_a_notice(local: str, is_shared: bool, sqlite_door: Door) -> None:
    page = sqlite_door.get(checked(sqlite_door, {**ANSWERS, "email": f"{local}@example.org"})).text
    assert ("This looks like a mailbox that several people use" in page) is is_shared


def test_answers_are_good_for_an_hour_and_for_their_own_list(sqlite_door: Door) -> None:
    path = checked(sqlite_door, ANSWERS)
    for strange in (path.replace("/professionals/", "/parents/"), path[:-4] + "zzzz", path.partition("?")[0]):
        assert sqlite_door.get(strange).status_code == 303
    sealed = path.partition("to=")[2]
    assert sqlite_door.post("/parents/check-your-answers", {"to": sealed}).headers["location"] == "/parents"
    sqlite_door.runtime.clock.move(timedelta(hours=1, seconds=1))  # type: ignore[attr-defined]
    assert sqlite_door.get(path).headers["location"] == "/professionals"
    assert sqlite_door.post("/professionals/check-your-answers", {"to": sealed}).status_code == 303
    assert subscribers(sqlite_door.runtime) == []


def test_parents_are_shown_no_such_page(sqlite_door: Door) -> None:
    assert sqlite_door.post("/parents", {"email": ADDRESS}).headers["location"].startswith("/parents/check-your-email")
    seal = sqlite_door.post("/parents", {"email": ADDRESS}).headers["location"].partition("to=")[2]
    assert sqlite_door.get(f"/parents/check-your-answers?to={seal}").headers["location"] == "/parents"
