"""The ledger: who may be claimed by whom, what is written afterwards, and that the counts never lie."""

import random
import secrets
import threading
from datetime import timedelta
from unittest import mock

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from newsletter.core.clock import ManualClock
from newsletter.core.runtime import Runtime
from newsletter.delivery import batches, ledger, letters, opening, reports
from newsletter.delivery.batches import BatchKey, Hold
from newsletter.delivery.counting import Changes
from newsletter.delivery.ledger import Claim, NotSent
from newsletter.delivery.models import Delivery, DeliveryKind, DeliveryState
from newsletter.delivery.retrying import KEEP_TRYING, LEAST_ATTEMPTS, next_attempt
from newsletter.editions import publishing
from newsletter.editions.models import Edition, EditionState
from newsletter.providers.base import Outcome, Result
from subscribers.models import SubscriberState
from tests.conftest import START
from tests.newsletter.delivery.scene import (
    LEASE,
    add_readers,
    approved_edition,
    assert_counts_are_right,
    claim,
    deliveries,
    edition_state,
    opened_edition,
    reconcile,
    record,
    set_up,
    states,
)


class TestOpening:
    def test_everybody_confirmed_gets_a_row_and_nobody_else(self, runtime: Runtime) -> None:
        mailing_list = set_up(runtime)
        confirmed = add_readers(runtime, mailing_list, 5)
        for state in (SubscriberState.PENDING, SubscriberState.LEFT, SubscriberState.SUSPENDED):
            add_readers(runtime, mailing_list, 2, state)
        edition = opened_edition(runtime, mailing_list)
        rows = deliveries(runtime, edition)
        assert [row.subscriber_id for row in rows] == confirmed
        assert {row.state for row in rows} == {DeliveryState.QUEUED}
        with runtime.db.reading() as session:
            assert_counts_are_right(session)

    def test_opening_again_adds_nobody_not_even_who_came_later(self, runtime: Runtime) -> None:
        mailing_list = set_up(runtime)
        add_readers(runtime, mailing_list, 3)
        edition = opened_edition(runtime, mailing_list)
        add_readers(runtime, mailing_list, 3)
        with runtime.db.transaction() as session:
            assert not opening.release_and_open(session, edition, now=runtime.clock.now())
            assert ledger.open_edition(session, edition, now=runtime.clock.now()) == 0
        assert states(runtime, edition) == {"queued": 3}

    def test_a_sent_edition_never_opens_again_even_when_its_rows_are_gone(self, runtime: Runtime) -> None:
        mailing_list = set_up(runtime)
        add_readers(runtime, mailing_list, 3)
        edition = opened_edition(runtime, mailing_list)
        record(runtime, claim(runtime), Outcome.ACCEPTED)
        assert reconcile(runtime) == [edition]
        with runtime.db.transaction() as session:
            session.exec(sa.delete(Delivery))
            session.get_one(Edition, edition).state = EditionState.SENDING  # as after a careless repair by hand
        with runtime.db.transaction() as session:
            assert ledger.open_edition(session, edition, now=runtime.clock.now()) == 0
        assert states(runtime, edition) == {}

    def test_an_edition_nobody_reads_is_sent_at_once(self, runtime: Runtime) -> None:
        edition = opened_edition(runtime, set_up(runtime))
        assert reconcile(runtime) == [edition]
        assert reconcile(runtime) == []
        assert edition_state(runtime, edition) is EditionState.SENT

    def test_an_edition_that_is_not_released_is_not_opened(self, runtime: Runtime) -> None:
        mailing_list = set_up(runtime)
        add_readers(runtime, mailing_list, 1)
        edition = approved_edition(runtime, mailing_list)
        with runtime.db.transaction() as session:
            assert ledger.open_edition(session, edition, now=runtime.clock.now()) == 0

    def test_scheduled_editions_open_when_their_time_comes(self, runtime: Runtime, clock: ManualClock) -> None:
        mailing_list = set_up(runtime)
        add_readers(runtime, mailing_list, 2)
        edition = approved_edition(runtime, mailing_list)
        with runtime.db.transaction() as session:
            publishing.schedule(session, edition, send_at=START + timedelta(hours=1), now=START)
            assert opening.open_due(session, now=START) == []
        clock.move(timedelta(hours=1))
        for expected in ([edition], []):
            with runtime.db.transaction() as session:
                assert opening.open_due(session, now=clock.now()) == expected
        assert states(runtime, edition) == {"queued": 2}

    def test_two_who_open_at_once_open_once(self, runtime: Runtime) -> None:
        mailing_list = set_up(runtime)
        add_readers(runtime, mailing_list, 20)
        edition = approved_edition(runtime, mailing_list)
        won: list[bool] = []

        def open_it() -> None:
            with runtime.db.transaction() as session:
                won.append(opening.release_and_open(session, edition, now=START))

        together(open_it, 4)
        assert sorted(won) == [False, False, False, True]
        assert states(runtime, edition) == {"queued": 20}


