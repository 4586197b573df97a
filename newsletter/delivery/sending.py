"""The sender: claims windows of the ledger, hands them to the provider, records what became of them.

It lives in an event loop of its own; the ledger's synchronous sessions run in threads. A claim is committed before
anything is sent (the one stated exception to "the edge commits"), and no session is open while sending. An outcome
that is known is written down whatever happens to the database meanwhile: a write after sending waits an outage out.
Any number of senders may share a PostgreSQL database.
"""

import asyncio
import logging
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from newsletter.core.errors import WrongState
from newsletter.core.logs import scrub
from newsletter.core.runtime import Runtime
from newsletter.delivery import ledger, opening
from newsletter.delivery.copies import Copies, Prepared
from newsletter.delivery.counting import Changes
from newsletter.delivery.ledger import Claim, NotSent
from newsletter.editions import publishing
from newsletter.editions.models import Edition, EditionState
from newsletter.providers.base import MailProvider, Message, Outcome, Recipient, Result, Scope

log = logging.getLogger(__name__)

#: Deliveries claimed at once: the most that can be unknown after a kill, for each window in progress …
WINDOW = 25
#: … and fewer with a slow provider, so that a letter need not wait long for its turn, and a pause acts soon.
LEAST_WINDOW = 5
SECONDS_PER_WINDOW = 0.5
#: Renewed while the worker lives; a dead worker's window is declared unknown after this long.
LEASE = timedelta(minutes=2)
#: How often an idle sender looks, when nobody wakes it.
IDLE_S = 1.0
#: Waits between attempts to reach the database again.
FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 10.0


@dataclass(slots=True)
class Done:
    """The outcome of one window, on its way into the ledger."""

    claim: Claim
    results: dict[int, Result | NotSent]
    held_until: datetime
    pause_because: str | None = None
    can_pause: bool = False


