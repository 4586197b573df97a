"""Confirming by link: a GET is inert, a press confirms, a second press says the same."""

from datetime import timedelta

import pytest

from newsletter.core.runtime import Runtime
from newsletter.core.tokens import Purpose
from newsletter.delivery.models import DeliveryKind
from subscribers.models import SubscriberState
from tests.newsletter.web import town
from tests.newsletter.web.conftest import Door
from tests.newsletter.web.test_signup import ADDRESS, letters, subscribers


def asked(runtime: Runtime) -> str:
    """The token of a sign-up that waits to be confirmed."""
    return town.token(runtime, Purpose.CONFIRM, town.subscriber(runtime, ADDRESS, confirmed=False))


def test_looking_at_the_link_changes_nothing_however_often(door: Door) -> None:
    path = f"/confirm/{asked(door.runtime)}"
    for _ in range(20):
        assert door.get(path).status_code == 200
        assert door.ask("HEAD", path).status_code == 200
    assert subscribers(door.runtime)[0].state is SubscriberState.PENDING
    page = door.get(path).text
    assert "One more step" in page
    assert "Start my emails" in page
    assert "I did not ask for this" in page
    assert ADDRESS not in page
    assert ".submit(" not in page


def test_pressing_confirms_and_pressing_again_says_the_same(door: Door) -> None:
    path = f"/confirm/{asked(door.runtime)}"
    first, second = door.post(path), door.post(path)
    assert first.status_code == second.status_code == 200
    assert "Your emails have started" in first.text
    assert "Your emails have started" in second.text
    assert "/editions/parents/2026-11-02" in first.text  # the latest edition, to read now
    assert letters(door.runtime) == [DeliveryKind.WELCOME]


def test_an_expired_link_says_why_and_gives_a_new_one_without_typing(door: Door) -> None:
    token = asked(door.runtime)
    door.runtime.clock.move(timedelta(days=7, minutes=1))  # type: ignore[attr-defined]
    for response in (door.get(f"/confirm/{token}"), door.post(f"/confirm/{token}")):
        assert response.status_code == 410
        assert "works for 7 days" in response.text
        assert "Get a new link" in response.text
        assert ADDRESS not in response.text
    assert door.post(f"/confirm/{token}/new").status_code == 200
    assert letters(door.runtime) == [DeliveryKind.CONFIRM]
    assert subscribers(door.runtime)[0].state is SubscriberState.PENDING


def test_not_having_asked_deletes_the_request(door: Door) -> None:
    path = f"/confirm/{asked(door.runtime)}"
    for _ in range(2):
        response = door.post(f"{path}/not-me")
        assert response.status_code == 200
        assert "You will not get these emails" in response.text
    assert subscribers(door.runtime) == []
    gone = door.post(path)
    assert gone.status_code == 404
    assert "Please sign up again" in gone.text
    assert door.post(f"{path}/new").status_code == 404


def test_not_having_asked_for_what_was_confirmed_says_how_to_stop(sqlite_door: Door) -> None:
    path = f"/confirm/{asked(sqlite_door.runtime)}"
    sqlite_door.post(path)
    response = sqlite_door.post(f"{path}/not-me")
    assert response.status_code == 409
    assert "use the link at the end of any of them" in response.text
    assert subscribers(sqlite_door.runtime)[0].state is SubscriberState.CONFIRMED


@pytest.mark.parametrize("broken", ["x", "A" * 43, "%00", "..%2f..", "é" * 20, "A" * 5000])
@pytest.mark.parametrize("page", ["confirm", "leave", "manage"])
def test_a_broken_link_is_a_plain_page(page: str, broken: str, sqlite_door: Door) -> None:
    for method in ("GET", "POST", "HEAD"):
        response = sqlite_door.ask(method, f"/{page}/{broken}")
        assert response.status_code in (404, 405)
        if method != "HEAD":
            assert "copy the whole link" in response.text or response.status_code == 405


def test_a_link_opens_only_the_page_it_was_made_for(sqlite_door: Door) -> None:
    subscriber_id = town.subscriber(sqlite_door.runtime, ADDRESS, confirmed=False)
    for purpose in Purpose:
        token = town.token(sqlite_door.runtime, purpose, subscriber_id)
        for page in Purpose:
            assert sqlite_door.get(f"/{page}/{token}").status_code == (200 if page is purpose else 404)