def together(act: object, times: int) -> None:
    """Run the same thing in several threads at once; an exception in one fails the test."""
    errors: list[BaseException] = []
    barrier = threading.Barrier(times)

    def run() -> None:
        try:
            barrier.wait(10)
            act()  # type: ignore[operator]
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if errors:
        raise errors[0]


class TestClaiming:
    def test_claims_made_at_once_never_overlap_and_leave_nothing_over(self, runtime: Runtime) -> None:
        mailing_list = set_up(runtime)
        add_readers(runtime, mailing_list, 100)
        with mock.patch.object(batches, "SIZE", 9):
            edition = opened_edition(runtime, mailing_list)
        taken: list[int] = []

        def take_all() -> None:
            while held := claim(runtime, 9):  # a whole batch, which stays in these hands
                taken.extend(row.id for row in held.deliveries)

        together(take_all, 4)
        assert sorted(taken) == [row.id for row in deliveries(runtime, edition)]
        with runtime.db.reading() as session:
            assert_counts_are_right(session)

    def test_letters_go_before_editions_and_never_in_one_window_with_them(self, runtime: Runtime) -> None:
        mailing_list = set_up(runtime)
        people = add_readers(runtime, mailing_list, 3)
        opened_edition(runtime, mailing_list)
        with runtime.db.transaction() as session:
            letters.queue(
                session, DeliveryKind.WELCOME, mailing_list_id=mailing_list, subscriber_id=people[0], now=START
            )
        assert [row.kind for row in claim(runtime).deliveries] == [DeliveryKind.WELCOME]
        assert {row.kind for row in claim(runtime).deliveries} == {DeliveryKind.EDITION}

    def test_only_what_is_due_and_only_of_editions_being_sent(self, runtime: Runtime, clock: ManualClock) -> None:
        mailing_list = set_up(runtime)
        add_readers(runtime, mailing_list, 2)
        edition = opened_edition(runtime, mailing_list)
        with runtime.db.transaction() as session:
            publishing.pause(session, edition, because="A person said so.", now=START)
        assert not claim(runtime)
        with runtime.db.transaction() as session:
            publishing.resume(session, edition, now=START)
        record(runtime, claim(runtime, 1), Outcome.DEFERRED, retry_after_s=600.0)
        assert record(runtime, claim(runtime), Outcome.ACCEPTED) == 1
        clock.move(timedelta(seconds=599))
        assert not claim(runtime)
        clock.move(timedelta(seconds=2))
        assert len(claim(runtime).deliveries) == 1

    def test_a_claim_whose_commit_was_in_doubt_is_found_again(self, runtime: Runtime) -> None:
        mailing_list = set_up(runtime)
        add_readers(runtime, mailing_list, 3)
        opened_edition(runtime, mailing_list)
        first = claim(runtime)
        key = BatchKey(first.deliveries[0].edition_id or 0, 0)
        with runtime.db.transaction() as session:
            assert batches.take(session, Hold(key, first.id), lease=LEASE, now=START)  # that commit was in doubt too
            second = ledger.held(session, key, first.id)
            assert not ledger.held(session, key, "another id")
        assert first.deliveries == second.deliveries
        assert not claim(runtime)

    def test_letters_whose_claim_was_in_doubt_are_found_again(self, runtime: Runtime) -> None:
        mailing_list = set_up(runtime)
        who = add_readers(runtime, mailing_list, 1)[0]
        with runtime.db.transaction() as session:
            letters.queue(session, DeliveryKind.WELCOME, mailing_list_id=mailing_list, subscriber_id=who, now=START)
        first, second = claim(runtime, claim_id="the same id"), claim(runtime, claim_id="the same id")
        assert first.deliveries == second.deliveries
        assert not claim(runtime)


