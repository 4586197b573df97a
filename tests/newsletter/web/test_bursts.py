"""A mail filter that presses every stop link of a school at once takes nobody off for good; whoever means it is."""

import logging
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from sqlmodel import col, select

from newsletter.core.tokens import Purpose
from newsletter.delivery import letters as sending_letters
from newsletter.delivery import stopping
from newsletter.delivery.models import Delivery, DeliveryKind, DeliveryState
from scheduler import jobs
from subscribers import bursts, recipients, retention
from subscribers.models import BurstDecision, Consent, HeldLeave, LeaveBurst, Subscriber, SubscriberState
from tests.newsletter.web import town
from tests.newsletter.web.conftest import Door
from tests.newsletter.web.test_leave import ONE_CLICK

SCHOOL = "school.example.org"
CONFIRMED, LEFT, HELD = SubscriberState.CONFIRMED, SubscriberState.LEFT, SubscriberState.HELD


def readers(door: Door, number: int, domain: str = SCHOOL, slug: str = "parents") -> list[int]:
    return [town.subscriber(door.runtime, f"reader-{n}@{domain}", slug=slug) for n in range(number)]


def press(door: Door, subscriber_id: int, sent: dict[str, str] = ONE_CLICK) -> httpx.Response:
    return door.post(f"/leave/{town.token(door.runtime, Purpose.LEAVE, subscriber_id)}", sent)


def states(door: Door, ids: list[int]) -> list[SubscriberState]:
    with door.runtime.db.reading() as session:
        return [session.get_one(Subscriber, subscriber_id).state for subscriber_id in ids]


def goodbyes(door: Door) -> set[int | None]:
    return told(door, DeliveryKind.GOODBYE)


def told(door: Door, kind: DeliveryKind) -> set[int | None]:
    with door.runtime.db.reading() as session:
        return set(session.exec(select(Delivery.subscriber_id).where(Delivery.kind == kind)))


def burst(door: Door) -> LeaveBurst:
    with door.runtime.db.reading() as session:
        found = session.exec(select(LeaveBurst)).one()
        session.expunge(found)
        return found


def decide(door: Door, decision: BurstDecision) -> None:
    with door.runtime.db.transaction() as session:
        stopping.settle(session, burst(door).id or 0, decision, by=None, now=door.runtime.clock.now())


def move(door: Door, **by: float) -> None:
    door.runtime.clock.move(timedelta(**by))  # type: ignore[attr-defined]


def without_what_differs(page: str) -> str:
    return re.sub(r'nonce="[^"]*"|/leave/[\w-]{43}', "", page)


