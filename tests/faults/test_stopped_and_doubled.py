"""Workers that sleep through their lease, everything started twice, buttons pressed twice, and workers asked to end.

Nobody dies here, so that nobody need be in doubt: each reader has one copy in the end.
"""

import time

import sqlalchemy as sa

from tests.faults import verdict
from tests.faults.conftest import Install
from tests.faults.installation import LEASE_S, WINDOW, Installation
from tests.faults.misdeeds import Stage
from tests.faults.postgresql import PostgreSQL
from tests.faults.processes import Child
from tests.faults.stories import BOTH, side_by_side
from tests.faults.waiting import wait_for

READERS = 300

#: Steps of a conversation at which a worker has copies in its hands.
ON_THE_WIRE = (Stage.MAIL, Stage.RCPT, Stage.DATA, Stage.BODY, Stage.MESSAGE, Stage.ANSWERED)


def test_a_worker_sleeps_while_another_takes_over(install: Install) -> None:
    """It wakes when all is sent, and finds that its batch is somebody else's."""

    def tell(here: Installation) -> None:
        here.with_readers(READERS).open()
        sleeper = here.worker()
        here.server.await_turn(here.chance.choice(ON_THE_WIRE), here.chance.randint(5, 200), sleeper.freeze)
        here.worker()
        wait_for(lambda: f"another worker sends the rest: {here.states()}", lambda: here.edition_states() == ["sent"])
        _wakes_and_ends(sleeper)
        here.run_on()
        verdict.give(here, "worker asleep past its lease", 1, unknown_at_most=WINDOW)

    side_by_side(tell, [install("postgresql") for _ in range(4)])


def test_a_worker_falls_asleep_in_the_middle_of_a_transaction(install: Install) -> None:
    """What it has locked is set free after a while, and another takes over."""
    here = install("postgresql").with_readers(READERS)
    here.open()
    sleeper = here.worker()
    here.server.await_turn(Stage.MESSAGE, 40)
    with here.runtime.db.transaction() as session:
        # Whatever it does in the database stands still here, and goes on when nobody is there any more.
        session.connection().execute(sa.text("LOCK TABLE edition IN ACCESS EXCLUSIVE MODE"))
        wait_for("all it is doing waits for the table: sending, and its look at the ledger", lambda: _waiting(here) > 1)
        sleeper.freeze()
    other = here.worker()
    wait_for(
        lambda: f"another worker sends the rest: {here.states()} {other.output()}",
        lambda: here.edition_states() == ["sent"],
    )
    _wakes_and_ends(sleeper)
    here.run_on()
    verdict.give(here, "worker asleep in a transaction", 1, unknown_at_most=WINDOW)


def test_a_worker_wakes_with_copies_that_it_never_handed_over(install: Install, postgresql: PostgreSQL) -> None:
    """The edition is sent without them; then they are no longer unknown, but still to be sent."""
    here = install("postgresql").with_readers(READERS)
    here.open()
    sleeper = _asleep_before_it_hands_anything_over(here)
    here.worker()
    wait_for(lambda: f"another worker sends the rest: {here.states()}", lambda: here.edition_states() == ["sent"])
    postgresql.drop_connections(here.url)
    _wakes_and_ends(sleeper)
    here.run_on()
    verdict.give(here, "worker asleep before it sends", 1, unknown_at_most=0)


def test_a_worker_wakes_when_its_copies_were_sent_again_by_decision(install: Install) -> None:
    """Its lease is over, so that it hands over nothing of what it had claimed."""
    here = install("postgresql").with_readers(READERS)
    edition = here.open()
    by = here.approver()
    sleeper = _asleep_before_it_hands_anything_over(here)
    here.worker()
    wait_for(lambda: f"another worker sends the rest: {here.states()}", lambda: here.edition_states() == ["sent"])
    here.command("edition", "unknown", edition, "--send-again", "--by", by)
    wait_for(lambda: f"they are sent again: {here.states()}", lambda: set(here.states()) == {"accepted"})
    _wakes_and_ends(sleeper)
    here.run_on()
    verdict.give(here, "worker asleep, copies sent again", 1, unknown_at_most=0)


def _asleep_before_it_hands_anything_over(here: Installation) -> Child:
    """A worker that has claimed a window, and sleeps while it asks who may be mailed."""
    with here.runtime.db.transaction() as session:
        session.connection().execute(sa.text("LOCK TABLE subscriber IN ACCESS EXCLUSIVE MODE"))
        sleeper = here.worker()
        wait_for("a claim", lambda: here.states()["sending"] and _waiting(here))
        sleeper.freeze()
    assert here.server.turns.total() == 0
    return sleeper