class Sender:
    """Sends what is due, through one provider."""

    def __init__(
        self,
        runtime: Runtime,
        provider: MailProvider,
        *,
        window: int = WINDOW,
        lease: timedelta = LEASE,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._runtime = runtime
        self._provider = provider
        self._copies = Copies(runtime, provider)
        self._longest_window = window
        self._window = window
        self._lease = lease
        self._sleep = sleep
        self._loop: asyncio.AbstractEventLoop | None = None
        self._woken = asyncio.Event()
        self._accepted = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set; then finish the windows in progress, claim no more, and return."""
        self._loop = asyncio.get_running_loop()
        watch = asyncio.create_task(self._keep_house(stop))
        try:
            await self._send(stop, until_idle=False)
        finally:
            self._loop = None
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
        await self._database(self._close, stop)

    async def send_until_idle(self, stop: asyncio.Event | None = None) -> int:
        """Send until nothing is due at this moment, or until `stop` is set and the windows in progress are finished;
        how many messages the provider took."""
        before = self._accepted
        stop = stop or asyncio.Event()
        await self._database(self._close, stop)
        await self._send(stop, until_idle=True)
        await self._database(self._close, stop)
        return self._accepted - before

    def wake(self) -> None:
        """Look at the ledger now: something was queued. May be called from any thread, at any time."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._woken.set)

    async def _send(self, stop: asyncio.Event, *, until_idle: bool) -> None:
        """Keep as many windows in progress as the provider takes at once."""
        in_progress: set[asyncio.Task[Any]] = set()
        stopping = asyncio.create_task(stop.wait())
        woken: asyncio.Task[bool] | None = None
        try:
            while not stop.is_set():
                self._woken.clear()
                while len(in_progress) < self._provider.capabilities.concurrency and not stop.is_set():
                    claim = await self._exchange(None, stop)
                    if not claim:
                        break
                    in_progress.add(asyncio.create_task(self._follow(claim, stop)))
                if until_idle and not in_progress:
                    break
                woken = woken if woken and not woken.done() else asyncio.create_task(self._woken.wait())
                done, _ = await asyncio.wait(
                    {*in_progress, stopping, woken}, timeout=IDLE_S, return_when=asyncio.FIRST_COMPLETED
                )
                for task in in_progress & done:
                    task.result()
                in_progress -= done
        finally:
            stopping.cancel()
            if woken:
                woken.cancel()
            if in_progress:
                await asyncio.gather(*in_progress)

    async def _follow(self, claim: Claim, stop: asyncio.Event) -> None:
        """One window after the other, until nothing is due or it is time to stop."""
        while claim:
            claim = await self._exchange(await self._deliver(claim), stop)

    async def _deliver(self, claim: Claim) -> Done:
        """Hand a window to the provider. Never raises: what is known is returned."""
        try:
            prepared = await asyncio.to_thread(self._copies.prepare, claim)
        except sa.exc.SQLAlchemyError as error:  # nothing was sent: give the window back, after a breath
            log.warning("A window could not be prepared", extra={"claim": claim.id, "error": type(error).__name__})
            await self._sleep(FIRST_WAIT_S)
            return Done(claim, {delivery.id: NotSent.BACK for delivery in claim.deliveries}, claim.lease_until)
        done = Done(claim, prepared.results, claim.lease_until, prepared.pause_because, prepared.can_pause)
        began_s = time.monotonic()
        await self._hand_over(claim, prepared, done)
        self._size_windows(len(claim.deliveries), time.monotonic() - began_s)
        return _settled(done)

    def _size_windows(self, number: int, took_s: float) -> None:
        """Claim as many deliveries at once as this provider takes in about half a second."""
        fitting = int(number * SECONDS_PER_WINDOW / took_s) if took_s > 0 else self._longest_window
        self._window = min(max(fitting, LEAST_WINDOW), self._longest_window)

    async def _hand_over(self, claim: Claim, prepared: Prepared, done: Done) -> None:
        size = max(self._provider.capabilities.max_batch, 1)
        refused = False
        for batch in prepared.batches:
            copies = list(batch.copies.items())
            for start in range(0, len(copies), size):
                part = dict(copies[start : start + size])
                if refused or self._runtime.clock.now() >= done.held_until:  # never after the lease
                    done.results |= dict.fromkeys(part, NotSent.BACK)
                    continue
                results = await self._call(done, batch.message, list(part.values()))
                done.results |= dict(zip(part, results, strict=True))
                for result in results:
                    if _stops_everything(result, is_edition=done.can_pause):
                        refused = True
                        done.pause_because = done.pause_because or self._why(result)

    async def _call(self, done: Done, message: Message, recipients: Sequence[Recipient]) -> list[Result]:
        """Call the provider, holding the claim while it takes its time. A provider that breaks its word by raising
        leaves doubt about every recipient of the call."""
        sending = asyncio.create_task(self._provider.send(message, recipients))
        try:
            while not (await asyncio.wait({sending}, timeout=self._lease.total_seconds() / 3))[0]:
                await self._renew(done)
            results = sending.result()
        except Exception as error:
            log.exception("The mail provider raised", extra={"provider": self._provider.name})
            why = f"The provider failed: {type(error).__name__}"
            return [Result(recipient.key, Outcome.UNKNOWN, detail=why, scope=Scope.ACCOUNT) for recipient in recipients]
        except asyncio.CancelledError:
            sending.cancel()
            raise
        if [result.key for result in results] != [recipient.key for recipient in recipients]:
            why = "The provider's answers do not match the recipients."
            return [Result(recipient.key, Outcome.UNKNOWN, detail=why, scope=Scope.ACCOUNT) for recipient in recipients]
        return results

    def _why(self, result: Result) -> str:
        said = " ".join(part for part in (result.code, scrub(result.detail or "")) if part) or "no reason given"
        return f"Sending stopped because of what {self._provider.name} said: {said[:200]}. Put that right, then resume."

    async def _exchange(self, done: Done | None, stop: asyncio.Event) -> Claim:
        """In one transaction: write a finished window down, and take the next one (unless it is time to stop)."""
        claim_id = secrets.token_hex(16)  # the same at every attempt, so that a commit in doubt strands nothing
        wait_s = FIRST_WAIT_S
        while True:
            wants_more = not stop.is_set()
            if done is None and not wants_more:
                return Claim(claim_id, self._runtime.clock.now(), ())
            try:
                return await asyncio.to_thread(self._exchange_once, done, claim_id, wants_more)
            except Exception as error:
                # Nothing that was sent is forgotten: wait until the database is back, however long that takes.
                fields = {"error": type(error).__name__, "wait_s": wait_s}
                log.warning("The ledger cannot be written; trying again", extra=fields)
                if not _is_outage(error) and done is None:
                    raise
            await self._sleep(wait_s)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)

    def _exchange_once(self, done: Done | None, claim_id: str, wants_more: bool) -> Claim:
        now = self._runtime.clock.now()
        changes = Changes()
        accepted = 0
        with self._runtime.db.transaction() as session:
            if done is not None:
                # The edition before its rows, as whoever cancels it does.
                edition_id = done.claim.deliveries[0].edition_id
                if done.pause_because and done.can_pause and edition_id is not None:
                    edition = session.get(Edition, edition_id)
                    if edition is not None and edition.state is EditionState.SENDING:
                        publishing.pause(session, edition_id, because=done.pause_because[:300], now=now)
                provider = self._provider.name
                ledger.record(session, done.claim.id, done.results, now=now, provider=provider, changes=changes)
                accepted = sum(isinstance(r, Result) and r.outcome is Outcome.ACCEPTED for r in done.results.values())
            claim = Claim(claim_id, now, ())
            if wants_more:
                limit, lease = self._window, self._lease
                claim = ledger.claim(session, limit=limit, lease=lease, now=now, claim_id=claim_id, changes=changes)
            ledger.write_counts(session, changes)
        if done is not None:
            self._accepted += accepted
            _log_window(done)
        return claim

    async def _renew(self, done: Done) -> None:
        def renew() -> None:
            now = self._runtime.clock.now()
            with self._runtime.db.transaction() as session:
                ledger.renew(session, done.claim.id, lease=self._lease, now=now)
            done.held_until = now + self._lease

        try:
            await asyncio.to_thread(renew)
        except sa.exc.SQLAlchemyError as error:  # the worst that follows is a window that counts as unknown for a while
            log.warning("A claim was not renewed", extra={"claim": done.claim.id, "error": type(error).__name__})

    async def _keep_house(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self._database(self._close, stop)
            except Exception:  # one edition in a strange state must not end the care for all others
                log.exception("Editions could not be closed")
            await asyncio.sleep(IDLE_S)

    def _close(self) -> None:
        """Give up on dead workers' windows, and close editions of which nothing is left to send."""
        with self._runtime.db.transaction() as session:
            now = self._runtime.clock.now()
            if lost := ledger.expire(session, now=now):
                log.warning("%d deliveries of a worker that is gone are unknown", lost)
            opening.close_finished(session, now=now)

    async def _database(self, step: Callable[[], None], stop: asyncio.Event) -> None:
        """One step that can be left out: on an outage it is tried again only while there is time."""
        wait_s = FIRST_WAIT_S
        while True:
            try:
                return await asyncio.to_thread(step)
            except WrongState:  # another worker did it in the same moment
                return
            except sa.exc.SQLAlchemyError as error:
                if not _is_outage(error):
                    raise
                fields = {"error": type(error).__name__, "wait_s": wait_s}
                log.warning("The database does not answer", extra=fields)
                if stop.is_set():
                    return
            await self._sleep(wait_s)
            wait_s = min(wait_s * 2, LONGEST_WAIT_S)


def _is_outage(error: Exception) -> bool:
    """The database is away, locked or out of connections: worth waiting for."""
    if isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError))


