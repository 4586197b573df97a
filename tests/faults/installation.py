"""One installation of the product under attack: its database, its readers, its mail server, and processes that send.

What happens is done through commands, and what is found is read from the tables' documented columns, from `newsletter
edition status --json` and from what the mail server received, so that nothing here knows how sending is built.
"""

import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from newsletter.core import runtime as runtimes
from newsletter.core.clock import SystemClock
from newsletter.core.settings import Settings
from newsletter.staff import accounts
from newsletter.staff.models import StaffRole
from tests.conftest import SECRET
from tests.faults.hostile import HostileServer
from tests.faults.processes import Child, Processes
from tests.faults.waiting import PATIENCE_S, wait_for
from tests.newsletter.delivery import scene

#: Seconds after which a silent worker counts as dead, copies claimed at once, and connections (and so batches) at once.
LEASE_S, WINDOW, CONNECTIONS = 2, 10, 2

#: What is not over yet.
WAITING = {"queued", "sending", "deferred"}


class Installation:
    def __init__(
        self,
        url: str,
        directory: Path,
        processes: Processes,
        server: HostileServer,
        chance: random.Random,
        *,
        lease_s: float = LEASE_S,
        **smtp: object,
    ) -> None:
        self.url = url
        self.name = directory.name
        self.database = "SQLite" if url.startswith("sqlite") else "PostgreSQL"
        self.server = server
        self.chance = chance
        self.mailing_list = 0
        self.readers: dict[int, str] = {}  # address by subscriber
        self.editions: list[int] = []
        self.reasons: list[str] = []  # why the product paused an edition, each time it did
        self.workers: list[Child] = []
        self._processes = processes
        self._stocked_until = 0.0
        wire = {"host": "127.0.0.1", "port": server.port, "tls": "none", "connections": CONNECTIONS, "timeout_s": 20}
        self.settings = {
            "NEWSLETTER_DATABASE_URL": url,
            "NEWSLETTER_DATA_DIR": str(directory),
            "NEWSLETTER_SECRET_KEY": SECRET,
            "NEWSLETTER_BASE_URL": "http://news.example.org",
            "NEWSLETTER_LEASE_S": str(lease_s),
            "NEWSLETTER_WINDOW": str(WINDOW),
            "NEWSLETTER_MAIL_PROVIDER": "smtp",
            **{f"NEWSLETTER_SMTP_{name.upper()}": str(value) for name, value in {**wire, **smtp}.items()},
        }
        self.runtime = runtimes.build(
            Settings.model_validate(
                {
                    "data_dir": directory,
                    "database_url": url,
                    "secret_key": SECRET,
                    "base_url": "http://news.example.org",
                }
            ),
            clock=SystemClock(),
        )

    # Setting up.

    def with_readers(self, number: int) -> "Installation":
        self.mailing_list = scene.set_up(self.runtime)
        ids = scene.add_readers(self.runtime, self.mailing_list, number)
        self.readers = {subscriber: scene.address(each) for each, subscriber in enumerate(ids)}
        return self

    def approve(self) -> int:
        """One more edition, approved; its id."""
        self.editions.append(scene.approved_edition(self.runtime, self.mailing_list, number=len(self.editions) + 1))
        return self.editions[-1]

    def open(self) -> int:
        """One more edition, on its way to every reader; its id."""
        self.editions.append(scene.opened_edition(self.runtime, self.mailing_list, number=len(self.editions) + 1))
        return self.editions[-1]

    def restock(self) -> None:
        """Never let the senders run out of copies: another edition, where few are left. To be called all the time."""
        if time.monotonic() < self._stocked_until:
            return
        if self.states()["queued"] < len(self.readers):
            self.open()
        self._stocked_until = time.monotonic() + 0.25

    def approver(self) -> str:
        """The address of somebody who may decide."""
        address, now = "approver@example.org", self.runtime.clock.now()
        with self.runtime.db.transaction() as session:
            accounts.add(session, self.runtime.crypto, address, roles=[StaffRole.APPROVER], now=now)
        return address

    def some_readers(self, every: int, beginning: int = 0) -> list[str]:
        """Each so-manieth reader's address."""
        return list(self.readers.values())[beginning::every]

    # Processes.

    def worker(self, group: Child | None = None) -> Child:
        child = self.start("worker", group=group)
        self.workers.append(child)
        return child

    def start(self, *arguments: object, group: Child | None = None) -> Child:
        return self._processes.start(*map(str, arguments), settings=self.settings, group=group)

    def command(self, *arguments: object) -> str:
        """What a command that must succeed prints."""
        child = self.start(*arguments)
        assert child.wait() == 0, child.output()
        return child.output()

    def alive(self) -> list[Child]:
        self.workers = [worker for worker in self.workers if worker.is_alive]
        return self.workers

    def end_workers(self) -> None:
        """Ask all to end, which they do in good order. One that has only just been started may end without a word."""
        for worker in (workers := list(self.alive())):
            worker.ask_to_end()
        for worker in workers:
            code = worker.wait()
            assert code == 0 or (code == -signal.SIGTERM and worker.output().count("\n") <= 1), worker.output()

    def abandon(self) -> None:
        """The story is over, however it ended: no worker outlives it."""
        for worker in self.alive():
            worker.kill()
            worker.wait()
        self.runtime.db.dispose()

    # What is in the database.

    def ask(self, question: str, **values: object) -> list[Any]:
        with self.runtime.db.reading() as session:
            return list(session.connection().execute(sa.text(question), values))

    def change(self, *statements: str) -> None:
        with self.runtime.db.transaction() as session:
            for statement in statements:
                session.connection().execute(sa.text(statement))

    def states(self) -> Counter[str]:
        """How many copies of all editions are in each state, counted row by row."""
        question = "SELECT state, COUNT(*) FROM delivery WHERE edition_id IS NOT NULL GROUP BY state"
        return Counter(dict(self.ask(question)))

    def edition_states(self) -> list[str]:
        return [state for (state,) in self.ask("SELECT state FROM edition ORDER BY id")]

    def hurry(self) -> None:
        """What was put off is due now: the suite cannot wait for minutes as a worker can."""
        beginning = "(SELECT MIN(queued_at) FROM delivery)"
        statements = [f"UPDATE delivery SET due_at = {beginning} WHERE state = 'deferred' AND due_at > {beginning}"]
        if sa.inspect(self.runtime.db.engine).has_table("batch"):
            statements.append(f"UPDATE batch SET due_at = {beginning} WHERE token IS NULL AND state = 'open'")
        self.change(*statements)

    # The end.

    def run_on(self, seconds: float = PATIENCE_S) -> None:
        """The faults are over: a worker runs, and a person resumes what was paused, until every edition is sent and
        nobody waits."""

        self.alive()

        def is_sent() -> bool:
            for worker in self.workers:
                assert worker.is_alive, f"{worker} ended by itself with {worker.code}:\n{worker.output()}"
            if set(self.edition_states()) == {"sent"} and not WAITING & set(self.states()):
                return True
            if not self.alive():
                self.worker()
            self.resume()
            if self.states()["deferred"]:
                self.hurry()
            return False

        wait_for(lambda: f"editions {self.edition_states()} sent; {self.states()}", is_sent, seconds)

    def resume(self) -> None:
        """Resume what the product paused, and remember why it did."""
        for edition, because in self.ask("SELECT id, paused_because FROM edition WHERE state = 'paused'"):
            assert because, "An edition is paused and nobody says why."
            self.reasons.append(because)
            self.command("edition", "resume", edition)
