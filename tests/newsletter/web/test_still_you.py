"""The yearly question to professionals: keep, hand over, or stop."""

from datetime import timedelta

import pytest
from sqlmodel import select

from newsletter.core.runtime import Runtime
from newsletter.core.tokens import Purpose
from newsletter.delivery.models import DeliveryKind
from subscribers import identity, lists
from subscribers.models import Role, Subscriber, SubscriberState
from tests.newsletter.web import town
from tests.newsletter.web.conftest import Door
from tests.newsletter.web.test_signup import ADDRESS, letters, make_suppressed, neutral

COLLEAGUE = "colleague@example.org"


def asked(door: Door, address: str = "leaver@example.org") -> str:
    """The page of the question, for a new subscriber."""
    subscriber_id = town.subscriber(door.runtime, address, slug="professionals")
    return f"/still-you/{town.token(door.runtime, Purpose.STILL_YOU, subscriber_id)}"


def row(runtime: Runtime, address: str) -> Subscriber:
    with runtime.db.reading() as session:
        list_id = lists.by_slug(session, "professionals").id
        assert list_id is not None
        found = identity.find(session, runtime.crypto, list_id, address)
        assert found is not None
        session.expunge(found)
        return found


def confirm(door: Door, address: str) -> None:
    runtime = door.runtime
    assert (
        door.post(f"/confirm/{town.token(runtime, Purpose.CONFIRM, row(runtime, address).id or 0)}").status_code == 200
    )


def test_looking_changes_nothing_and_shows_no_address(sqlite_door: Door) -> None:
    path = asked(sqlite_door)
    for page in (path, f"{path}/hand-over"):
        shown = sqlite_door.get(page)
        assert shown.status_code == 200
        assert "leaver@" not in shown.text
    assert row(sqlite_door.runtime, "leaver@example.org").answered_at is None
    assert letters(sqlite_door.runtime) == []


def test_keeping_notes_the_answer_as_often_as_it_is_pressed(door: Door) -> None:
    path = asked(door)
    for _ in range(2):
        assert "We will keep sending you SEND news for professionals" in door.post(path).text
    kept = row(door.runtime, "leaver@example.org")
    assert (kept.state, kept.answered_at) == (SubscriberState.CONFIRMED, door.runtime.clock.now())


def test_a_colleague_takes_over_and_only_then_do_the_emails_stop(door: Door) -> None:
    path = asked(door)
    done = door.post(f"{path}/hand-over", {"email": COLLEAGUE, "stop": "then"})
    assert "We have asked your colleague" in done.text
    assert "Your own emails go on until your colleague says yes" in done.text
    assert letters(door.runtime) == [DeliveryKind.HAND_OVER]
    taker, giver = row(door.runtime, COLLEAGUE), row(door.runtime, "leaver@example.org")
    assert (taker.state, taker.role, taker.school_urn) == (SubscriberState.PENDING, Role.SENCO, 100_001)
    assert (giver.state, giver.answered_at) == (SubscriberState.CONFIRMED, door.runtime.clock.now())
    confirm(door, COLLEAGUE)
    assert row(door.runtime, COLLEAGUE).state is SubscriberState.CONFIRMED
    assert row(door.runtime, "leaver@example.org").state is SubscriberState.LEFT
    assert sorted(letters(door.runtime)) == [DeliveryKind.GOODBYE, DeliveryKind.HAND_OVER, DeliveryKind.WELCOME]
    confirm(door, COLLEAGUE)
    assert len(letters(door.runtime)) == 3


def test_whoever_wants_can_stop_at_once(door: Door) -> None:
    path = asked(door)
    done = door.post(f"{path}/hand-over", {"email": COLLEAGUE, "stop": "now"})
    assert "Your own emails have stopped" in done.text
    assert row(door.runtime, "leaver@example.org").state is SubscriberState.LEFT
    confirm(door, COLLEAGUE)
    assert row(door.runtime, "leaver@example.org").state is SubscriberState.LEFT


def test_a_colleague_who_is_on_the_list_already_is_asked_alike(door: Door) -> None:
    path = asked(door)
    town.subscriber(door.runtime, COLLEAGUE, slug="professionals")
    door.post(f"{path}/hand-over", {"email": COLLEAGUE, "stop": "then"})
    assert letters(door.runtime) == [DeliveryKind.HAND_OVER]
    assert row(door.runtime, "leaver@example.org").state is SubscriberState.CONFIRMED
    confirm(door, COLLEAGUE)
    assert row(door.runtime, "leaver@example.org").state is SubscriberState.LEFT


def test_the_answer_is_the_same_for_every_colleague(door: Door) -> None:
    path = asked(door)

    def answer(address: str) -> object:
        status, text, headers = neutral(door.post(f"{path}/hand-over", {"email": address, "stop": "then"}))
        return status, text.replace(address, "X"), [pair for pair in headers if pair[0] != "content-length"]

    unknown = answer("nobody@example.org")
    town.subscriber(door.runtime, ADDRESS, slug="professionals")
    assert answer(ADDRESS) == unknown
    make_suppressed(door.runtime)
    assert answer(ADDRESS) == unknown


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({}, "email"),
        ({"email": "x", "stop": "now"}, "email"),
        ({"email": COLLEAGUE}, "stop"),
        ({"email": COLLEAGUE, "stop": "never"}, "stop"),
        ({"email": "LEAVER@example.org", "stop": "then"}, "email"),
    ],
)
def test_a_mistake_is_named_and_nothing_happens(form: dict[str, str], field: str, sqlite_door: Door) -> None:
    response = sqlite_door.post(f"{asked(sqlite_door)}/hand-over", form)
    assert response.status_code == 422
    assert "<title>Error: " in response.text
    assert f'href="#{field}"' in response.text
    assert letters(sqlite_door.runtime) == []
    assert row(sqlite_door.runtime, "leaver@example.org").answered_at is None


def test_after_leaving_there_is_nothing_to_do(sqlite_door: Door) -> None:
    path = asked(sqlite_door)
    sqlite_door.post(f"{path}/hand-over", {"email": COLLEAGUE, "stop": "now"})
    for response in (
        sqlite_door.get(path),
        sqlite_door.post(path),
        sqlite_door.get(f"{path}/hand-over"),
        sqlite_door.post(f"{path}/hand-over", {"email": "other@example.org", "stop": "then"}),
    ):
        assert response.status_code == (200 if response.request.method == "GET" else 404)
        assert "You do not get these emails now" in response.text
    with sqlite_door.runtime.db.reading() as session:
        assert len(session.exec(select(Subscriber)).all()) == 2


def test_the_link_is_good_for_this_page_alone(sqlite_door: Door) -> None:
    path = asked(sqlite_door)
    assert sqlite_door.get(path.replace("still-you", "manage")).status_code == 404
    assert sqlite_door.get(path[:-2] + "xx").status_code == 404
    sqlite_door.runtime.clock.move(timedelta(days=700))  # type: ignore[attr-defined]
    assert sqlite_door.get(path).status_code == 200