def _stops_everything(result: Result, *, is_edition: bool) -> bool:
    """The account is refused; or the edition itself, which would be refused for every other reader too."""
    if result.outcome is Outcome.ACCEPTED:
        return False
    refuses_mail = result.scope is Scope.BATCH and result.outcome is Outcome.REJECTED
    return result.scope is Scope.ACCOUNT or (refuses_mail and is_edition)


def _settled(done: Done) -> Done:
    """What was certainly not sent because of a refusal goes back: uncounted where the edition pauses, otherwise (a
    letter, or a copy sent again of an edition long sent) after a wait."""
    for delivery_id, result in done.results.items():
        not_sent = result is NotSent.BACK
        if isinstance(result, Result) and result.outcome in (Outcome.DEFERRED, Outcome.REJECTED):
            not_sent = _stops_everything(result, is_edition=done.can_pause)
        if not not_sent or done.pause_because is None:
            continue
        if done.can_pause:
            done.results[delivery_id] = NotSent.BACK
        else:
            detail = result.detail if isinstance(result, Result) else done.pause_because
            code = result.code if isinstance(result, Result) else None
            after = result.retry_after_s if isinstance(result, Result) else None
            done.results[delivery_id] = Result("", Outcome.DEFERRED, code=code, detail=detail, retry_after_s=after)
    return done


def _log_window(done: Done) -> None:
    numbers = Counter(
        result.outcome.value if isinstance(result, Result) else result.value for result in done.results.values()
    )
    first = done.claim.deliveries[0]
    fields = {"claim": done.claim.id, "edition_id": first.edition_id, "kind": first.kind.value, **numbers}
    log.info("Window of %d done", len(done.results), extra=fields)
    if done.pause_because:
        log.error("Sending stopped: %s", done.pause_because, extra={"edition_id": first.edition_id})
