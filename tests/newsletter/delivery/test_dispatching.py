"""The queue that shares batches out, in both its forms: it may lose, double and delay, and nobody is lost by it."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import pytest
import sqlalchemy as sa

from newsletter.core.runtime import Runtime
from newsletter.delivery import batches, dispatching
from newsletter.delivery.batches import BatchKey
from newsletter.delivery.dispatching import Dispatcher
from newsletter.delivery.models import Batch
from tests.newsletter.delivery.scene import add_readers, opened_edition, set_up

KEYS = [BatchKey(edition_id, number) for edition_id in (1, 2) for number in range(5)]
Story = Callable[[Dispatcher, asyncio.Event], Awaitable[None]]


def push(runtime: Runtime, dispatcher: Dispatcher, keys: list[BatchKey]) -> None:
    with runtime.db.transaction() as session:
        dispatcher.push(session, keys)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


async def with_workers(
    runtime: Runtime, handle: dispatching.Handle, story: Story, *, number: int = 1, concurrency: int = 4
) -> None:
    """Tell a story while so many dispatchers run; it ends when they have stopped. In memory there is only one."""
    stop = asyncio.Event()
    number = 1 if runtime.db.is_sqlite else number
    dispatchers = [dispatching.for_database(runtime.db) for _ in range(number)]
    running = [asyncio.create_task(one.run(handle, stop, concurrency=concurrency)) for one in dispatchers]
    try:
        await story(dispatchers[0], stop)
    finally:
        stop.set()
        async with asyncio.timeout(30):
            await asyncio.gather(*running)


async def pushed(runtime: Runtime, dispatcher: Dispatcher, keys: list[BatchKey], seen: Callable[[], bool]) -> None:
    """Push until something was seen: a dispatcher that is not running yet takes nothing."""
    async with asyncio.timeout(30):
        while not seen():
            await asyncio.to_thread(push, runtime, dispatcher, keys)
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("workers", [1, 3])
def test_each_batch_is_handed_out(runtime: Runtime, workers: int) -> None:
    handled: Counter[BatchKey] = Counter()

    async def handle(key: BatchKey) -> None:
        handled[key] += 1

    async def story(dispatcher: Dispatcher, stop: asyncio.Event) -> None:
        await pushed(runtime, dispatcher, KEYS, lambda: set(handled) == set(KEYS))

    asyncio.run(with_workers(runtime, handle, story, number=workers))
    assert set(handled) == set(KEYS)


def test_no_more_are_worked_on_at_once_than_there_are_places(runtime: Runtime) -> None:
    under_way: set[BatchKey] = set()
    most, done = [0], []

    async def handle(key: BatchKey) -> None:
        under_way.add(key)
        most[0] = max(most[0], len(under_way))
        await asyncio.sleep(0.02)
        under_way.discard(key)
        done.append(key)

    async def story(dispatcher: Dispatcher, stop: asyncio.Event) -> None:
        await pushed(runtime, dispatcher, KEYS, lambda: len(set(done)) == len(KEYS))

    asyncio.run(with_workers(runtime, handle, story, concurrency=4))
    assert 1 < most[0] <= 4


def test_what_is_in_the_queue_is_not_put_there_twice(runtime: Runtime) -> None:
    handled: Counter[BatchKey] = Counter()
    go_on = asyncio.Event()

    async def handle(key: BatchKey) -> None:
        handled[key] += 1
        await go_on.wait()

    async def story(dispatcher: Dispatcher, stop: asyncio.Event) -> None:
        await pushed(runtime, dispatcher, KEYS[:1], lambda: bool(handled))
        for _ in range(5):
            await asyncio.to_thread(push, runtime, dispatcher, KEYS[:1])
        await pushed(runtime, dispatcher, KEYS[1:2], lambda: handled[KEYS[1]] > 0)
        go_on.set()

    asyncio.run(with_workers(runtime, handle, story))
    assert handled[KEYS[0]] == 1


def test_a_batch_whose_work_failed_can_be_put_there_again(runtime: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    handled: Counter[BatchKey] = Counter()

    async def handle(key: BatchKey) -> None:
        handled[key] += 1
        if handled[key] == 1:
            raise RuntimeError("The first attempt fails.")

    async def story(dispatcher: Dispatcher, stop: asyncio.Event) -> None:
        await pushed(runtime, dispatcher, KEYS[:1], lambda: handled[KEYS[0]] > 1)

    asyncio.run(with_workers(runtime, handle, story))


def test_who_is_told_to_stop_finishes_what_is_in_hand_and_begins_nothing(runtime: Runtime) -> None:
    begun: list[BatchKey] = []
    finished: list[BatchKey] = []

    async def story(dispatcher: Dispatcher, stop: asyncio.Event) -> None:
        stops.append(stop)
        await pushed(runtime, dispatcher, KEYS, lambda: bool(begun))
        await stop.wait()

    stops: list[asyncio.Event] = []

    async def handle(key: BatchKey) -> None:
        begun.append(key)
        if len(begun) == 2:
            stops[0].set()
        await asyncio.sleep(0.02)
        finished.append(key)

    asyncio.run(with_workers(runtime, handle, story, concurrency=2))
    assert sorted(begun) == sorted(finished)
    assert len(begun) < len(KEYS)


def test_opening_an_edition_wakes_the_workers_at_once(postgresql_runtime: Runtime) -> None:
    """Without anybody looking for due batches: they were pushed in the transaction of the opening."""
    runtime, handled = postgresql_runtime, []
    mailing_list = set_up(runtime)
    add_readers(runtime, mailing_list, 3)

    async def handle(key: BatchKey) -> None:
        handled.append(key)

    async def story(dispatcher: Dispatcher, stop: asyncio.Event) -> None:
        edition = await asyncio.to_thread(opened_edition, runtime, mailing_list)
        await until(lambda: handled == [BatchKey(edition, 0)])

    asyncio.run(with_workers(runtime, handle, story))


def test_a_push_that_is_rolled_back_was_none(postgresql_runtime: Runtime) -> None:
    runtime = postgresql_runtime
    with runtime.db.transaction() as session:
        attempt = session.begin_nested()
        dispatching.push(session, KEYS)
        attempt.rollback()
    with runtime.db.reading() as session:
        assert session.scalar(sa.text("SELECT count(*) FROM pgqueuer")) == 0


def test_a_lost_connection_is_made_again(postgresql_runtime: Runtime) -> None:
    runtime, handled = postgresql_runtime, []

    async def handle(key: BatchKey) -> None:
        handled.append(key)

    def cut() -> None:
        with runtime.db.engine.connect() as connection:
            connection.execute(
                sa.text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )

    async def story(dispatcher: Dispatcher, stop: asyncio.Event) -> None:
        await pushed(runtime, dispatcher, KEYS[:1], lambda: bool(handled))
        await asyncio.to_thread(cut)
        runtime.db.dispose()  # its own connections were cut too
        await pushed(runtime, dispatcher, KEYS[1:2], lambda: KEYS[1] in handled)

    asyncio.run(with_workers(runtime, handle, story))


def test_losing_the_whole_queue_loses_nobody(postgresql_runtime: Runtime) -> None:
    runtime = postgresql_runtime
    mailing_list = set_up(runtime)
    add_readers(runtime, mailing_list, 3)
    edition = opened_edition(runtime, mailing_list)
    with runtime.db.transaction() as session:
        session.execute(sa.text("DELETE FROM pgqueuer"))
        assert batches.due(session, now=runtime.clock.now(), limit=10) == [BatchKey(edition, 0)]
        assert session.get_one(Batch, (edition, 0)).queued == 3
