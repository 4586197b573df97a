"""Shares batches out among workers: PGQueuer on PostgreSQL, its in-memory twin in the one process on SQLite.

A job says (edition, batch number) and nothing else. It may be lost, doubled or late: the ledger and the batch's lease
decide what is done, and `newsletter.delivery.reconciling` puts whatever is due into the queue again. So the queue needs
no care, no backup and no migration of ours, and its log is thrown away every hour.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Protocol, cast

import asyncpg
import psycopg
import sqlalchemy as sa
from pgqueuer import PgQueuer, Queries
from pgqueuer.adapters.inmemory import InMemoryQueries
from pgqueuer.models import Job
from pgqueuer.queries import SyncQueries
from psycopg.rows import dict_row
from sqlmodel import Session

from newsletter.core.db import Database
from newsletter.delivery.batches import BatchKey

log = logging.getLogger(__name__)

ENTRY_POINT = "send_batch"
#: A worker that is asleep or gone for this long loses the jobs it took and had not begun.
HEARTBEAT = timedelta(seconds=10)
#: How long a dispatcher waits for a notice before it looks by itself.
LOOK = timedelta(seconds=5)
#: Waits before a dispatcher that lost its database begins again.
RESTART_S = 1.0
#: How often what PGQueuer writes about finished jobs is thrown away.
PRUNE_S = 3600.0

#: Tables of this name are the queue's, not ours.
TABLES_BEGIN_WITH = "pgqueuer"

#: Any number will do, as long as nothing else in this database takes the same advisory lock.
_ADVISORY_LOCK = 7_368_423

Handle = Callable[[BatchKey], Awaitable[None]]


class Dispatcher(Protocol):
    def push(self, session: Session, keys: Sequence[BatchKey]) -> None:
        """Ask for these batches to be worked on, as part of the caller's transaction where the queue is in the same
        database. One that is in the queue already is not put there twice. Called from any thread."""
        ...

    async def run(self, handle: Handle, stop: asyncio.Event, *, concurrency: int) -> None:
        """Call `handle` for each batch, `concurrency` at once, until `stop` is set; then wait for those under way."""
        ...


def for_database(database: Database) -> Dispatcher:
    """The dispatcher that fits: in memory on SQLite, where there is one worker process, else PostgreSQL."""
    return InMemory() if database.is_sqlite else OnPostgreSQL(database.url)


def push(session: Session, keys: Sequence[BatchKey]) -> None:
    """Put batches into PostgreSQL's queue, as part of this transaction; workers are told when it commits. On SQLite
    there is nothing to do: the worker finds them within a second, or when it is woken."""
    if not keys or session.get_bind().dialect.name == "sqlite":
        return
    connection = session.connection().connection.driver_connection
    assert connection is not None
    jobs = _jobs(keys)
    SyncQueries(_InTransaction(connection)).enqueue(
        [ENTRY_POINT] * len(jobs),
        [payload for _, payload in jobs],
        [0] * len(jobs),
        dedupe_key=[key for key, _ in jobs],
        on_conflict="skip",
    )


async def install(url: sa.URL) -> None:
    """Create the queue's tables in a PostgreSQL database, or bring them to the form this PGQueuer needs. Repeatable."""
    connection = await asyncpg.connect(_address(url))
    try:
        await connection.execute(f"SELECT pg_advisory_lock({_ADVISORY_LOCK})")  # two may install at the same moment
        queries = Queries.from_asyncpg_connection(connection)
        if await queries.schema_is_installed():
            await queries.upgrade()
        else:
            await queries.install(create_schema=False)
    finally:
        await connection.close()


async def uninstall(url: sa.URL) -> None:
    """Drop the queue's tables. Nobody is lost by it: the ledger is the truth."""
    connection = await asyncpg.connect(_address(url))
    try:
        await Queries.from_asyncpg_connection(connection).uninstall()
    finally:
        await connection.close()