def test_the_only_worker_sleeps_past_its_lease(install: Install) -> None:
    freezes = 3

    def tell(here: Installation) -> None:
        here.with_readers(READERS).open()
        worker = here.worker()
        for _ in range(freezes):
            stage, turns = here.chance.choice(ON_THE_WIRE), here.chance.randint(5, 80)
            here.server.await_turn(stage, turns, worker.freeze, meanwhile=here.restock)
            _let_the_lease_run_out()
            worker.wake()
        here.run_on()
        verdict.give(here, "only worker asleep past its lease", freezes, unknown_at_most=freezes * WINDOW)

    side_by_side(tell, [install(kind) for kind in BOTH])


def test_two_clocks_let_each_edition_go_once(install: Install) -> None:
    editions = 3

    def tell(here: Installation) -> None:
        here.with_readers(READERS)
        for _ in range(editions):
            here.command("edition", "send", here.approve())
        clocks = [here.start("scheduler"), here.start("scheduler")]
        here.run_on()
        for clock in clocks:
            clock.ask_to_end()
        assert [clock.wait() for clock in clocks] == [0, 0]
        verdict.give(here, "two clocks", editions, unknown_at_most=0)

    side_by_side(tell, [install(kind) for kind in BOTH])


def test_a_send_button_pressed_twice(install: Install) -> None:
    presses = 3

    def tell(here: Installation) -> None:
        here.with_readers(READERS)
        clock = here.start("scheduler")
        for _ in range(presses):
            edition = here.approve()
            twice = [here.start("edition", "send", edition) for _ in range(2)]
            assert 0 in [each.wait() for each in twice], [each.output() for each in twice]
        here.run_on()
        clock.ask_to_end()
        assert clock.wait() == 0, clock.output()
        verdict.give(here, "“send” twice at once", presses, unknown_at_most=0)

    side_by_side(tell, [install(kind) for kind in BOTH])


def test_a_send_now_button_pressed_twice(install: Install) -> None:
    """Without a worker: on PostgreSQL both presses send, on SQLite one does and the other watches."""
    presses = 3

    def tell(here: Installation) -> None:
        here.with_readers(READERS)
        for _ in range(presses):
            edition = here.approve()
            twice = [here.start("edition", "send", edition, "--now") for _ in range(2)]
            assert [each.wait() for each in twice] == [0, 0], [each.output() for each in twice]
        here.run_on()
        verdict.give(here, "“send --now” twice at once", presses, unknown_at_most=0)

    side_by_side(tell, [install(kind) for kind in BOTH])


def test_a_worker_asked_to_end_leaves_nothing_in_its_hands(install: Install) -> None:
    times = 12

    def tell(here: Installation) -> None:
        here.with_readers(READERS).open()
        for _ in range(times):
            worker = here.worker()
            stage, turns = here.chance.choice(ON_THE_WIRE), here.chance.randint(1, 60)
            here.server.await_turn(stage, turns, worker.ask_to_end, meanwhile=here.restock)
            assert worker.wait() == 0, worker.output()
            _nothing_is_in_anybodys_hands(here)
        here.run_on()
        verdict.give(here, "worker asked to end (SIGTERM)", times, unknown_at_most=0)

    side_by_side(tell, [install(kind) for kind in BOTH])


def test_several_workers_asked_to_end_at_once(install: Install) -> None:
    times, here = 4, install("postgresql").with_readers(READERS)
    for _ in range(4):
        here.open()
    for _ in range(times):
        for _ in range(3):
            here.worker()
        here.server.await_turn(Stage.MESSAGE, here.chance.randint(1, 60), meanwhile=here.restock)
        here.end_workers()
        _nothing_is_in_anybodys_hands(here)
    here.run_on()
    verdict.give(here, "workers asked to end at once", 3 * times, unknown_at_most=0)


def _wakes_and_ends(sleeper: Child) -> None:
    """It writes down what it knows, and goes."""
    sleeper.wake()
    sleeper.ask_to_end()
    assert sleeper.wait() == 0, sleeper.output()


def _waiting(here: Installation) -> int:
    """How many connections to the database wait for a lock."""
    question = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return int(here.ask(question)[0][0])


def _let_the_lease_run_out() -> None:
    over = time.monotonic() + LEASE_S + 0.5
    wait_for("the lease runs out", lambda: time.monotonic() > over)


def _nothing_is_in_anybodys_hands(here: Installation) -> None:
    states = here.states()
    assert set(states) <= {"accepted", "queued"}, states
    assert states["accepted"] == here.server.copies.total()
