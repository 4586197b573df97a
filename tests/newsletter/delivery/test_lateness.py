"""The late guard: what could not go in time is held and asks, and does not go in the middle of the night."""

from datetime import timedelta

import pytest

from newsletter.core.clock import ManualClock
from newsletter.core.runtime import Runtime
from newsletter.delivery.models import Pulse
from newsletter.editions import publishing
from newsletter.editions.models import Edition, EditionState
from subscribers.models import MailingList
from tests.conftest import START
from tests.newsletter.delivery.scene import add_readers, edition_state, opened_edition, reconcile, set_up


@pytest.fixture
def mailing_list(runtime: Runtime) -> int:
    mailing_list = set_up(runtime)
    add_readers(runtime, mailing_list, 3)
    return mailing_list


def because(runtime: Runtime, edition: int) -> str:
    with runtime.db.reading() as session:
        return session.get_one(Edition, edition).paused_because or ""


def test_an_edition_whose_workers_were_away_for_too_long_is_held(
    runtime: Runtime, mailing_list: int, clock: ManualClock
) -> None:
    reconcile(runtime)
    edition = opened_edition(runtime, mailing_list)
    clock.move(timedelta(hours=2, seconds=1))
    reconcile(runtime)
    assert edition_state(runtime, edition) is EditionState.PAUSED
    assert because(runtime, edition).startswith("Nothing was sent since 09:00 on 3 November 2026, because no worker")
    with runtime.db.transaction() as session:
        publishing.resume(session, edition, now=clock.now())
    reconcile(runtime)
    assert edition_state(runtime, edition) is EditionState.SENDING


def test_a_short_absence_and_a_worker_that_never_was_hold_nothing(
    runtime: Runtime, mailing_list: int, clock: ManualClock
) -> None:
    clock.move(timedelta(days=5))
    first = opened_edition(runtime, mailing_list)
    reconcile(runtime)
    clock.move(timedelta(hours=2))
    reconcile(runtime)
    assert edition_state(runtime, first) is EditionState.SENDING


def test_an_edition_that_was_opened_just_now_goes_although_no_worker_ran_for_days(
    runtime: Runtime, mailing_list: int, clock: ManualClock
) -> None:
    reconcile(runtime)
    clock.move(timedelta(days=3))
    edition = opened_edition(runtime, mailing_list)
    reconcile(runtime)
    assert edition_state(runtime, edition) is EditionState.SENDING


def test_a_long_edition_is_not_late_while_workers_are_there(
    runtime: Runtime, mailing_list: int, clock: ManualClock
) -> None:
    edition = opened_edition(runtime, mailing_list)
    for _ in range(10):
        clock.move(timedelta(minutes=50))
        reconcile(runtime)
    assert edition_state(runtime, edition) is EditionState.SENDING


def test_how_late_is_too_late_is_the_lists_choice(runtime: Runtime, mailing_list: int, clock: ManualClock) -> None:
    with runtime.db.transaction() as session:
        session.get_one(MailingList, mailing_list).late_after_hours = 24
    reconcile(runtime)
    edition = opened_edition(runtime, mailing_list)
    clock.move(timedelta(hours=23))
    reconcile(runtime)
    assert edition_state(runtime, edition) is EditionState.SENDING


def test_the_pulse_is_not_written_at_every_look(runtime: Runtime, clock: ManualClock) -> None:
    for seconds, expected in ((0, 0), (59, 0), (1, 60), (59, 60)):
        clock.move(timedelta(seconds=seconds))
        reconcile(runtime)
        with runtime.db.reading() as session:
            assert session.get_one(Pulse, 1).seen_at == START + timedelta(seconds=expected)
