"""Leaving, by button and by one-click (RFC 8058): at once, for ever, whatever the mail program sends."""

import re
from datetime import timedelta

import pytest
from sqlmodel import select

from newsletter.core.tokens import Purpose
from newsletter.delivery.models import DeliveryKind
from subscribers import privacy
from subscribers.models import Consent, Subscriber, SubscriberState
from tests.newsletter.web import town
from tests.newsletter.web.conftest import Door
from tests.newsletter.web.test_signup import ADDRESS, letters, subscribers

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def reader(door: Door, slug: str = "parents") -> str:
    return town.token(door.runtime, Purpose.LEAVE, town.subscriber(door.runtime, ADDRESS, slug=slug))


def states(door: Door) -> list[SubscriberState]:
    return [row.state for row in sorted(subscribers(door.runtime), key=lambda row: row.mailing_list_id)]


def test_looking_at_the_page_changes_nothing(door: Door) -> None:
    path = f"/leave/{reader(door)}"
    for method in ("GET", "HEAD", "GET"):
        assert door.ask(method, path).status_code == 200
    page = door.get(path).text
    assert "Stop getting SEND news for parents and carers" in page
    assert "professionals" not in page
    assert ADDRESS not in page
    assert states(door) == [SubscriberState.CONFIRMED]


@pytest.mark.parametrize(
    "sent",
    [
        {"data": ONE_CLICK},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {"content": b""},
        {"content": b"List-Unsubscribe=One-Click"},  # no content type at all
        {"content": b"\xff\x00--nonsense", "headers": {"content-type": "multipart/form-data; boundary=x"}},
        {"content": b"--", "headers": {"content-type": "multipart/form-data"}},
        {"data": ONE_CLICK, "headers": {"origin": "https://mail.example.net", "sec-fetch-site": "cross-site"}},
    ],
)
def test_one_click_leaves_at_once_without_a_redirect(sent: dict[str, object], door: Door) -> None:
    path = f"/leave/{reader(door)}"
    for _ in range(2):
        response = door.ask("POST", path, **sent)  # type: ignore[arg-type]
        assert response.status_code == 200
        assert "location" not in response.headers
    assert states(door) == [SubscriberState.LEFT]
    assert letters(door.runtime) == [DeliveryKind.GOODBYE]


@pytest.mark.parametrize(("sent", "how"), [(ONE_CLICK, "one-click"), ({}, "button")])
def test_the_consent_says_how_it_was_withdrawn(sent: dict[str, str], how: str, sqlite_door: Door) -> None:
    sqlite_door.post(f"/leave/{reader(sqlite_door)}", sent)
    with sqlite_door.runtime.db.reading() as session:
        assert session.exec(select(Consent)).one().withdrawn_how == how


def test_a_changed_link_changes_nothing(sqlite_door: Door) -> None:
    token = reader(sqlite_door)
    for position in range(0, len(token), 6):
        changed = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
        assert sqlite_door.post(f"/leave/{changed}", ONE_CLICK).status_code == 404
    assert states(sqlite_door) == [SubscriberState.CONFIRMED]


def plain(page: str) -> str:
    """A page without what differs each time."""
    return re.sub(r'nonce="[^"]*"', "", page)


def test_the_answer_sets_no_cookie_and_needs_none(sqlite_door: Door) -> None:
    path = f"/leave/{reader(sqlite_door)}"
    for response in (sqlite_door.get(path), sqlite_door.post(path, ONE_CLICK), sqlite_door.post(path)):
        assert "set-cookie" not in response.headers
        assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("encoding", ["data", "files"])
def test_one_click_is_known_by_its_key_in_both_encodings(encoding: str, sqlite_door: Door) -> None:
    sent = {"data": ONE_CLICK} if encoding == "data" else {"files": {"List-Unsubscribe": (None, "One-Click")}}
    response = sqlite_door.ask("POST", f"/leave/{reader(sqlite_door)}", **sent)
    kind = "application/x-www-form-urlencoded" if encoding == "data" else "multipart/form-data"
    assert response.request.headers["content-type"].startswith(kind)
    with sqlite_door.runtime.db.reading() as session:
        assert session.exec(select(Consent)).one().withdrawn_how == "one-click"


@pytest.mark.parametrize("key", ["List-Unsubscribe", "list-unsubscribe", "Unsubscribe"])
def test_any_other_key_or_value_is_a_press_of_the_button(key: str, sqlite_door: Door) -> None:
    for value in ("Something", "one-click", ""):
        subscriber_id = town.subscriber(sqlite_door.runtime, f"{value}@{key}.example.org" if value else ADDRESS)
        token = town.token(sqlite_door.runtime, Purpose.LEAVE, subscriber_id)
        assert sqlite_door.post(f"/leave/{token}", {key: value}).status_code == 200
        with sqlite_door.runtime.db.reading() as session:
            consent = session.exec(select(Consent).where(Consent.subscriber_id == subscriber_id)).one()
            assert consent.withdrawn_how == "button"


