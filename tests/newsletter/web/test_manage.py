"""Changing one's details by the link in a mail, without telling whoever holds the mail what was said before."""

from newsletter.core.tokens import Purpose
from subscribers.models import Phase, Role
from tests.newsletter.web import town
from tests.newsletter.web.conftest import Door
from tests.newsletter.web.test_signup import ADDRESS, subscribers


def managed(door: Door, slug: str = "professionals") -> str:
    return town.token(door.runtime, Purpose.MANAGE, town.subscriber(door.runtime, ADDRESS, slug=slug))


def test_the_page_shows_neither_address_nor_earlier_answers(sqlite_door: Door) -> None:
    page = sqlite_door.get(f"/manage/{managed(sqlite_door)}").text
    assert "SEND news for professionals" in page
    assert ADDRESS not in page
    about_work = page.partition("Change your details")[2]
    assert 'name="role"' in about_work
    assert "checked" not in about_work
    assert "selected" not in page
    assert "/leave/" in page
    assert "/editions/professionals" in page


def test_a_parent_is_asked_nothing(sqlite_door: Door) -> None:
    page = sqlite_door.get(f"/manage/{managed(sqlite_door, 'parents')}").text
    assert "Stop these emails" in page
    assert 'name="role"' not in page
    response = sqlite_door.post(f"/manage/{managed(sqlite_door, 'parents')}", {"role": "senco"})
    assert response.status_code == 422
    assert subscribers(sqlite_door.runtime)[0].role is None


def test_only_what_is_answered_changes(door: Door) -> None:
    path = f"/manage/{managed(door)}"
    saved = door.post(path, {"role": "head", "school": "", "setting_name": "", "phase": "primary"})
    assert saved.status_code == 303
    assert "Your answers are saved" in door.get(saved.headers["location"]).text
    (row,) = subscribers(door.runtime)
    assert (row.role, row.school_urn, row.phase) == (Role.HEAD, 100_001, Phase.PRIMARY)
    door.post(path, {"setting_name": "Example Nursery", "phase": "none"})
    (row,) = subscribers(door.runtime)
    assert (row.role, row.school_urn, row.setting_name, row.phase) == (Role.HEAD, None, "Example Nursery", None)


def test_answers_that_cannot_be_used_are_named_and_nothing_changes(sqlite_door: Door) -> None:
    path = f"/manage/{managed(sqlite_door)}"
    for wrong in ({"role": "king"}, {"school": "999999"}, {"school": "100002", "setting_name": "Both"}, {"phase": "x"}):
        response = sqlite_door.post(path, wrong)
        assert response.status_code == 422
        assert "<title>Error: " in response.text
    assert subscribers(sqlite_door.runtime)[0].school_urn == 100_001


def test_somebody_who_left_is_told_so_and_can_sign_up(sqlite_door: Door) -> None:
    subscriber_id = town.subscriber(sqlite_door.runtime, ADDRESS, slug="professionals")
    sqlite_door.post(f"/leave/{town.token(sqlite_door.runtime, Purpose.LEAVE, subscriber_id)}")
    path = f"/manage/{town.token(sqlite_door.runtime, Purpose.MANAGE, subscriber_id)}"
    assert "You do not get it now" in sqlite_door.get(path).text
    assert sqlite_door.post(path, {"role": "head"}).status_code == 404
