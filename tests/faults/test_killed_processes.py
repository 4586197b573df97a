"""Kill anything at any moment: each reader gets the edition once, and where nobody can know, the ledger says so.

Real processes are killed with SIGKILL at moments of chance: as they start, at any step of their talk with the mail
server, between two windows. What the server received is then held against what the ledger says of every reader.
"""

from collections.abc import Callable

from tests.faults import verdict
from tests.faults.conftest import Install
from tests.faults.installation import CONNECTIONS, WINDOW, Installation
from tests.faults.misdeeds import Stage
from tests.faults.processes import Child
from tests.faults.stories import BOTH, side_by_side
from tests.faults.waiting import wait_for

#: Stories that run beside each other, each with a database of its own, and the kills in each: more than 100 in all.
STORIES = {"sqlite": 4, "postgresql": 3}
KILLS = {"SQLite": 14, "PostgreSQL": 18}
#: A dead worker's batches rest until its lease runs out; meanwhile there are others to go on with.
EDITIONS, READERS = 24, 60


def at_any_moment(here: Installation, newborn: Child, kill: Callable[[], None]) -> None:
    """Kill at a moment of chance. Returns when it is done."""
    chance = here.chance
    moment = chance.choices([*Stage, "born", "ready", "progress"], [*[2] * len(Stage), 1, 1, 4])[0]
    if moment == "born":
        kill()
    elif moment == "ready":
        wait_for("a worker that says a word", lambda: newborn.output() or not newborn.is_alive)
        kill()
    elif moment == "progress":  # by what stands in the ledger, and so between windows, too
        enough = _finished(here) + chance.randint(1, 60)

        def has_come() -> bool:
            here.restock()
            return _finished(here) >= enough

        wait_for(lambda: f"{enough} copies finished: {here.states()}", has_come)
        kill()
    else:
        stage = Stage(moment)
        turns = 1 if stage is Stage.CONNECT else chance.randint(1, 60)
        here.server.await_turn(stage, turns, kill, meanwhile=here.restock)


def _finished(here: Installation) -> int:
    states = here.states()
    return states["accepted"] + states["unknown"]


def test_workers_killed_at_any_moment(install: Install) -> None:
    def tell(here: Installation) -> None:
        here.with_readers(READERS)
        for _ in range(EDITIONS):
            here.open()
        kills = KILLS[here.database]
        if here.database == "SQLite":
            _one_worker_after_the_other(here, kills)
        else:
            _any_of_three_workers(here, kills)
        here.run_on()
        verdict.give(here, "worker killed (SIGKILL)", kills, unknown_at_most=kills * WINDOW * CONNECTIONS)

    side_by_side(tell, [install(kind) for kind, stories in STORIES.items() for _ in range(stories)])


def _one_worker_after_the_other(here: Installation, kills: int) -> None:
    for _ in range(kills):
        worker = here.worker()
        at_any_moment(here, worker, worker.kill)
        assert worker.wait() == -9, worker.output()


def _any_of_three_workers(here: Installation, kills: int) -> None:
    """Another takes the place of the dead one at once."""
    here.worker()
    here.worker()
    for _ in range(kills):
        newborn = here.worker()
        victim = here.chance.choice(here.alive())
        at_any_moment(here, newborn, victim.kill)
        assert victim.wait() == -9, victim.output()


def test_everything_killed_at_once(install: Install) -> None:
    """The clock and all workers, again and again, from before the first edition is opened."""
    kills = 6

    def tell(here: Installation) -> None:
        workers = 1 if here.database == "SQLite" else 2
        here.with_readers(READERS)
        here.command("edition", "send", here.approve())
        for number in range(kills):
            clock = here.start("scheduler")
            group = [clock, *(here.worker(group=clock) for _ in range(workers))]
            if number == 0:
                wait_for("an edition that is opened", lambda: "scheduled" not in here.edition_states())
                clock.kill_group()
            else:
                for _ in range(workers * CONNECTIONS):  # as many as the dead will hold for a while
                    here.open()
                at_any_moment(here, group[-1], clock.kill_group)
            assert [each.wait() for each in group] == [-9] * len(group)
        here.run_on()
        at_most = kills * WINDOW * CONNECTIONS * workers
        verdict.give(here, "clock and workers killed at once", kills * (1 + workers), unknown_at_most=at_most)

    side_by_side(tell, [install(kind) for kind in BOTH])
