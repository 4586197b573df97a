"""`newsletter edition send --now`: send from here until nothing of the edition is left to send, and show how it goes.

On SQLite a running worker holds the worker's lock: then that worker sends, and this process watches its counts. Two
senders would do no harm (each copy is claimed by one of them); one is simply enough.
"""

import asyncio
import contextlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from newsletter import running
from newsletter.core import loops
from newsletter.core.errors import WrongState
from newsletter.core.runtime import Runtime
from newsletter.delivery import batches, reconciling, reports
from newsletter.delivery.sending import Sender
from newsletter.editions.models import EditionState
from newsletter.providers import registry

#: How often the counts are looked at.
LOOK_S = 0.25
#: How long the counts may stand still before the watcher gives up on the other worker.
STANDSTILL_S = 90.0

#: Copies that wait for longer than this (the day's messages are used up) are a running worker's business.
PATIENCE_S = 90.0

_UNDER_WAY = ("queued", "sending")
_WAITING = ("queued", "sending", "deferred")
_OVER = (EditionState.SENT.value, EditionState.PAUSED.value, EditionState.CANCELLED.value)


def send(runtime: Runtime, edition_id: int) -> None:
    """Return when the edition is finished, held, or only copies are left that are to be tried again later.

    Raises `WrongState` when another worker has it and makes no progress.
    """
    with _progress(runtime, edition_id):
        try:
            with running.only_worker(runtime):
                if not loops.run(_send(runtime, edition_id)):
                    raise WrongState("Stopped. What was not sent yet goes out when you send it again.")
        except WrongState as error:
            if str(error) != running.WORKER_RUNNING:
                raise
        _wait_for_others(runtime, edition_id)
    # The worker would do it a moment later, after its status was said here.
    with contextlib.suppress(WrongState), runtime.db.transaction() as session:
        reconciling.close_finished(session, now=runtime.clock.now())


async def _send(runtime: Runtime, edition_id: int) -> bool:
    """Send what is due; False when Ctrl-C (or SIGTERM) ended it, after the copies that were on their way."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    provider = registry.make_configured(runtime)
    sender = Sender(runtime, provider)
    try:
        await sender.send_until_idle(stop)
        # What is put aside for a moment (for the pace, or because the mail server is away) comes back by itself, and
        # so does what another worker held, once its lease has run out.
        while not stop.is_set() and await asyncio.to_thread(_is_under_way, runtime, edition_id):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), LOOK_S)
            await sender.send_until_idle(stop)
    finally:
        await provider.aclose()
    return not stop.is_set()


def _is_under_way(runtime: Runtime, edition_id: int) -> bool:
    soon = runtime.clock.now() + timedelta(seconds=PATIENCE_S)
    with runtime.db.reading() as session:
        return batches.any_under_way(session, edition_id, until=soon)


def _wait_for_others(runtime: Runtime, edition_id: int) -> None:
    """Wait for copies that are in another worker's hands."""
    seen, since = None, time.monotonic()
    while True:
        found = _status(runtime, edition_id)
        if found["state"] in _OVER or not any(found["counts"].get(state, 0) for state in _UNDER_WAY):
            return
        if found["counts"] != seen:
            seen, since = found["counts"], time.monotonic()
        elif time.monotonic() - since > STANDSTILL_S:
            raise WrongState("The running worker does not get on with this edition. Look at its log.")
        time.sleep(LOOK_S)


@contextlib.contextmanager
def _progress(runtime: Runtime, edition_id: int) -> Iterator[None]:
    """A progress bar on a terminal, drawn from the ledger's counts by a thread of its own; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield
        return
    bar = Progress(
        TextColumn("Sending"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=Console(stderr=True)
    )
    over = threading.Event()

    def draw() -> None:
        task = bar.add_task("Sending", total=None)
        while True:
            last = over.is_set()
            found = _status(runtime, edition_id)
            waiting = sum(found["counts"].get(state, 0) for state in _WAITING)
            bar.update(task, total=found["recipients"], completed=found["recipients"] - waiting)
            if last:
                return
            over.wait(LOOK_S)

    with bar:
        drawing = threading.Thread(target=draw, daemon=True)
        drawing.start()
        try:
            yield
        finally:
            over.set()
            drawing.join()


def _status(runtime: Runtime, edition_id: int) -> dict[str, Any]:
    with runtime.db.reading() as session:
        return reports.status(session, edition_id)