def test_the_fifth_leave_from_a_domain_holds_them_all(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    ids = readers(door, 7)
    pages = []
    with caplog.at_level(logging.WARNING):
        for number, subscriber_id in enumerate(ids[:6]):
            assert states(door, ids[:number]) == [LEFT if number < 5 else HELD] * number
            pages.append(press(door, subscriber_id))
            move(door, minutes=1)
    assert states(door, ids) == [HELD] * 6 + [CONFIRMED]
    assert {page.status_code for page in pages} == {200}
    assert len({without_what_differs(page.text) for page in pages}) == 1
    assert goodbyes(door) == set(ids[:4])  # before anybody could know
    assert [record.message for record in caplog.records if "held for a person" in record.message] != []
    assert SCHOOL not in caplog.text
    with door.runtime.db.reading() as session:
        list_id = town.parents_id(session)
        assert recipients.count_confirmed(session, list_id) == 1
        assert bursts.count_held(session) == bursts.count_held(session, list_id) == 6
        (consent,) = session.exec(select(Consent).where(Consent.subscriber_id == ids[5]))
        assert consent.withdrawn_how == "one-click"
    # Pressed again, nothing is new.
    assert without_what_differs(press(door, ids[5], {}).text) == without_what_differs(pages[0].text)
    assert states(door, ids[5:]) == [HELD, CONFIRMED]


def test_leaves_over_a_longer_time_or_from_public_mailboxes_are_no_burst(sqlite_door: Door) -> None:
    slow, public = readers(sqlite_door, 8), readers(sqlite_door, 8, "gmail.com")
    for one, other in zip(slow, public, strict=True):
        press(sqlite_door, one)
        press(sqlite_door, other)
        move(sqlite_door, minutes=2, seconds=31)
    assert states(sqlite_door, slow + public) == [LEFT] * 16
    assert goodbyes(sqlite_door) == {*slow, *public}


def test_the_same_link_pressed_again_and_again_is_no_burst(sqlite_door: Door) -> None:
    (subscriber_id,) = readers(sqlite_door, 1)
    for _ in range(6):
        press(sqlite_door, subscriber_id)
    assert states(sqlite_door, [subscriber_id]) == [LEFT]


def test_one_list_counts_for_itself(sqlite_door: Door) -> None:
    parents, professionals = readers(sqlite_door, 4), readers(sqlite_door, 4, slug="professionals")
    for subscriber_id in parents + professionals:
        press(sqlite_door, subscriber_id)
    assert states(sqlite_door, parents + professionals) == [LEFT] * 8


def test_presses_in_the_same_moment_are_counted_one_after_the_other(door: Door) -> None:
    ids = readers(door, 6)
    with ThreadPoolExecutor(6) as pool:
        assert {page.status_code for page in pool.map(lambda each: press(door, each), ids)} == {200}
    assert states(door, ids) == [HELD] * 6
    burst(door)  # one


def test_nothing_is_sent_to_anybody_who_is_held(sqlite_door: Door) -> None:
    ids = readers(sqlite_door, 5)
    with sqlite_door.runtime.db.transaction() as session:
        for subscriber_id in ids:
            sending_letters.queue(
                session,
                DeliveryKind.WELCOME,
                mailing_list_id=town.parents_id(session),
                subscriber_id=subscriber_id,
                now=sqlite_door.runtime.clock.now(),
            )
    for subscriber_id in ids:
        press(sqlite_door, subscriber_id)
    with sqlite_door.runtime.db.reading() as session:
        waiting = session.exec(select(Delivery.state).where(Delivery.kind == DeliveryKind.WELCOME)).all()
        assert waiting == [DeliveryState.SKIPPED] * 5
        every_state = [SubscriberState.PENDING, CONFIRMED]
        reachable = recipients.reachable(
            session, sqlite_door.runtime.crypto, ids, states=every_state, now=sqlite_door.runtime.clock.now()
        )
        assert reachable == {}


def test_obeyed_they_leave_and_get_one_goodbye_each(door: Door) -> None:
    ids = readers(door, 6)
    for subscriber_id in ids:
        press(door, subscriber_id)
    left_at = door.runtime.clock.now()
    move(door, hours=3)
    decide(door, BurstDecision.OBEYED)
    assert states(door, ids) == [LEFT] * 6
    assert goodbyes(door) == set(ids)
    with door.runtime.db.reading() as session:
        assert len(session.exec(select(Delivery.id).where(Delivery.kind == DeliveryKind.GOODBYE)).all()) == 6
        assert session.get_one(Subscriber, ids[0]).ended_at == left_at
        assert session.exec(select(HeldLeave)).all() == []
    # What was decided about is not taken up again by the next press.
    late = town.subscriber(door.runtime, f"late@{SCHOOL}")
    press(door, late)
    assert states(door, [*ids, late]) == [LEFT] * 7


def test_dismissed_their_emails_go_on_and_a_letter_says_so(door: Door) -> None:
    ids = readers(door, 6, slug="professionals")
    for subscriber_id in ids:
        press(door, subscriber_id)
    move(door, hours=3)
    decide(door, BurstDecision.DISMISSED)
    assert states(door, ids) == [CONFIRMED] * 6
    assert told(door, DeliveryKind.STILL_ON) == set(ids)
    with door.runtime.db.reading() as session:
        row = session.get_one(Subscriber, ids[0])
        assert (row.ended_at, row.school_urn) == (None, 100_001)
        stopped, stands = session.exec(
            select(Consent).where(Consent.subscriber_id == ids[0]).order_by(col(Consent.id))
        ).all()
        assert stopped.withdrawn_at is not None
        assert (stands.withdrawn_at, stands.wording_id) == (None, stopped.wording_id)
        assert (stands.confirmed_at, stands.source) == (
            stopped.confirmed_at,
            "web form (carried on: stop link pressed by a mail filter)",
        )


def test_the_link_in_that_letter_is_never_held(sqlite_door: Door) -> None:
    ids = readers(sqlite_door, 6)
    for subscriber_id in ids:
        press(sqlite_door, subscriber_id)
    decide(sqlite_door, BurstDecision.DISMISSED)
    move(sqlite_door, minutes=1)
    for subscriber_id in ids:
        token = town.token(sqlite_door.runtime, Purpose.LEAVE, subscriber_id)
        assert "sure" not in sqlite_door.get(f"/leave/{token}").text
        page = sqlite_door.get(f"/leave/{token}?sure=yes").text
        assert '<input type="hidden" name="sure" value="yes">' in page
        press(sqlite_door, subscriber_id, {"sure": "yes"})
    assert states(sqlite_door, ids) == [LEFT] * 6
    # Nor does a burst that comes right after take it back.
    others = [town.subscriber(sqlite_door.runtime, f"other-{n}@{SCHOOL}") for n in range(5)]
    for subscriber_id in others:
        press(sqlite_door, subscriber_id)
    assert states(sqlite_door, ids + others) == [LEFT] * 6 + [HELD] * 5


def test_stopping_everything_and_coming_back_are_a_persons_doing_and_count(sqlite_door: Door) -> None:
    ids = readers(sqlite_door, 6)
    for subscriber_id in ids:
        press(sqlite_door, subscriber_id)
    press(sqlite_door, ids[0], {"which": "all"})
    token = town.token(sqlite_door.runtime, Purpose.LEAVE, ids[1])
    assert "Check your email" in sqlite_door.post(f"/leave/{token}/return").text
    assert states(sqlite_door, ids) == [LEFT, SubscriberState.PENDING] + [HELD] * 4
    decide(sqlite_door, BurstDecision.DISMISSED)
    assert states(sqlite_door, ids) == [LEFT, SubscriberState.PENDING] + [CONFIRMED] * 4


@pytest.mark.parametrize(
    ("pressed", "due"),
    [
        (datetime(2026, 11, 3, 9, 0, tzinfo=UTC), datetime(2026, 11, 6, 9, 0, tzinfo=UTC)),  # Tuesday, Friday
        (datetime(2026, 11, 6, 9, 0, tzinfo=UTC), datetime(2026, 11, 11, 9, 0, tzinfo=UTC)),  # Friday, Wednesday
        (datetime(2026, 11, 7, 9, 0, tzinfo=UTC), datetime(2026, 11, 11, 9, 0, tzinfo=UTC)),  # Saturday, Wednesday
    ],
)
def test_what_nobody_decides_about_is_obeyed_after_three_working_days(
    pressed: datetime, due: datetime, sqlite_door: Door
) -> None:
    clock = sqlite_door.runtime.clock
    clock.set(pressed)  # type: ignore[attr-defined]
    ids = readers(sqlite_door, 5)
    for subscriber_id in ids:
        press(sqlite_door, subscriber_id)
    clock.set(due - timedelta(seconds=1))  # type: ignore[attr-defined]
    assert jobs.obey_held(sqlite_door.runtime) == []
    assert states(sqlite_door, ids) == [HELD] * 5
    clock.set(due)  # type: ignore[attr-defined]
    assert jobs.obey_held(sqlite_door.runtime) == [burst(sqlite_door).id]
    assert jobs.obey_held(sqlite_door.runtime) == []
    assert states(sqlite_door, ids) == [LEFT] * 5
    found = burst(sqlite_door)
    assert (found.decision, found.decided_by, found.decided_at) == (BurstDecision.OBEYED, None, due)


def test_no_sweep_erases_who_is_held(sqlite_door: Door) -> None:
    ids = readers(sqlite_door, 5)
    for subscriber_id in ids:
        press(sqlite_door, subscriber_id)
    move(sqlite_door, days=400)
    with sqlite_door.runtime.db.transaction() as session:
        retention.sweep(session, now=sqlite_door.runtime.clock.now())
    assert states(sqlite_door, ids) == [HELD] * 5
    with sqlite_door.runtime.db.reading() as session:
        assert all(row.address_sealed for row in session.exec(select(Subscriber)))


def test_the_domain_is_kept_for_professionals_alone(sqlite_door: Door) -> None:
    for slug in ("parents", "professionals"):
        for subscriber_id in readers(sqlite_door, 5, slug=slug):
            press(sqlite_door, subscriber_id)
    with sqlite_door.runtime.db.reading() as session:
        found = bursts.held(session, sqlite_door.runtime.crypto)
        hashes = set(session.exec(select(LeaveBurst.domain_hash)))
    assert [(each.number, each.domain) for each in found] == [(5, None), (5, SCHOOL)]
    assert len(hashes) == 2  # nobody can tell that it is one school
