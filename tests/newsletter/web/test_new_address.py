"""Getting the emails at another address: only by a confirmation there, and telling nobody anything on the way."""

import re
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from sqlmodel import col, select

from newsletter.core.tokens import Purpose
from newsletter.delivery.models import Delivery, DeliveryKind, DeliveryState
from subscribers import identity, privacy, retention, signup, suppression
from subscribers.models import AddressChange, Consent, Role, Subscriber, SubscriberState, SuppressionReason
from tests.newsletter.web import town
from tests.newsletter.web.conftest import Door, hidden

OLD, NEW = "reader@example.org", "moved@example.org"


def manage(door: Door, slug: str = "parents") -> str:
    return town.token(door.runtime, Purpose.MANAGE, town.subscriber(door.runtime, OLD, slug=slug))


def ask(door: Door, token: str, address: str = NEW, **more: object) -> httpx.Response:
    return door.post(f"/manage/{token}/address", {"email": address}, **more)


def row(door: Door, address: str, slug: str = "parents") -> Subscriber:
    with door.runtime.db.reading() as session:
        for found in identity.find_everywhere(session, door.runtime.crypto, address):
            if (found.role is None) is (slug == "parents"):
                session.expunge(found)
                return found
    raise AssertionError(f"nobody has {address}")


def confirm(door: Door, address: str = NEW, slug: str = "parents") -> httpx.Response:
    found = row(door, address, slug).id
    assert found is not None
    return door.post(f"/confirm/{town.token(door.runtime, Purpose.CONFIRM, found)}")


def letters_to(door: Door, address: str) -> list[DeliveryKind]:
    with door.runtime.db.reading() as session:
        ids = [found.id for found in identity.find_everywhere(session, door.runtime.crypto, address)]
        query = select(Delivery.kind).where(col(Delivery.subscriber_id).in_(ids)).order_by(col(Delivery.id))
        return list(session.exec(query))


def consents_of(door: Door, subscriber_id: int | None) -> list[Consent]:
    with door.runtime.db.reading() as session:
        found = list(session.exec(select(Consent).where(Consent.subscriber_id == subscriber_id)))
        session.expunge_all()
        return found


def test_the_form_asks_for_the_new_address_alone_and_shows_nothing(sqlite_door: Door) -> None:
    token = manage(sqlite_door, "professionals")
    page = sqlite_door.get(f"/manage/{token}/address").text
    assert re.findall(r'<input[^>]* name="(\w+)"', page) == ["email"]
    assert OLD not in page
    assert row(sqlite_door, OLD, "professionals").state is SubscriberState.CONFIRMED


def test_nothing_changes_before_the_new_address_confirms(door: Door) -> None:
    token = manage(door)
    answer = ask(door, token)
    assert answer.status_code == 303
    page = door.get(answer.headers["location"]).text
    assert f"If you can get emails at <strong>{NEW}</strong>" in page
    assert "Until then nothing changes" in page
    assert OLD not in page
    assert row(door, OLD).state is SubscriberState.CONFIRMED
    assert row(door, NEW).state is SubscriberState.PENDING
    assert letters_to(door, NEW) == [DeliveryKind.NEW_ADDRESS]
    door.runtime.clock.move(timedelta(days=8))  # type: ignore[attr-defined]
    with door.runtime.db.transaction() as session:
        retention.sweep(session, now=door.runtime.clock.now())
        assert session.exec(select(AddressChange)).all() == []
    assert row(door, OLD).state is SubscriberState.CONFIRMED


def test_confirming_at_the_new_address_ends_the_old_one(door: Door) -> None:
    token = manage(door, "professionals")
    ask(door, token)
    waiting = _edition_to(door, OLD)
    door.runtime.clock.move(timedelta(hours=1))  # type: ignore[attr-defined]
    page = confirm(door, slug="professionals")
    assert page.status_code == 200
    assert "Your email address is changed" in page.text
    old, new = row(door, OLD, "professionals"), row(door, NEW, "professionals")
    assert (old.state, new.state) == (SubscriberState.LEFT, SubscriberState.CONFIRMED)
    assert (new.role, new.school_urn) == (Role.SENCO, 100_001)
    assert letters_to(door, NEW) == [DeliveryKind.NEW_ADDRESS, DeliveryKind.WELCOME]
    assert letters_to(door, OLD) == [DeliveryKind.EDITION, DeliveryKind.ADDRESS_CHANGED]
    with door.runtime.db.reading() as session:
        assert session.get_one(Delivery, waiting).state is DeliveryState.SKIPPED
    (was,), (is_now,) = consents_of(door, old.id), consents_of(door, new.id)
    assert (was.withdrawn_how, was.withdrawn_at) == ("address changed", old.ended_at)
    assert (is_now.source, is_now.wording_id) == ("change of address", was.wording_id)
    assert is_now.confirmed_at is not None
    # Pressing again changes nothing more.
    assert confirm(door, slug="professionals").status_code == 200
    assert letters_to(door, OLD) == [DeliveryKind.EDITION, DeliveryKind.ADDRESS_CHANGED]


