"""Kill anything at any moment: each reader gets the edition once, and where nobody can know, the ledger says so.

Real worker processes are killed while they talk to a real mail server, at a message of chance. What the server received
is then held against what the ledger says of every reader.
"""

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from newsletter.core.clock import ManualClock
from newsletter.core.runtime import Runtime
from newsletter.delivery.models import DeliveryState
from newsletter.delivery.sending import Sender
from newsletter.editions.models import EditionState
from newsletter.providers import registry
from tests.conftest import make_runtime
from tests.fakes import HANG_UP, MailServer
from tests.faults.worker import CONNECTIONS, smtp_settings
from tests.mails import Mail
from tests.newsletter.delivery.scene import (
    add_readers,
    address,
    assert_counts_are_right,
    deliveries,
    edition_state,
    opened_edition,
    set_up,
    states,
)

READERS = 240
KILLS = 3
WINDOW = 5

#: Readers whose mail server says no, says later, or hangs up after taking the message.
REFUSED, LATER, DROPPED = {address(11), address(120)}, {address(30), address(31)}, {address(77)}


@pytest.fixture
def now() -> ManualClock:
    """The workers have the machine's clock, so the story starts at its time."""
    return ManualClock(datetime.now(UTC))


@pytest.fixture
def runtime(database_url: str, now: ManualClock, tmp_path: Path, mail_server: MailServer) -> Iterator[Runtime]:
    values = smtp_settings(mail_server.port)
    built = make_runtime(database_url, now, tmp_path, mail_provider="smtp", provider_values=values)
    yield built
    built.db.dispose()


@contextmanager
def worker(runtime: Runtime, database_url: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.faults.worker", database_url, str(runtime.settings.data_dir), str(port)]
    process = subprocess.Popen([*command, str(WINDOW)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait(30)


def send_the_rest(runtime: Runtime) -> None:
    async def send() -> None:
        provider = registry.make_configured(runtime)
        await Sender(runtime, provider).send_until_idle()
        await provider.aclose()

    asyncio.run(send())


def assert_nobody_is_lost_or_doubled(runtime: Runtime, edition: int, server: MailServer) -> Counter[str]:
    """Received: one for each accepted, one at most for each unknown, none for anybody else."""
    copies = server.copies()
    with runtime.db.reading() as session:
        assert_counts_are_right(session)
    rows = deliveries(runtime, edition)
    assert len(rows) == READERS
    for number, row in enumerate(rows):
        received = copies[address(number)]
        if row.state is DeliveryState.ACCEPTED:
            assert received == 1, (number, row.state)
        elif row.state is DeliveryState.UNKNOWN:
            assert received <= 1, (number, row.state)
        else:
            assert row.state is DeliveryState.REJECTED, (number, row.state)
            assert received == 0, (number, row.state)
    return Counter(row.state.value for row in rows)


def test_workers_killed_at_any_message(
    runtime: Runtime, database_url: str, mail_server: MailServer, now: ManualClock
) -> None:
    chance = random.Random()
    mailing_list = set_up(runtime)
    add_readers(runtime, mailing_list, READERS)
    edition = opened_edition(runtime, mailing_list)
    asked: Counter[str] = Counter()

    def on_recipient(recipient: str) -> str | None:
        asked[recipient] += 1
        if recipient in REFUSED:
            return "550 5.1.1 Nobody here"
        return "451 4.7.1 Later" if recipient in LATER and asked[recipient] == 1 else None

    for _ in range(KILLS):
        fatal = len(mail_server.received) + chance.randint(1, READERS // (KILLS + 1))
        struck = threading.Event()
        with worker(runtime, database_url, mail_server.port) as process:

            def on_message(
                mail: Mail,
                fatal: int = fatal,
                process: subprocess.Popen[bytes] = process,
                struck: threading.Event = struck,
            ) -> str | None:
                if len(mail_server.received) + 1 >= fatal and not struck.is_set():
                    os.kill(process.pid, signal.SIGKILL)
                    struck.set()
                return HANG_UP if mail.recipients[0] in DROPPED else None

            mail_server.on_recipient, mail_server.on_message = on_recipient, on_message
            assert struck.wait(60)
            process.wait(30)
    mail_server.on_message = lambda mail: HANG_UP if mail.recipients[0] in DROPPED else None
    now.set(datetime.now(UTC) + timedelta(hours=1))  # every lease has run out, what was deferred is due
    send_the_rest(runtime)
    now.move(timedelta(hours=1))
    send_the_rest(runtime)
    final = assert_nobody_is_lost_or_doubled(runtime, edition, mail_server)
    assert final["rejected"] == len(REFUSED) - sum(
        row.state is DeliveryState.UNKNOWN
        for row in (deliveries(runtime, edition)[11], deliveries(runtime, edition)[120])
    )
    assert final["unknown"] <= KILLS * WINDOW * CONNECTIONS + len(DROPPED)
    assert edition_state(runtime, edition) is EditionState.SENT


def test_a_worker_asked_to_stop_leaves_nothing_in_its_hands(
    runtime: Runtime, database_url: str, mail_server: MailServer
) -> None:
    mailing_list = set_up(runtime)
    add_readers(runtime, mailing_list, READERS)
    edition = opened_edition(runtime, mailing_list)
    begun = threading.Event()
    mail_server.on_message = lambda mail: begun.set()
    with worker(runtime, database_url, mail_server.port) as process:
        assert begun.wait(60)
        process.terminate()
        assert process.wait(30) == 0
    found = states(runtime, edition)
    assert set(found) <= {"accepted", "queued"}
    assert found["accepted"] == len(mail_server.received)
    send_the_rest(runtime)
    assert assert_nobody_is_lost_or_doubled(runtime, edition, mail_server) == {"accepted": READERS}


def test_two_workers_of_one_database_and_one_is_killed(
    postgresql_url: str, now: ManualClock, tmp_path: Path, mail_server: MailServer
) -> None:
    values = smtp_settings(mail_server.port)
    runtime = make_runtime(postgresql_url, now, tmp_path, mail_provider="smtp", provider_values=values)
    mailing_list = set_up(runtime)
    add_readers(runtime, mailing_list, READERS)
    edition = opened_edition(runtime, mailing_list)
    many = threading.Event()
    with worker(runtime, postgresql_url, mail_server.port) as one:
        with worker(runtime, postgresql_url, mail_server.port) as two:

            def on_message(mail: Mail) -> None:
                if len(mail_server.received) == READERS // 3 and not many.is_set():
                    os.kill(one.pid, signal.SIGKILL)
                    many.set()

            mail_server.on_message = on_message
            assert many.wait(60)
            two.terminate()
            assert two.wait(30) == 0
    now.set(datetime.now(UTC) + timedelta(hours=1))
    send_the_rest(runtime)
    final = assert_nobody_is_lost_or_doubled(runtime, edition, mail_server)
    assert final["unknown"] <= WINDOW * CONNECTIONS
    runtime.db.dispose()
