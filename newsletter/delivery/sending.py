"""The sender: works off batches window by window, and letters beside them, through one provider.

It lives in an event loop of its own; the ledger's synchronous sessions run in threads. One transaction writes a
finished window down, holds the batch for longer and claims the next window; it is committed before anything is sent
(the one stated exception to "the edge commits"), and no session is open while sending. An outcome that is known is
written down whatever happens to the database meanwhile: a write after sending waits an outage out. Any number of
senders may share a PostgreSQL database.
"""

import asyncio
import logging
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlmodel import Session

from newsletter.core.errors import WrongState
from newsletter.core.runtime import Runtime
from newsletter.delivery import batches, dispatching, failures, ledger, pacing, reconciling
from newsletter.delivery.batches import BatchKey, Hold
from newsletter.delivery.breaker import Absence, Runs
from newsletter.delivery.copies import Copies, Prepared
from newsletter.delivery.counting import Changes
from newsletter.delivery.handing_over import Done, Held, hand_over, numbers
from newsletter.delivery.ledger import Claim, NotSent, Standing
from newsletter.delivery.pacing import Wait
from newsletter.editions import publishing
from newsletter.editions.models import EditionState
from newsletter.providers.base import MailProvider, Result

log = logging.getLogger(__name__)

#: Fewer with a slow provider, so that a letter need not wait long for its turn, and a pause acts soon.
LEAST_WINDOW = 5
SECONDS_PER_WINDOW = 0.25
#: The least where the settings limit the pace: smaller windows would cost more than they are worth.
LEAST_PACED_WINDOW = 10
#: Letters that are claimed at once; they are few, and somebody is waiting for each.
LETTERS = 25
#: How often an idle sender looks, when nobody wakes it.
IDLE_S = 1.0
#: Waits between attempts to reach the database again.
FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 10.0

_GOING_OUT = (EditionState.SENDING, EditionState.SENT)  # an edition that is sent may have copies to be sent again

T = TypeVar("T")


class _Lost(Exception):
    """Somebody else took the batch over, or was faster: the transaction is rolled back."""


@dataclass(slots=True)
class _Attempt:
    """One claim, tried until it is known to be made: under the same id each time, so that a commit of which nobody
    heard strands nothing."""

    claim_id: str = field(default_factory=lambda: secrets.token_hex(16))
    in_doubt: bool = False  # something was claimed, and its commit may have succeeded

    @property
    def nothing(self) -> Claim:
        return Claim(self.claim_id, ())


@dataclass(frozen=True, slots=True)
class Turn:
    """What the ledger gave: a window and its copies, or nothing; and perhaps a wait for the pace."""

    claim: Claim
    standing: Standing | None = None  # of the edition; None: letters
    prepared: Prepared = field(default_factory=Prepared)
    later: dict[int, datetime] = field(default_factory=dict)
    wait_s: float = 0
    until: datetime | None = None  # for how long the window is ours, counted from before it was claimed