def _edition_to(door: Door, address: str) -> int:
    """A copy of an edition that waits to be sent."""
    found = row(door, address, "professionals")
    now = door.runtime.clock.now()
    with door.runtime.db.transaction() as session:
        copy = Delivery(
            kind=DeliveryKind.EDITION,
            edition_id=None,
            mailing_list_id=found.mailing_list_id,
            subscriber_id=found.id,
            due_at=now,
            queued_at=now,
        )
        session.add(copy)
        session.flush()
        assert copy.id is not None
        return copy.id


def test_the_code_from_the_letter_does_it_too(sqlite_door: Door) -> None:
    answer = ask(sqlite_door, manage(sqlite_door))
    page = sqlite_door.get(answer.headers["location"])
    code = signup.code_for(sqlite_door.runtime.crypto, row(sqlite_door, NEW))
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    sent = {"list": "parents", "to": hidden(page)["to"]}
    refused = sqlite_door.post("/confirm/code", {**sent, "code": wrong})
    assert refused.status_code == 422
    assert "Change my address" in refused.text
    assert "Your email address is changed" in sqlite_door.post("/confirm/code", {**sent, "code": code}).text
    assert row(sqlite_door, OLD).state is SubscriberState.LEFT


def test_asking_for_another_letter_keeps_it_a_change(sqlite_door: Door) -> None:
    token = manage(sqlite_door)
    page = sqlite_door.get(ask(sqlite_door, token).headers["location"])
    form = re.findall(r"<form.*?</form>", page.text, re.DOTALL)[-1]
    assert f'action="/manage/{token}/address"' in form
    again = sqlite_door.post(f"/manage/{token}/address", dict(re.findall(r'name="(\w+)" value="([^"]*)"', form)))
    assert "We have tried again" in sqlite_door.get(again.headers["location"]).text
    sqlite_door.runtime.clock.move(timedelta(days=7, seconds=1))  # type: ignore[attr-defined]
    old_link = town.token(sqlite_door.runtime, Purpose.CONFIRM, row(sqlite_door, NEW).id or 0)
    assert sqlite_door.post(f"/confirm/{old_link}/new").status_code == 200
    assert "Your email address is changed" in confirm(sqlite_door).text


def test_the_old_address_can_come_back_for_28_days(sqlite_door: Door) -> None:
    token = manage(sqlite_door)
    ask(sqlite_door, token)
    confirm(sqlite_door)
    leave = town.token(sqlite_door.runtime, Purpose.LEAVE, row(sqlite_door, OLD).id or 0)
    page = sqlite_door.get(f"/leave/{leave}/return")
    assert page.status_code == 200
    assert f'action="/leave/{leave}/return"' in page.text
    assert row(sqlite_door, OLD).state is SubscriberState.LEFT
    sqlite_door.post(f"/leave/{leave}/return")
    assert letters_to(sqlite_door, OLD)[-1] is DeliveryKind.CONFIRM
    assert "Your emails have started" in confirm(sqlite_door, OLD).text
    assert row(sqlite_door, NEW).state is SubscriberState.CONFIRMED


def test_after_28_days_the_way_back_leads_to_the_form(sqlite_door: Door) -> None:
    ask(sqlite_door, manage(sqlite_door))
    confirm(sqlite_door)
    leave = town.token(sqlite_door.runtime, Purpose.LEAVE, row(sqlite_door, OLD).id or 0)
    before = sqlite_door.get(f"/leave/{leave}/return").text
    sqlite_door.runtime.clock.move(timedelta(days=28))  # type: ignore[attr-defined]
    with sqlite_door.runtime.db.transaction() as session:
        retention.sweep(session, now=sqlite_door.runtime.clock.now())
        assert identity.find_everywhere(session, sqlite_door.runtime.crypto, OLD) == []
    assert _plain(sqlite_door.get(f"/leave/{leave}/return").text) == _plain(before)
    gone = sqlite_door.post(f"/leave/{leave}/return")
    assert gone.status_code == 404
    assert 'href="/parents"' in gone.text


def on_the_list(door: Door) -> None:
    town.subscriber(door.runtime, NEW)


def pending(door: Door) -> None:
    town.subscriber(door.runtime, NEW, confirmed=False)


def bounced(door: Door) -> None:
    _suppress(door, SuppressionReason.BOUNCED)


def not_requested(door: Door) -> None:
    _suppress(door, SuppressionReason.NOT_REQUESTED)


def erased(door: Door) -> None:
    with door.runtime.db.transaction() as session:
        privacy.erase(session, door.runtime.crypto, NEW, now=door.runtime.clock.now())


