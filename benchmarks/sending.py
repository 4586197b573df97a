"""One edition sent through the front door, and what it took: from opening it to the last row of the ledger.

Real workers run and have sent a small edition already, so that importing modules, connecting and compiling statements
are over. Then the edition is opened, and the processor time of every process is read before, and after the ledger says
that all is done. A run counts only if the sink saw every message once, at the right recipient, and the ledger agrees.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

import newsletter.tables as tables
from benchmarks import processes, workers
from benchmarks.databases import Databases
from benchmarks.sinks import Counts, NotAsSent, Sink
from benchmarks.stage import WARM_UP_READERS, Stage
from benchmarks.workers import Worker
from newsletter.core.runtime import Runtime
from newsletter.delivery import opening
from newsletter.delivery.models import DeliveryState
from newsletter.editions.models import Edition, EditionState

#: How long nothing may arrive before a run is given up.
STANDSTILL_S = 60.0
#: A sink that works for a greater part of the time than this may have been waited for.
BUSIEST_SINK = 0.85
#: How often the sink, and then the ledger, is asked how far it is: seldom enough to cost nothing that shows.
LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run took."""

    messages: int
    rate: float  # messages a second, from the first to the last that arrived
    worker_cpu_us: float  # a message, all workers together
    database_cpu_us: float  # a message; 0 where the database works inside the worker
    sink_cpu_us: float  # a message
    peak_memory_bytes: int  # of the worker that held most
    first_after_s: float  # from opening the edition to the first message
    recorded_after_s: float  # from the last message to the ledger saying that all is done


def send(
    databases: Databases,
    template: str,
    stage: Stage,
    sink: Sink,
    mail: Mapping[str, str],
    *,
    workers_number: int = 1,
    round_trip_ms: float = 0,
) -> Figures:
    """Send the stage's edition. Raises `NotAsSent`, or `WorkerFailed`."""
    with databases.copy(template) as url, workers.directory() as directory:
        runtime = workers.runtime(url)
        try:
            with workers.running(workers_number, url, directory, mail) as running:
                sink.set_round_trip(0)
                sink.forget()
                _open(runtime, stage.warm_up_edition_id)
                _wait(runtime, stage.warm_up_edition_id, WARM_UP_READERS, sink, running)
                sink.set_round_trip(round_trip_ms)
                sink.forget()
                return _measured(databases, runtime, stage, sink, running)
        finally:
            runtime.db.dispose()


def _measured(databases: Databases, runtime: Runtime, stage: Stage, sink: Sink, running: Sequence[Worker]) -> Figures:
    number = stage.readers
    used_s = -_cpu_s(running)  # before the opening, for a quick worker begins at once; an idle one uses next to nothing
    _open(runtime, stage.edition_id)
    opened_at_s, database_s = time.monotonic(), -databases.cpu_s()
    counts = _wait(runtime, stage.edition_id, number, sink, running)
    finished_at_s = time.monotonic()
    used_s += _cpu_s(running)
    database_s += databases.cpu_s()
    if counts.cpu_s > BUSIEST_SINK * (counts.last_at_s - counts.first_at_s):
        raise NotAsSent(f"The sink could hardly keep up, so that it is the sink that was measured: {counts}.")
    return Figures(
        messages=number,
        rate=(number - 1) / (counts.last_at_s - counts.first_at_s),
        worker_cpu_us=used_s / number * 1e6,
        database_cpu_us=database_s / number * 1e6,
        sink_cpu_us=counts.cpu_s / number * 1e6,
        peak_memory_bytes=max(processes.peak_memory_bytes(worker.pid) for worker in running),
        first_after_s=counts.first_at_s - opened_at_s,
        recorded_after_s=finished_at_s - counts.last_at_s,
    )


def _cpu_s(running: Sequence[Worker]) -> float:
    return sum(processes.cpu_s(worker.pid) for worker in running)


def _open(runtime: Runtime, edition_id: int) -> None:
    with runtime.db.transaction() as session:
        if not opening.release_and_open(session, edition_id, now=runtime.clock.now()):
            raise NotAsSent("The edition had been opened before.")


def _wait(runtime: Runtime, edition_id: int, number: int, sink: Sink, running: Sequence[Worker]) -> Counts:
    """Until everything has arrived and is written down; what the sink saw."""
    seen, since = 0, time.monotonic()
    while (counts := sink.counts()).messages < number:
        if counts.messages != seen:
            seen, since = counts.messages, time.monotonic()
        _be_patient(since, running, f"{seen:,} of {number:,} messages arrived, and then none.")
        time.sleep(LOOK_S)
    while _state(runtime, edition_id) is EditionState.SENDING:
        _be_patient(since, running, "Everything arrived, but the edition was not closed.")
        time.sleep(LOOK_S)
    counts = sink.counts()
    counts.must_be(number)
    if (found := _deliveries(runtime, edition_id)) != {DeliveryState.ACCEPTED: number}:
        raise NotAsSent(f"{number:,} messages were sent, and the ledger says {found}.")
    return counts


def _be_patient(since_s: float, running: Sequence[Worker], why: str) -> None:
    for worker in running:
        worker.must_run()
    if time.monotonic() - since_s > STANDSTILL_S:
        raise NotAsSent(f"{why} The worker's log ends:\n{running[0].said()}")


def _state(runtime: Runtime, edition_id: int) -> EditionState:
    with runtime.db.reading() as session:
        return session.get_one(Edition, edition_id).state


def _deliveries(runtime: Runtime, edition_id: int) -> dict[DeliveryState, int]:
    """How many deliveries are in each state, counted row by row."""
    columns = tables.metadata.tables["delivery"].c
    counted = (
        sa.select(columns.state, sa.func.count().label("number"))
        .where(columns.edition_id == edition_id)
        .group_by(columns.state)
    )
    with runtime.db.reading() as session:
        return {row.state: row.number for row in session.connection().execute(counted)}
