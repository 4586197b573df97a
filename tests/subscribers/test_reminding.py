"""The one reminder: in its time, once, to people who are still pending and may be mailed."""

import threading
from datetime import timedelta

import pytest
from sqlmodel import col, select

from newsletter.core.clock import ManualClock
from newsletter.core.runtime import Runtime
from newsletter.core.tokens import Purpose
from newsletter.delivery.models import Delivery, DeliveryKind
from scheduler import jobs
from subscribers import identity, reminding, signup, suppression
from subscribers.models import Subscriber, SuppressionReason
from tests.newsletter.web import town

ADDRESS = "reader@example.org"
A_SECOND = timedelta(seconds=1)


@pytest.fixture
def pending(runtime: Runtime) -> int:
    """Somebody who has just asked for the parents' list."""
    town.build(runtime)
    return town.subscriber(runtime, ADDRESS, confirmed=False)


def reminders(runtime: Runtime) -> list[int | None]:
    """Whom a reminder was queued for."""
    with runtime.db.reading() as session:
        kinds = select(Delivery.subscriber_id).where(col(Delivery.kind) == DeliveryKind.REMINDER)
        return list(session.exec(kinds.order_by(col(Delivery.id))))


def test_a_reminder_goes_after_a_day_and_never_again(runtime: Runtime, pending: int, clock: ManualClock) -> None:
    clock.move(reminding.EARLIEST - A_SECOND)
    assert jobs.remind(runtime) == 0
    clock.move(A_SECOND)
    assert jobs.remind(runtime) == 1
    for _ in range(60):
        clock.move(timedelta(hours=2))
        assert jobs.remind(runtime) == 0
    assert reminders(runtime) == [pending]


def test_after_three_days_it_is_too_late(runtime: Runtime, pending: int, clock: ManualClock) -> None:
    clock.move(reminding.LATEST)
    assert jobs.remind(runtime) == 0


def test_a_clock_that_was_down_for_two_days_still_reminds(runtime: Runtime, pending: int, clock: ManualClock) -> None:
    clock.move(reminding.LATEST - A_SECOND)
    assert jobs.remind(runtime) == 1


def test_who_confirmed_or_left_or_did_not_ask_is_not_reminded(runtime: Runtime, clock: ManualClock) -> None:
    town.build(runtime)
    town.subscriber(runtime, "confirmed@example.org")
    stranger = town.subscriber(runtime, "stranger@example.org", confirmed=False)
    token = town.token(runtime, Purpose.CONFIRM, stranger)
    with runtime.db.transaction() as session:
        signup.not_requested(session, runtime.crypto, runtime.tokens, token, now=clock.now())
    clock.move(reminding.EARLIEST)
    assert jobs.remind(runtime) == 0


@pytest.mark.parametrize("reason", [SuppressionReason.BOUNCED, SuppressionReason.COMPLAINED])
def test_a_suppressed_address_is_not_reminded(
    runtime: Runtime, pending: int, clock: ManualClock, reason: SuppressionReason
) -> None:
    with runtime.db.transaction() as session:
        suppression.suppress(session, runtime.crypto, ADDRESS, reason=reason, now=clock.now())
    for _ in range(3):
        clock.move(timedelta(hours=23))
        assert jobs.remind(runtime) == 0


def test_an_address_that_had_its_mails_for_the_day_is_reminded_later(
    runtime: Runtime, pending: int, clock: ManualClock
) -> None:
    clock.move(reminding.EARLIEST)
    for _ in range(3):  # on the other list: one address, whichever list its mails are about
        with runtime.db.transaction() as session:
            (row,) = identity.find_everywhere(session, runtime.crypto, ADDRESS)[:1]
            signup.request(
                session,
                runtime.crypto,
                mailing_list_id=row.mailing_list_id + 1,
                address=ADDRESS,
                details=signup.Details(role=town.Role.SENCO, school_urn=100_001),
                now=clock.now(),
            )
    assert jobs.remind(runtime) == 0
    clock.move(timedelta(hours=24))
    assert jobs.remind(runtime) == 2  # by then the request for the other list is a day old too
    assert reminders(runtime)[0] == pending


def test_a_reminder_counts_among_the_mails_of_a_day(runtime: Runtime, pending: int, clock: ManualClock) -> None:
    clock.move(reminding.EARLIEST)
    assert jobs.remind(runtime) == 1
    answers = []
    for _ in range(3):
        with runtime.db.transaction() as session:
            answers.append(
                signup.request(
                    session,
                    runtime.crypto,
                    mailing_list_id=town.parents_id(session),
                    address=ADDRESS,
                    now=clock.now(),
                ).answer
            )
    assert answers == [signup.Answer.CONFIRM, signup.Answer.CONFIRM, signup.Answer.NOTHING]


def test_who_asks_again_may_be_reminded_of_the_new_request(runtime: Runtime, pending: int, clock: ManualClock) -> None:
    clock.move(reminding.EARLIEST)
    jobs.remind(runtime)
    assert town.subscriber(runtime, ADDRESS, confirmed=False) == pending
    clock.move(reminding.EARLIEST)
    assert jobs.remind(runtime) == 1
    assert reminders(runtime) == [pending, pending] or reminders(runtime) == [pending]  # one letter may still wait


def test_many_are_reminded_a_few_at_a_time_and_nobody_is_forgotten(
    sqlite_runtime: Runtime, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.build(sqlite_runtime)
    people = [town.subscriber(sqlite_runtime, f"r{number}@example.org", confirmed=False) for number in range(7)]
    clock.move(reminding.EARLIEST)
    after, found = 0, []
    while True:
        with sqlite_runtime.db.transaction() as session:
            some = reminding.take_due(session, sqlite_runtime.crypto, now=clock.now(), after_id=after, rows_at_most=3)
        found += [subscriber_id for _list_id, subscriber_id in some.due]
        if some.last_id is None:
            break
        after = some.last_id
    assert found == people


def test_two_clocks_at_once_remind_everybody_once(runtime: Runtime, clock: ManualClock) -> None:
    town.build(runtime)
    people = [town.subscriber(runtime, f"r{number}@example.org", confirmed=False) for number in range(12)]
    people += [
        town.subscriber(runtime, f"r{number}@example.org", slug="professionals", confirmed=False)
        for number in reversed(range(12))
    ]
    clock.move(reminding.EARLIEST)
    clocks = [threading.Thread(target=jobs.remind, args=(runtime,)) for _ in range(4)]
    for each in clocks:
        each.start()
    for each in clocks:
        each.join()
    jobs.remind(runtime)  # an address that another clock was busy with is left for the next tick
    found = reminders(runtime)
    assert sorted(each for each in found if each is not None) == sorted(people)


def test_the_row_says_when_somebody_was_reminded(runtime: Runtime, pending: int, clock: ManualClock) -> None:
    clock.move(reminding.EARLIEST)
    jobs.remind(runtime)
    with runtime.db.reading() as session:
        row = session.get(Subscriber, pending)
        assert row is not None
        assert row.reminded_at == clock.now()