def _suppress(door: Door, reason: SuppressionReason) -> None:
    now = door.runtime.clock.now()
    with door.runtime.db.transaction() as session:
        until = now + timedelta(days=30) if reason is SuppressionReason.NOT_REQUESTED else None
        suppression.suppress(session, door.runtime.crypto, NEW, reason=reason, until=until, now=now)


def _plain(page: str) -> str:
    """A page without what differs each time."""
    return re.sub(r'nonce="[^"]*"|nonce-[\w-]+|value="[\w-]{100,}"|[\w-]{43}', "", page)


@pytest.mark.parametrize("known", [on_the_list, pending, bounced, not_requested, erased])
def test_the_answer_tells_nothing_about_the_new_address(known: Callable[[Door], None], sqlite_door: Door) -> None:
    token = manage(sqlite_door)
    known(sqlite_door)
    one, other = ask(sqlite_door, token, "nobody.knows@example.org"), ask(sqlite_door, token)
    assert one.status_code == other.status_code == 303
    pages = [sqlite_door.get(answer.headers["location"]) for answer in (one, other)]
    assert set(pages[0].headers) == set(pages[1].headers)
    shown = [_plain(page.text).replace("nobody.knows@", "moved@") for page in pages]
    assert shown[0] == shown[1]
    assert row(sqlite_door, OLD).state is SubscriberState.CONFIRMED


def test_somebody_who_gets_the_emails_there_already_is_told_so_by_mail_alone(sqlite_door: Door) -> None:
    token = manage(sqlite_door)
    on_the_list(sqlite_door)
    ask(sqlite_door, token)
    ask(sqlite_door, token, OLD)
    assert letters_to(sqlite_door, NEW) == letters_to(sqlite_door, OLD) == [DeliveryKind.ALREADY]
    assert row(sqlite_door, OLD).state is row(sqlite_door, NEW).state is SubscriberState.CONFIRMED


def test_an_address_gets_no_more_than_three_letters_a_day(sqlite_door: Door) -> None:
    token = manage(sqlite_door)
    with sqlite_door.runtime.db.transaction() as session:
        list_id = town.parents_id(session)
    for _ in range(5):
        assert ask(sqlite_door, token).status_code == 303
        with sqlite_door.runtime.db.transaction() as session:  # so that the next is not taken for the same letter
            for letter in session.exec(select(Delivery).where(Delivery.mailing_list_id == list_id)):
                letter.state = DeliveryState.ACCEPTED
    assert letters_to(sqlite_door, NEW) == [DeliveryKind.NEW_ADDRESS] * 3


def test_a_network_can_ask_only_so_often(door_with: Callable[..., Door]) -> None:
    door = door_with(sign_ups_per_network_per_hour=2)
    token = manage(door)
    answers = [ask(door, token, f"new-{number}@example.org").status_code for number in range(3)]
    assert answers == [303, 303, 429]
    assert ask(door, token, peer="198.51.100.7").status_code == 303


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Enter your new email address"),
        ("reader@", "Enter an email address in the correct format, like name@example.com"),
    ],
)
def test_an_address_that_cannot_be_used_is_named_and_kept(typed: str, said: str, sqlite_door: Door) -> None:
    page = ask(sqlite_door, manage(sqlite_door), typed)
    assert page.status_code == 422
    assert "<title>Error: " in page.text
    assert said in page.text
    assert f'value="{typed}"' in page.text or not typed


def test_who_has_left_cannot_change_their_address(sqlite_door: Door) -> None:
    token = manage(sqlite_door)
    sqlite_door.post(f"/leave/{town.token(sqlite_door.runtime, Purpose.LEAVE, row(sqlite_door, OLD).id or 0)}")
    assert ask(sqlite_door, token).status_code == 404
    assert letters_to(sqlite_door, NEW) == []


def test_a_link_of_another_kind_or_from_another_site_changes_nothing(sqlite_door: Door) -> None:
    token = manage(sqlite_door)
    leave = town.token(sqlite_door.runtime, Purpose.LEAVE, row(sqlite_door, OLD).id or 0)
    assert ask(sqlite_door, leave).status_code == 404
    assert ask(sqlite_door, token, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert letters_to(sqlite_door, NEW) == []


def test_who_stops_meanwhile_and_confirms_at_the_new_address_gets_no_second_letter_at_the_old(
    sqlite_door: Door,
) -> None:
    ask(sqlite_door, manage(sqlite_door))
    sqlite_door.post(f"/leave/{town.token(sqlite_door.runtime, Purpose.LEAVE, row(sqlite_door, OLD).id or 0)}")
    confirm(sqlite_door)
    assert letters_to(sqlite_door, OLD) == [DeliveryKind.GOODBYE]
    assert row(sqlite_door, NEW).state is SubscriberState.CONFIRMED