class TestPlansThatAreOld:
    """A worker's connections keep their plans (PostgreSQL), made when there was next to nothing in the ledger."""

    @pytest.fixture(autouse=True)
    def known_to_be_empty(self, runtime: Runtime) -> None:
        with runtime.db.transaction() as session:
            session.connection().exec_driver_sql("ANALYZE delivery")  # as PostgreSQL does by itself, sooner or later

    def test_letters_are_claimed_no_more_at_once_than_asked_for(self, runtime: Runtime) -> None:
        mailing_list = set_up(runtime)
        for _ in range(20):
            assert not claim(runtime)
        who = add_readers(runtime, mailing_list, 60)
        with runtime.db.transaction() as session:
            ledger.queue_first_letters(
                session, DeliveryKind.WELCOME, mailing_list_id=mailing_list, subscriber_ids=who, now=START
            )
        assert [len(claim(runtime, 25).deliveries) for _ in range(4)] == [25, 25, 10, 0]

    def test_so_are_copies(self, runtime: Runtime) -> None:
        mailing_list = set_up(runtime)
        key, changes = BatchKey(1, 0), Changes()

        def claimed() -> int:
            with runtime.db.transaction() as session:
                values = {"mailing_list_id": 1, "limit": 25, "now": START, "changes": changes}
                return len(ledger.claim_window(session, key, secrets.token_hex(16), **values).deliveries)

        for _ in range(20):
            assert not claimed()
        add_readers(runtime, mailing_list, 60)
        assert opened_edition(runtime, mailing_list) == key.edition_id
        assert [claimed() for _ in range(4)] == [25, 25, 10, 0]