class Sender:
    """Sends what is due, through one provider."""

    def __init__(
        self,
        runtime: Runtime,
        provider: MailProvider,
        *,
        window: int | None = None,
        lease: timedelta | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._runtime = runtime
        self._provider = provider
        self._copies = Copies(runtime, provider)
        self._limits = pacing.limits(runtime.settings)
        self._longest_window = window or runtime.settings.window
        self._window = self._longest_window
        self._lease = lease or timedelta(seconds=runtime.settings.lease_s)
        self._sleep = sleep
        self._runs, self._absence = Runs(), Absence(provider.name)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._look, self._look_for_letters = asyncio.Event(), asyncio.Event()
        self._accepted = self._under_way = 0
        # SQLite has one writer at a time: waiting in line here is cheaper than meeting at the database's lock.
        self._threads = ThreadPoolExecutor(1 if runtime.db.is_sqlite else 4, thread_name_prefix="ledger")

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set; then finish the windows in progress, claim no more, and return."""
        self._loop = asyncio.get_running_loop()
        dispatcher = dispatching.for_database(self._runtime.db)

        async def send_batch(key: BatchKey) -> None:
            await self._send_batch(key, stop)

        concurrency = max(self._provider.capabilities.concurrency, 1)
        try:
            await _together(
                stop,
                dispatcher.run(send_batch, stop, concurrency=concurrency),
                self._keep_reconciling(dispatcher, stop),
                self._keep_sending_letters(stop),
            )
        finally:
            self._loop = None
        await self._unless_stopped(self._reconcile, stop)

    async def send_until_idle(self, stop: asyncio.Event | None = None) -> int:
        """Send until nothing is due at this moment, or until `stop` is set and the windows in progress are finished;
        how many messages the provider took."""
        before, stop = self._accepted, stop or asyncio.Event()
        places = asyncio.Semaphore(max(self._provider.capabilities.concurrency, 1))

        async def send_batch(key: BatchKey) -> None:
            async with places:
                if not stop.is_set():
                    await self._send_batch(key, stop)

        while not stop.is_set():
            due = await self._unless_stopped(self._reconcile, stop)
            if due is None:  # somebody else is looking at this moment
                await self._sleep(FIRST_WAIT_S)
                continue
            letters = await self._send_letters(stop)
            if not due and not letters:
                break
            await asyncio.gather(*(send_batch(key) for key in due))
        await self._unless_stopped(self._reconcile, stop)
        return self._accepted - before

    def wake(self) -> None:
        """Look at the ledger now: something was queued. May be called from any thread, at any time."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._look.set)
            loop.call_soon_threadsafe(self._look_for_letters.set)

    # One batch.

    async def _send_batch(self, key: BatchKey, stop: asyncio.Event) -> None:
        """Take a batch and send it, window after window, until nothing in it is due or it is time to stop."""
        hold, done, is_first = Hold(key, secrets.token_hex(16)), None, True
        ended: Counter[str] = Counter()
        while True:
            try:
                turn = await self._turn(hold, done, stop, is_first=is_first)
            except _Lost:
                if not is_first:
                    log.warning("A batch was taken over", extra={"edition_id": key.edition_id, "batch": key.number})
                if done is not None:
                    await self._write_down(key, done)
                return
            is_first = False
            if turn.claim:
                done = await self._deliver(turn, lambda: self._renew_batch(hold))
                self._watch(done)
                ended += numbers(done)
            elif turn.wait_s:  # for the pace; the next turn holds the batch for longer
                done = None
                await _first_of(stop, timeout_s=min(turn.wait_s, self._lease.total_seconds() / 3))
            else:
                if ended:
                    fields = {"edition_id": key.edition_id, "batch": key.number, **ended}
                    log.info("%d copies of a batch sent or tried", ended.total(), extra=fields)
                return

    async def _turn(self, hold: Hold, done: Done | None, stop: asyncio.Event, *, is_first: bool) -> Turn:
        """Write a window down and get the next; the first time take the batch, and with nothing left, or at the end,
        let it go.

        Raises `_Lost`.
        """
        attempt = _Attempt()

        def step() -> Turn:
            if is_first and stop.is_set() and not attempt.in_doubt:  # nothing was begun
                return Turn(attempt.nothing)
            return self._turn_once(hold, done, attempt, is_first=is_first, wants_more=not stop.is_set())

        return await self._until_done(step)

    def _turn_once(self, hold: Hold, done: Done | None, attempt: _Attempt, *, is_first: bool, wants_more: bool) -> Turn:
        key, changes, turn = hold.key, Changes(), Turn(attempt.nothing)
        until = self._runtime.clock.now() + self._lease
        with self._runtime.db.transaction(for_sending=True) as session:
            standing = ledger.standing(session, key)
            now = self._runtime.db.believed(standing.at, self._runtime.clock)
            is_mine = standing.token == hold.token
            if not is_mine and not (is_first and batches.take(session, hold, lease=self._lease, now=now)):
                raise _Lost
            state, put_aside = standing.state, None
            if done is not None:
                if done.pause_because and state is EditionState.SENDING:
                    # The edition before its rows, as whoever cancels it does.
                    _pause(session, key.edition_id, done.pause_because, now)
                    state = EditionState.PAUSED
                self._record(session, done, standing.rules, now, changes)
                put_aside = now + timedelta(seconds=done.put_aside_s) if done.put_aside_s else None
            if attempt.in_doubt:
                # What an earlier attempt claimed is nobody's but ours, whatever has become of the edition meanwhile.
                # While that is still being committed it holds the batch's row, which is waited for here.
                batches.keep(session, hold, lease=self._lease, now=now)
                turn = Turn(ledger.held(session, key, attempt.claim_id), standing)
            if not turn.claim and wants_more and state in _GOING_OUT and put_aside is None:
                turn = self._claim(session, key, standing, attempt, now, changes)
            pace = len(done.results) / max(time.monotonic() - done.began_s, 1e-6) if done is not None else None
            if not batches.keep(session, hold, lease=self._lease, now=now, changes=changes, pace_per_s=pace):
                raise _Lost
            if not turn.claim and not turn.wait_s:
                self._let_go(session, hold, now, put_aside)
        self._written(done)
        return self._prepared(turn, until) if turn.claim else turn

    def _claim(
        self, session: Session, key: BatchKey, standing: Standing, attempt: _Attempt, now: datetime, changes: Changes
    ) -> Turn:
        """Reserve first, claim second: nothing is `sending` while it waits for its turn."""
        name, limits = self._provider.name, self._limits
        granted = pacing.reserve(session, name, self._window_size(), limits=limits, now=now)
        if isinstance(granted, Wait):
            return Turn(attempt.nothing, wait_s=granted.seconds)
        claim = ledger.claim_window(
            session,
            key,
            attempt.claim_id,
            mailing_list_id=standing.mailing_list_id,
            limit=granted,
            now=now,
            changes=changes,
        )
        attempt.in_doubt = bool(claim)
        pacing.note(session, name, len(claim.deliveries) - granted, limits=limits, now=now)
        return Turn(claim, standing)

    def _let_go(self, session: Session, hold: Hold, now: datetime, put_aside: datetime | None) -> None:
        """Nothing is claimed: nothing in the batch is due, or nothing may go now."""
        next_due = ledger.next_due(session, hold.key)
        if next_due is not None or not batches.finish(session, hold):
            tomorrow = pacing.closed_until(session, self._provider.name, limits=self._limits, now=now)
            batches.give_back(session, hold, due_at=max(filter(None, (next_due, tomorrow, put_aside, now))))

    async def _renew_batch(self, hold: Hold) -> bool:
        def renew() -> bool:
            with self._runtime.db.transaction() as session:
                return batches.keep(session, hold, lease=self._lease, now=self._now(session))

        return await self._in_thread(renew)

    # Letters.

    async def _keep_sending_letters(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._look_for_letters.clear()
            await self._send_letters(stop)
            await _first_of(self._look_for_letters, stop, timeout_s=IDLE_S)

    async def _send_letters(self, stop: asyncio.Event) -> int:
        """Send the letters that are due; how many were claimed."""
        done, number = None, 0
        while True:
            turn = await self._letters_turn(done, stop)
            if not turn.claim:
                return number
            number += len(turn.claim.deliveries)
            done = await self._deliver(turn, lambda claim_id=turn.claim.id: self._renew_letters(claim_id))  # type: ignore[misc]

    async def _letters_turn(self, done: Done | None, stop: asyncio.Event) -> Turn:
        attempt = _Attempt()

        def step() -> Turn:
            turn, until = Turn(attempt.nothing), self._runtime.clock.now() + self._lease
            with self._runtime.db.transaction(for_sending=True) as session:
                now = self._now(session)
                if done is not None:
                    self._record(session, done, ledger.Rules(), now, None)
                if attempt.in_doubt or not stop.is_set():
                    claim = ledger.claim_letters(session, attempt.claim_id, limit=LETTERS, lease=self._lease, now=now)
                    attempt.in_doubt = bool(claim)
                    pacing.note(session, self._provider.name, len(claim.deliveries), limits=self._limits, now=now)
                    turn = Turn(claim)
            self._written(done)
            return self._prepared(turn, until) if turn.claim else turn

        if done is None and stop.is_set():
            return Turn(attempt.nothing)
        return await self._until_done(step)

    async def _renew_letters(self, claim_id: str) -> bool:
        def renew() -> bool:
            with self._runtime.db.transaction() as session:
                return ledger.renew_letters(session, claim_id, lease=self._lease, now=self._now(session))

        return await self._in_thread(renew)

    # A window of either.

    def _prepared(self, turn: Turn, until: datetime) -> Turn:
        """The copies of a window that is claimed and committed, in a session of their own."""
        try:
            prepared = self._copies.prepare(turn.claim, turn.standing)
            later = self._put_off(turn.claim, prepared)
        except sa.exc.SQLAlchemyError as error:  # nothing was sent: it goes back
            log.warning("A window could not be prepared", extra={"claim": turn.claim.id, "error": type(error).__name__})
            back: dict[int, Result | NotSent] = dict.fromkeys((each.id for each in turn.claim.deliveries), NotSent.BACK)
            return Turn(turn.claim, prepared=Prepared(results=back), wait_s=FIRST_WAIT_S, until=until)
        return Turn(turn.claim, turn.standing, prepared, later, until=until)

    def _put_off(self, claim: Claim, prepared: Prepared) -> dict[int, datetime]:
        """Copies of an edition that must wait for the sake of their domain."""
        if not self._limits.domains or claim.deliveries[0].edition_id is None:
            return {}
        before = {each.id: each.was_put_off for each in claim.deliveries}
        waiting = {
            delivery_id: (copy.address, before[delivery_id])
            for batch in prepared.batches
            for delivery_id, copy in batch.copies.items()
        }
        with self._runtime.db.transaction() as session:
            now = self._now(session)
            return pacing.spread(session, self._runtime.crypto, waiting, limits=self._limits, now=now)

    async def _deliver(self, turn: Turn, renew: Callable[[], Awaitable[bool]]) -> Done:
        """Hand a window to the provider. Never raises: what is known is returned."""
        clock = self._runtime.clock

        async def hold_on() -> datetime | None:
            until = clock.now() + self._lease
            try:
                return until if await renew() else None
            except sa.exc.SQLAlchemyError as error:  # the worst that follows is a window that counts as unknown
                log.warning("A claim was not renewed", extra={"claim": turn.claim.id, "error": type(error).__name__})
                return None

        if turn.wait_s:
            await self._sleep(turn.wait_s)
        until = turn.until or clock.now()
        if clock.now() >= until:  # it took long, or the machine slept: only if nobody has taken the batch away
            until = await hold_on() or until
        held = Held(until, hold_on)
        self._under_way += 1
        try:
            done = await hand_over(
                self._provider, turn.claim, turn.prepared, held, clock=clock, lease=self._lease, later=turn.later
            )
        finally:
            self._under_way -= 1
        self._size_windows(len(done.results), done.took_s)
        return done

    def _record(
        self, session: Session, done: Done, rules: ledger.Rules, now: datetime, changes: Changes | None
    ) -> None:
        name = self._provider.name
        ledger.record(session, done.claim, done.results, now=now, provider=name, rules=rules, changes=changes)
        failures.follow_refusals(session, done.results, now=now)

    def _written(self, done: Done | None) -> None:
        """A window is in the ledger. A line is logged for a batch, not for each of its windows."""
        if done is None:
            return
        self._accepted += done.accepted
        first = done.claim.deliveries[0]
        if first.edition_id is None:
            log.info("Letters sent", extra={"kind": first.kind.value, **numbers(done)})
        if done.pause_because:
            log.error("Sending stopped: %s", done.pause_because, extra={"edition_id": first.edition_id})

    async def _write_down(self, key: BatchKey, done: Done) -> None:
        """Only write a window down: its batch is somebody else's by now, but the truth is still the truth."""

        def step() -> None:
            with self._runtime.db.transaction() as session:
                self._record(session, done, ledger.standing(session, key).rules, self._now(session), None)
            self._written(done)

        await self._until_done(step)

    def _watch(self, done: Done) -> None:
        """Let the breaker see what became of an edition's window, and put its batch aside while the server is away."""
        edition_id = done.claim.deliveries[0].edition_id
        if edition_id is None or done.pause_because is not None:
            return
        done.put_aside_s, because = self._absence.seen(done.results.values(), self._runtime.clock.now())
        if done.can_pause:
            done.pause_because = because or self._runs.trips(edition_id, done.results.values(), self._provider.name)

    def _window_size(self) -> int:
        if self._limits.per_s:
            fitting = int(self._limits.per_s * SECONDS_PER_WINDOW)
            return min(max(fitting, LEAST_PACED_WINDOW), self._window, self._longest_window)
        return self._window

    def _size_windows(self, number: int, took_s: float) -> None:
        """Claim as many deliveries at once as this provider takes in about a quarter of a second, over all calls that
        are under way at once: each window by itself takes longer when there are many."""
        at_once = number * (self._under_way + 1)
        fitting = int(at_once * SECONDS_PER_WINDOW / took_s) if took_s > 0 else self._longest_window
        self._window = min(max(fitting, LEAST_WINDOW), self._longest_window)

    # Looking after the ledger.

    async def _keep_reconciling(self, dispatcher: dispatching.Dispatcher, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._look.clear()
            try:
                await self._unless_stopped(lambda: self._reconcile(dispatcher.push), stop)
            except Exception:  # one edition in a strange state must not end the care for all others
                log.exception("The ledger could not be reconciled")
            await _first_of(self._look, stop, timeout_s=IDLE_S)

    def _reconcile(self, push: reconciling.Push | None = None) -> list[BatchKey] | None:
        with self._runtime.db.transaction() as session:
            return reconciling.reconcile(session, now=self._now(session), push=push)

    def _now(self, session: Session) -> datetime:
        return self._runtime.db.now(session, self._runtime.clock)

    # Patience with the database.

    async def _in_thread(self, step: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, step)

    async def _until_done(self, step: Callable[[], T]) -> T:
        """Nothing that was sent is forgotten: wait until the database is back, however long that takes."""
        wait_s = FIRST_WAIT_S
        while True:
            try:
                return await self._in_thread(step)
            except _Lost:
                raise
            except Exception as error:
                fields = {"error": type(error).__name__, "wait_s": wait_s}
                log.warning("The ledger cannot be written; trying again", extra=fields)
            await self._sleep(wait_s)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    async def _unless_stopped(self, step: Callable[[], T], stop: asyncio.Event) -> T | None:
        """One step that can be left out: on an outage it is tried again only while there is time."""
        wait_s = FIRST_WAIT_S
        while True:
            try:
                return await self._in_thread(step)
            except WrongState:  # another worker did it in the same moment
                return None
            except sa.exc.SQLAlchemyError as error:
                if not _is_outage(error):
                    raise
                log.warning("The database does not answer", extra={"error": type(error).__name__, "wait_s": wait_s})
                if stop.is_set():
                    return None
            await self._sleep(wait_s)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)


async def _together(stop: asyncio.Event, *parts: Coroutine[Any, Any, None]) -> None:
    """Run the parts of a worker; when one fails, the others finish what they have in hand, and then it raises."""

    async def guarded(part: Coroutine[Any, Any, None]) -> None:
        try:
            await part
        finally:
            stop.set()

    for failure in await asyncio.gather(*(guarded(part) for part in parts), return_exceptions=True):
        if isinstance(failure, BaseException):
            raise failure


async def _first_of(*events: asyncio.Event, timeout_s: float) -> None:
    """Return when one of the events is set, or after a while."""
    waiting = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiting, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in waiting:
            each.cancel()


def _pause(session: Session, edition_id: int, because: str, now: datetime) -> None:
    with suppress(WrongState):  # a person paused or cancelled it in this moment
        publishing.pause(session, edition_id, because=because[:300], now=now)


def _is_outage(error: Exception) -> bool:
    """The database is away, locked or out of connections: worth waiting for."""
    if isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError))