class InMemory:
    """The queue lives in this process, and ends with it."""

    def __init__(self) -> None:
        self._queue: PgQueuer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def push(self, session: Session, keys: Sequence[BatchKey]) -> None:
        loop = self._loop
        if keys and loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._enqueue, _jobs(keys))

    async def run(self, handle: Handle, stop: asyncio.Event, *, concurrency: int) -> None:
        self._loop, self._queue = asyncio.get_running_loop(), PgQueuer.in_memory()
        try:
            await _run(self._queue, handle, stop, concurrency=concurrency)
        finally:
            self._loop = self._queue = None

    def _enqueue(self, jobs: list[tuple[str, bytes | None]]) -> None:
        if self._queue is not None and self._queue.queries is not None:
            keys, payloads = [key for key, _ in jobs], [payload for _, payload in jobs]
            entering = self._queue.queries.enqueue(
                [ENTRY_POINT] * len(jobs), payloads, [0] * len(jobs), dedupe_key=list(keys), on_conflict="skip"
            )
            self._entering = asyncio.ensure_future(entering)


class OnPostgreSQL:
    """The queue lives in the database, shared by all workers; LISTEN tells them of new jobs."""

    def __init__(self, url: sa.URL) -> None:
        self._address = _address(url)

    def push(self, session: Session, keys: Sequence[BatchKey]) -> None:
        push(session, keys)

    async def run(self, handle: Handle, stop: asyncio.Event, *, concurrency: int) -> None:
        # PGQueuer ends when the database goes away, and a lost LISTEN never returns: begin again, as often as it takes.
        while not stop.is_set():
            pool = None
            try:
                pool = await asyncpg.create_pool(self._address, min_size=1, max_size=3)
                queue = PgQueuer.from_asyncpg_pool(pool)
                await _run(queue, handle, stop, concurrency=concurrency)
            except Exception as error:
                if stop.is_set():
                    break
                log.warning("The queue's connection was lost; starting again", extra={"error": type(error).__name__})
            finally:
                if pool is not None:
                    pool.terminate()
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), RESTART_S)


async def _run(queue: PgQueuer, handle: Handle, stop: asyncio.Event, *, concurrency: int) -> None:
    @queue.entrypoint(ENTRY_POINT, on_failure="delete")
    async def send_batch(job: Job) -> None:
        assert job.payload is not None
        edition_id, number = json.loads(job.payload)
        if not stop.is_set():
            await handle(BatchKey(edition_id, number))

    async def watch() -> None:
        await stop.wait()
        queue.shutdown.set()

    queries = cast(Queries | InMemoryQueries, queue.queries)

    async def prune() -> None:
        while True:
            await asyncio.sleep(PRUNE_S)
            with suppress(Exception):  # the next hour will do
                await queries.clear_queue_log()
                await queries.clear_statistics_log()

    beside = [asyncio.create_task(watch()), asyncio.create_task(prune())]
    try:
        # The queue manager alone: PGQueuer's own clock for scheduled jobs is not used.
        await queue.qm.run(
            batch_size=max(concurrency // 2, 1),
            max_concurrent_tasks=max(concurrency, 2),
            dequeue_timeout=LOOK,
            heartbeat_timeout=HEARTBEAT,
            shutdown_on_listener_failure=True,
        )
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)


class _InTransaction:
    """PGQueuer's driver port on the connection of somebody else's transaction."""

    def __init__(self, connection: psycopg.Connection[object]) -> None:
        self._connection = connection

    def fetch(self, query: str, *arguments: object) -> list[dict[str, object]]:
        # PGQueuer writes parameters as $1, $2: PostgreSQL's own form, which only the raw cursor leaves alone.
        with psycopg.RawCursor(self._connection, row_factory=dict_row) as cursor:
            cursor.execute(query, arguments)
            return cursor.fetchall()


def _jobs(keys: Sequence[BatchKey]) -> list[tuple[str, bytes | None]]:
    """For each batch the key under which it is in the queue at most once, and what the job says."""
    return [(f"{key.edition_id}/{key.number}", json.dumps([key.edition_id, key.number]).encode()) for key in keys]


def _address(url: sa.URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)