class TestRecording:
    @pytest.fixture
    def edition(self, runtime: Runtime) -> int:
        mailing_list = set_up(runtime)
        add_readers(runtime, mailing_list, 4)
        return opened_edition(runtime, mailing_list)

    @pytest.mark.parametrize("outcome", [Outcome.ACCEPTED, Outcome.REJECTED, Outcome.UNKNOWN])
    def test_what_the_provider_said_is_kept_without_addresses(
        self, runtime: Runtime, edition: int, outcome: Outcome
    ) -> None:
        said = {"provider_id": "id-1", "code": "250", "detail": "250 for reader-1@example.org <b@example.org>"}
        assert record(runtime, claim(runtime), outcome, **said) == 4
        for row in deliveries(runtime, edition):
            assert (row.state.value, row.provider_id, row.code, row.provider) == (outcome.value, "id-1", "250", "test")
            assert row.detail is not None
            assert "@" not in row.detail
            assert row.finished_at == START
            assert row.claim is None

    def test_writing_twice_writes_once(self, runtime: Runtime, edition: int) -> None:
        held = claim(runtime)
        assert record(runtime, held, Outcome.ACCEPTED) == 4
        assert record(runtime, held, Outcome.UNKNOWN) == 0
        assert states(runtime, edition) == {"accepted": 4}

    def test_a_lease_that_ran_out_leaves_a_doubt_and_never_a_second_try(
        self, runtime: Runtime, edition: int, clock: ManualClock
    ) -> None:
        claim(runtime, 3)
        clock.move(LEASE)
        assert reconcile(runtime) == []
        assert states(runtime, edition) == {"sending": 3, "queued": 1}
        clock.move(timedelta(seconds=1))
        reconcile(runtime)
        assert states(runtime, edition) == {"unknown": 3, "queued": 1}
        assert len(claim(runtime).deliveries) == 1

    def test_a_claim_that_is_renewed_does_not_run_out(self, runtime: Runtime, edition: int, clock: ManualClock) -> None:
        held = claim(runtime)
        clock.move(LEASE - timedelta(seconds=1))
        with runtime.db.transaction() as session:
            assert batches.keep(session, Hold(BatchKey(edition, 0), held.id), lease=LEASE, now=clock.now())
        clock.move(LEASE - timedelta(seconds=1))
        reconcile(runtime)
        assert states(runtime, edition) == {"sending": 4}

    def test_a_worker_that_slept_writes_the_truth_only_while_nobody_claimed_again(
        self, runtime: Runtime, edition: int, clock: ManualClock
    ) -> None:
        zombie = claim(runtime, 2)
        clock.move(LEASE * 2)
        reconcile(runtime)
        with runtime.db.transaction() as session:
            assert ledger.decide_unknown(session, edition, send_again=True, now=clock.now()) == 2
        newer = claim(runtime)
        assert {row.id for row in zombie.deliveries} <= {row.id for row in newer.deliveries}
        assert record(runtime, zombie, Outcome.REJECTED) == 0
        assert record(runtime, newer, Outcome.ACCEPTED) == 4
        assert states(runtime, edition) == {"accepted": 4}

    def test_an_answer_that_comes_after_the_lease_settles_the_doubt(
        self, runtime: Runtime, edition: int, clock: ManualClock
    ) -> None:
        late = claim(runtime)
        clock.move(LEASE * 2)
        reconcile(runtime)
        assert record(runtime, late, Outcome.ACCEPTED) == 4
        assert states(runtime, edition) == {"accepted": 4}

    @pytest.mark.parametrize("outcome", [NotSent.BACK, Outcome.DEFERRED])
    def test_what_a_worker_that_slept_never_sent_is_sent_although_the_edition_was_done(
        self, runtime: Runtime, edition: int, clock: ManualClock, outcome: Outcome | NotSent
    ) -> None:
        late = claim(runtime, 3)
        clock.move(LEASE * 2)
        reconcile(runtime)
        record(runtime, claim(runtime), Outcome.ACCEPTED)
        assert reconcile(runtime) == [edition]
        assert record(runtime, late, outcome) == 3
        clock.move(timedelta(hours=1))
        assert len(claim(runtime).deliveries) == 3
        with runtime.db.reading() as session:
            assert_counts_are_right(session)

    def test_what_was_never_tried_goes_back_uncounted(self, runtime: Runtime, edition: int) -> None:
        record(runtime, claim(runtime), NotSent.BACK)
        assert {(row.state, row.attempts) for row in deliveries(runtime, edition)} == {(DeliveryState.QUEUED, 0)}
        record(runtime, claim(runtime), NotSent.SKIP)
        assert states(runtime, edition) == {"skipped": 4}

    def test_deferred_ends_after_a_day_of_trying(self, runtime: Runtime, edition: int, clock: ManualClock) -> None:
        tries = 0
        while held := claim(runtime):
            tries += 1
            record(runtime, held, Outcome.DEFERRED, code="451")
            with runtime.db.reading() as session:
                next_due = session.exec(select(sa.func.max(Delivery.due_at))).one()
                assert next_due is not None
                clock.set(max(next_due, clock.now()))
        assert states(runtime, edition) == {"rejected": 4}
        assert START + KEEP_TRYING - timedelta(hours=2) < clock.now() <= START + KEEP_TRYING
        assert tries > 20
        assert reconcile(runtime) == [edition]

    def test_unknown_is_decided_by_a_person_even_when_the_edition_is_sent(
        self, runtime: Runtime, edition: int, clock: ManualClock
    ) -> None:
        record(runtime, claim(runtime, 1), Outcome.ACCEPTED)
        record(runtime, claim(runtime), Outcome.UNKNOWN)
        assert reconcile(runtime) == [edition]
        with runtime.db.transaction() as session:
            assert ledger.decide_unknown(session, edition, send_again=False, now=clock.now()) == 3
        assert not claim(runtime)
        with runtime.db.transaction() as session:
            assert ledger.decide_unknown(session, edition, send_again=True, now=clock.now()) == 3
        record(runtime, claim(runtime), Outcome.ACCEPTED)
        assert states(runtime, edition) == {"accepted": 4}
        assert edition_state(runtime, edition) is EditionState.SENT

    def test_who_leaves_gets_nothing_that_still_waits_but_the_goodbye(self, runtime: Runtime, edition: int) -> None:
        rows = deliveries(runtime, edition)
        who = rows[0].subscriber_id
        assert who is not None
        with runtime.db.transaction() as session:
            for kind in (DeliveryKind.WELCOME, DeliveryKind.GOODBYE):
                letters.queue(session, kind, mailing_list_id=rows[0].mailing_list_id, subscriber_id=who, now=START)
        for expected in (2, 0):
            with runtime.db.transaction() as session:
                assert ledger.skip_for(session, who, now=START) == expected
        assert states(runtime, edition) == {"skipped": 1, "queued": 3}
        assert states(runtime, None) == {"skipped": 1, "queued": 1}

    def test_a_cancelled_edition_stops_even_what_was_in_a_workers_hands(self, runtime: Runtime, edition: int) -> None:
        held = claim(runtime, 2)
        with runtime.db.transaction() as session:
            publishing.cancel(session, edition, now=START)
            assert ledger.skip_edition(session, edition, now=START) == 2
        record(runtime, held, Outcome.DEFERRED)
        reconcile(runtime)
        assert states(runtime, edition) == {"skipped": 4}
        assert not claim(runtime)

    def test_the_status_lists_every_state_with_a_number(self, runtime: Runtime, edition: int) -> None:
        record(runtime, claim(runtime, 1), Outcome.ACCEPTED)
        with runtime.db.reading() as session:
            status = reports.status(session, edition)
        assert status == {
            "edition": edition,
            "list": "parents",
            "state": "sending",
            "recipients": 4,
            "counts": {state.value: 0 for state in DeliveryState} | {"accepted": 1, "queued": 3},
            "held_leaves": 0,
            "pace_per_s": 0.0,
            "seconds_left": None,
        }

    def test_the_time_left_follows_from_the_pace_of_the_batches_in_hand(self, runtime: Runtime, edition: int) -> None:
        held = claim(runtime, 1)
        with runtime.db.transaction() as session:
            hold = Hold(BatchKey(edition, 0), held.id)
            assert batches.keep(session, hold, lease=LEASE, now=START, pace_per_s=1.5)
        with runtime.db.reading() as session:
            status = reports.status(session, edition)
        assert (status["pace_per_s"], status["seconds_left"]) == (1.5, 3)


