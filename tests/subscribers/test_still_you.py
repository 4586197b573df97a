"""Whom the clock asks once a year, and whom it reminds: once each, however often it ticks."""

from datetime import timedelta

import pytest
from sqlmodel import select

from newsletter.core.runtime import Runtime
from newsletter.delivery.models import Delivery, DeliveryKind
from scheduler import jobs
from subscribers import preferences, still_you
from subscribers.models import Subscriber
from tests.newsletter.web import town

YEAR = timedelta(days=365)


def letters(runtime: Runtime) -> list[DeliveryKind]:
    with runtime.db.reading() as session:
        return list(session.exec(select(Delivery.kind).order_by(Delivery.id)))  # type: ignore[arg-type]


def tick(runtime: Runtime, later: timedelta = timedelta()) -> int:
    runtime.clock.move(later)  # type: ignore[attr-defined]
    return jobs.ask_if_still_you(runtime) + jobs.ask_if_still_you(runtime)


def is_unanswered(runtime: Runtime, subscriber_id: int) -> bool:
    with runtime.db.reading() as session:
        found = session.exec(select(Subscriber.id).where(still_you.unanswered())).all()
        return subscriber_id in found


@pytest.fixture
def who(runtime: Runtime) -> int:
    town.build(runtime)
    town.subscriber(runtime, "parent@example.org")
    town.subscriber(runtime, "pending@example.org", slug="professionals", confirmed=False)
    return town.subscriber(runtime, "senco@example.org", slug="professionals")


def test_one_question_after_a_year_one_reminder_and_then_nothing(runtime: Runtime, who: int) -> None:
    assert tick(runtime, YEAR - timedelta(seconds=1)) == 0
    assert tick(runtime, timedelta(seconds=1)) == 1
    assert is_unanswered(runtime, who)
    assert tick(runtime, timedelta(days=27)) == 0
    assert tick(runtime, timedelta(days=1)) == 1
    assert letters(runtime) == [DeliveryKind.STILL_YOU, DeliveryKind.STILL_YOU_REMINDER]
    for days in (28, 200, 108):
        assert tick(runtime, timedelta(days=days)) == 0
    assert is_unanswered(runtime, who)
    assert tick(runtime, timedelta(days=1)) == 1  # a year after the last question


def test_an_answer_ends_the_matter_for_a_year(runtime: Runtime, who: int) -> None:
    tick(runtime, YEAR)
    runtime.clock.move(timedelta(days=3))  # type: ignore[attr-defined]
    with runtime.db.transaction() as session:
        list_id = session.get_one(Subscriber, who).mailing_list_id
        still_you.keep(session, mailing_list_id=list_id, subscriber_id=who, now=runtime.clock.now())
    assert not is_unanswered(runtime, who)
    assert tick(runtime, YEAR - timedelta(seconds=1)) == 0
    assert tick(runtime, timedelta(seconds=1)) == 1


def test_nobody_who_left_is_asked_or_reminded(runtime: Runtime, who: int) -> None:
    tick(runtime, YEAR)
    with runtime.db.transaction() as session:
        list_id = session.get_one(Subscriber, who).mailing_list_id
        preferences.leave(session, mailing_list_id=list_id, subscriber_id=who, how="button", now=runtime.clock.now())
    assert tick(runtime, timedelta(days=28)) == 0
    assert tick(runtime, YEAR) == 0


def test_a_long_list_is_asked_bit_by_bit(runtime: Runtime, who: int) -> None:
    for number in range(4):
        town.subscriber(runtime, f"senco{number}@example.org", slug="professionals")
    runtime.clock.move(YEAR)  # type: ignore[attr-defined]
    sizes = []
    for _ in range(4):
        with runtime.db.transaction() as session:
            sizes.append(len(still_you.ask_due(session, now=runtime.clock.now(), limit=2)))
    assert sizes == [2, 2, 1, 0]
