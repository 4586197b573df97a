"""Databases that crash, hang up on us or are full, in the middle of sending: each reader gets the edition once.

Where no process of ours is killed, what the mail server answered is known and waits until it can be written: then
nobody is left in doubt.
"""

from pathlib import Path

import pytest

from tests.faults import disks, verdict
from tests.faults.conftest import Install
from tests.faults.disks import Disk, FilesThatCannotGrow, SmallDisk
from tests.faults.installation import CONNECTIONS, WINDOW, Installation
from tests.faults.misdeeds import Stage
from tests.faults.postgresql import PostgreSQL
from tests.faults.waiting import wait_for

#: Two batches, so that two workers, or two connections, have something to send.
READERS = 900
#: A lease that no outage here outlasts: whoever holds a batch still holds it afterwards, and knows what it sent.
LONG_S = 30


def test_postgresql_crashes_and_is_started_again(install: Install, postgresql: PostgreSQL) -> None:
    here, crashes = install("postgresql", lease_s=LONG_S).with_readers(READERS), 4
    here.open()
    here.worker()
    here.worker()
    for number in range(crashes):
        # Every other time answers wait at the server, and come when there is no database to write them to.
        hold = here.server.hold_answers if number % 2 else (lambda: None)
        here.server.await_turn(Stage.MESSAGE, here.chance.randint(1, 60), hold, meanwhile=here.restock)
        postgresql.crash()
        here.server.go_on()
        postgresql.start()
    here.run_on()
    verdict.give(here, "PostgreSQL crashed", crashes, unknown_at_most=0)


def test_postgresql_and_a_worker_crash_together(install: Install, postgresql: PostgreSQL) -> None:
    here, crashes = install("postgresql").with_readers(READERS), 2
    here.open()
    for _ in range(crashes):
        worker = here.worker()
        here.server.await_turn(
            Stage.MESSAGE, here.chance.randint(1, 60), here.server.hold_answers, meanwhile=here.restock
        )
        postgresql.crash()
        here.server.go_on()
        worker.kill()
        assert worker.wait() == -9, worker.output()
        postgresql.start()
    here.run_on()
    verdict.give(here, "PostgreSQL crashed, worker killed", 2 * crashes, unknown_at_most=crashes * WINDOW * CONNECTIONS)


def test_postgresql_drops_every_connection(install: Install, postgresql: PostgreSQL) -> None:
    here, dropped = install("postgresql", lease_s=LONG_S).with_readers(READERS), 0
    here.open()
    here.worker()
    here.worker()
    for _ in range(10):
        here.server.await_turn(Stage.MESSAGE, here.chance.randint(1, 60), meanwhile=here.restock)
        dropped += postgresql.drop_connections(here.url)
    here.run_on()
    verdict.give(here, "PostgreSQL connections dropped", dropped, unknown_at_most=0)


@pytest.mark.parametrize("is_mounted", [True, False], ids=["a small disk", "files that cannot grow"])
def test_the_disk_is_full_and_free_again(install: Install, tmp_path: Path, is_mounted: bool) -> None:
    with disks.mounted(tmp_path) as done:
        disk: Disk = SmallDisk(tmp_path) if done and is_mounted else FilesThatCannotGrow(tmp_path / "newsletter.db")
        here = install("sqlite", tmp_path, lease_s=LONG_S).with_readers(READERS)
        here.open()
        fill_and_free(here, disk)
        here.run_on()
        verdict.give(here, disk.name, 1, unknown_at_most=0)
        here.abandon()


@pytest.mark.parametrize("is_mounted", [True, False], ids=["a small disk", "files that cannot grow"])
def test_the_disk_is_full_and_the_worker_is_killed(install: Install, tmp_path: Path, is_mounted: bool) -> None:
    with disks.mounted(tmp_path) as done:
        disk: Disk = SmallDisk(tmp_path) if done and is_mounted else FilesThatCannotGrow(tmp_path / "newsletter.db")
        here = install("sqlite", tmp_path).with_readers(READERS)
        here.open()
        fill_and_free(here, disk, with_kill=True)
        here.run_on()
        verdict.give(here, f"{disk.name}, worker killed", 2, unknown_at_most=WINDOW * CONNECTIONS)
        here.abandon()


def fill_and_free(here: Installation, disk: Disk, *, with_kill: bool = False) -> None:
    """In the middle of sending; it is free again once the worker has said that it could not write."""
    here.runtime.db.dispose()  # no connection of ours shall keep a long journal alive, in which there is room
    worker = here.worker()
    here.server.await_turn(Stage.MESSAGE, 40, here.server.hold_answers)
    disk.fill(worker)
    here.server.go_on()
    wait_for(
        lambda: f"the worker meets the full disk: {worker.output()}", lambda: "OperationalError" in worker.output()
    )
    if with_kill:
        worker.kill()
        assert worker.wait() == -9, worker.output()
    disk.free(worker)