def test_two_presses_queue_one_letter(runtime: Runtime) -> None:
    mailing_list = set_up(runtime)
    who = add_readers(runtime, mailing_list, 1)[0]

    def press() -> None:
        with runtime.db.transaction() as session:
            letters.queue(session, DeliveryKind.CONFIRM, mailing_list_id=mailing_list, subscriber_id=who, now=START)

    together(press, 4)
    assert states(runtime, None) == {"queued": 1}
    record(runtime, claim(runtime), Outcome.ACCEPTED)
    press()
    assert states(runtime, None) == {"accepted": 1, "queued": 1}


@pytest.mark.parametrize("seed", range(4))
def test_the_counts_are_those_of_the_rows_after_anything(runtime: Runtime, clock: ManualClock, seed: int) -> None:
    chance = random.Random(seed)
    mailing_list = set_up(runtime)
    readers = add_readers(runtime, mailing_list, 25)
    editions = [opened_edition(runtime, mailing_list, number=number) for number in (1, 2)]
    held: list[Claim] = []

    def step() -> None:
        now = clock.now()
        match chance.randrange(8):
            case 0 | 1:
                held.append(claim(runtime, chance.randint(1, 9)))
            case 2 | 3 if held:
                mine = chance.choice(held)
                results: dict[int, Result | NotSent] = {
                    row.id: chance.choice([*(Result("", outcome) for outcome in Outcome), *NotSent])
                    for row in mine.deliveries
                    if chance.random() < 0.8
                }
                with runtime.db.transaction() as session:
                    ledger.record(session, mine, results, now=now)
            case 4:
                clock.move(timedelta(seconds=chance.choice([1, 60, 200, 4000])))
                reconcile(runtime)
            case 5:
                with runtime.db.transaction() as session:
                    ledger.skip_for(session, chance.choice(readers), now=now)
            case 6:
                with runtime.db.transaction() as session:
                    ledger.decide_unknown(session, chance.choice(editions), send_again=chance.random() < 0.5, now=now)
            case 7 if chance.random() < 0.1:
                with runtime.db.transaction() as session:
                    ledger.skip_edition(session, chance.choice(editions), now=now)

    for _ in range(60):
        step()
        with runtime.db.reading() as session:
            assert_counts_are_right(session)
    with runtime.db.reading() as session:
        sending = session.exec(select(Delivery).where(col(Delivery.state) == DeliveryState.SENDING)).all()
        assert all(row.claim for row in sending)


class TestRetrying:
    def due(self, **values: object) -> object:
        given = {"attempts": 1, "queued_at": START, "is_letter": False, "retry_after_s": None, "now": START}
        return next_attempt(**{**given, **values})  # type: ignore[arg-type]

    def test_waits_grow_and_are_never_the_same_for_all(self) -> None:
        waits = [{self.due(attempts=attempts) for _ in range(20)} for attempts in range(1, 8)]
        assert all(len(each) > 1 for each in waits)
        for attempts, each in enumerate(waits[:6], start=1):
            minutes = timedelta(minutes=2 ** (attempts - 1))
            assert all(START + minutes * 0.75 <= due <= START + minutes * 1.25 for due in each)  # type: ignore[operator]

    def test_the_providers_wish_is_honoured_and_never_undercut(self) -> None:
        assert self.due(retry_after_s=7200.0) == START + timedelta(hours=2)
        assert self.due(retry_after_s=1.0) > START + timedelta(seconds=40)  # type: ignore[operator]
        assert self.due(retry_after_s=1e12, attempts=LEAST_ATTEMPTS) is None

    def test_a_letter_does_not_wait_long(self) -> None:
        assert self.due(attempts=12, is_letter=True) <= START + timedelta(minutes=12.5)  # type: ignore[operator]

    def test_a_pause_does_not_use_up_the_time(self) -> None:
        later = START + timedelta(days=3)
        assert self.due(now=later, attempts=1) is not None
        assert self.due(now=later, attempts=LEAST_ATTEMPTS) is None