def test_no_method_but_post_stops_anything(sqlite_door: Door) -> None:
    token = reader(sqlite_door)
    for method in ("GET", "HEAD", "OPTIONS", "PUT", "PATCH", "DELETE"):
        for path in (f"/leave/{token}", f"/leave/{token}?which=all&List-Unsubscribe=One-Click&sure=yes"):
            sqlite_door.ask(method, path)
    assert states(sqlite_door) == [SubscriberState.CONFIRMED]


def test_a_link_works_years_later_and_after_erasure_and_shows_the_same_page(door: Door) -> None:
    token = reader(door)
    door.runtime.clock.move(timedelta(days=2 * 365))  # type: ignore[attr-defined]
    first = door.post(f"/leave/{token}", ONE_CLICK)
    assert states(door) == [SubscriberState.LEFT]
    again = door.post(f"/leave/{token}", ONE_CLICK)
    door.runtime.clock.move(timedelta(days=365))  # type: ignore[attr-defined]
    with door.runtime.db.transaction() as session:
        privacy.erase(session, door.runtime.crypto, ADDRESS, now=door.runtime.clock.now())
        for row in session.exec(select(Subscriber)):
            session.delete(row)
    erased = [door.post(f"/leave/{token}", sent) for sent in (ONE_CLICK, {})]
    assert "Your emails have stopped" in first.text
    for other in (again, *erased):
        assert (other.status_code, plain(other.text)) == (200, plain(first.text))
        assert set(other.headers) == set(first.headers)
    assert "Your emails have stopped" in door.post(f"/leave/{token}", {"which": "all"}).text
    assert door.get(f"/leave/{token}").status_code == 200


def test_leaving_one_list_leaves_the_other_alone_and_stop_all_stops_all(door: Door) -> None:
    parents, professionals = reader(door), reader(door, "professionals")
    door.post(f"/leave/{parents}")
    assert states(door) == [SubscriberState.LEFT, SubscriberState.CONFIRMED]
    page = door.post(f"/leave/{professionals}", {"which": "all"}).text
    assert "You will not get any more newsletters from us" in page
    assert "parents" not in page
    assert states(door) == [SubscriberState.LEFT, SubscriberState.LEFT]


def test_stopping_all_from_the_first_list_reaches_the_second(sqlite_door: Door) -> None:
    parents, _ = reader(sqlite_door), reader(sqlite_door, "professionals")
    page = sqlite_door.post(f"/leave/{parents}", {"which": "all"}).text
    assert "professionals" not in page
    assert states(sqlite_door) == [SubscriberState.LEFT, SubscriberState.LEFT]


def test_coming_back_takes_one_press_and_a_confirmation(door: Door) -> None:
    token = reader(door)
    page = door.post(f"/leave/{token}").text
    assert f'action="/leave/{token}/return"' in page
    response = door.post(f"/leave/{token}/return")
    assert response.status_code == 200
    assert "Check your email" in response.text
    assert ADDRESS not in response.text
    assert states(door) == [SubscriberState.PENDING]
    assert letters(door.runtime)[-1] is DeliveryKind.CONFIRM


def test_28_days_after_leaving_the_address_is_erased_and_the_button_leads_to_the_form(sqlite_door: Door) -> None:
    token = reader(sqlite_door)
    page = sqlite_door.post(f"/leave/{token}").text
    assert f'action="/leave/{token}/return"' in page
    for days, is_kept in ((27, True), (1, False)):
        sqlite_door.runtime.clock.move(timedelta(days=days))  # type: ignore[attr-defined]
        with sqlite_door.runtime.db.transaction() as session:
            privacy.sweep(session, now=sqlite_door.runtime.clock.now())
        (row,) = subscribers(sqlite_door.runtime)
        assert (row.address_sealed is not None, row.address_hash is not None) == (is_kept, is_kept)
    response = sqlite_door.post(f"/leave/{token}/return")
    assert response.status_code == 404
    assert 'href="/parents"' in response.text


def test_coming_back_after_the_address_is_gone_leads_to_the_form(sqlite_door: Door) -> None:
    token = reader(sqlite_door)
    sqlite_door.post(f"/leave/{token}")
    with sqlite_door.runtime.db.transaction() as session:
        privacy.erase(session, sqlite_door.runtime.crypto, ADDRESS, now=sqlite_door.runtime.clock.now())
    response = sqlite_door.post(f"/leave/{token}/return")
    assert response.status_code == 404
    assert 'href="/parents"' in response.text
