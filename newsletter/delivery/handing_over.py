"""Hands one window to the provider while nothing is locked and no session is open, and says what became of each copy.

Nothing here raises for what happens at the provider: whatever is known is an outcome, and what nobody can know is one
too. The window is held while the provider takes its time, and nothing is handed over once the hold has run out.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from newsletter.core.clock import Clock
from newsletter.core.logs import scrub
from newsletter.delivery.copies import Prepared
from newsletter.delivery.ledger import Claim, Later, NotSent
from newsletter.providers.base import MailProvider, Message, Outcome, Recipient, Result, Scope

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Held:
    """For how long a window is ours, by this machine's clock, and how to hold it for longer."""

    until: datetime
    renew: Callable[[], Awaitable[datetime | None]]  # the new end; None: it could not be renewed


@dataclass(slots=True)
class Done:
    """The outcome of one window, on its way into the ledger."""

    claim: Claim
    results: dict[int, Result | NotSent | Later]
    pause_because: str | None = None
    can_pause: bool = False  # the window belongs to an edition that is `sending`
    put_aside_s: float = 0  # how long its batch had better wait
    took_s: float = 0
    began_s: float = field(default_factory=time.monotonic)

    @property
    def accepted(self) -> int:
        return sum(isinstance(each, Result) and each.outcome is Outcome.ACCEPTED for each in self.results.values())


async def hand_over(
    provider: MailProvider,
    claim: Claim,
    prepared: Prepared,
    held: Held,
    *,
    clock: Clock,
    lease: timedelta,
    later: Mapping[int, datetime],
) -> Done:
    """Everything that is prepared, but for the copies that `later` gives another moment; all of it has an outcome."""
    done = Done(claim, {**prepared.results}, prepared.pause_because, prepared.can_pause)
    done.results |= {delivery_id: Later(due_at) for delivery_id, due_at in later.items()}
    size, refused = max(provider.capabilities.max_batch, 1), False
    for batch in prepared.batches:
        copies = [each for each in batch.copies.items() if each[0] not in later]
        for start in range(0, len(copies), size):
            part = dict(copies[start : start + size])
            if refused or clock.now() >= held.until:  # never after the lease
                done.results |= dict.fromkeys(part, NotSent.BACK)
                continue
            results = await _call(provider, batch.message, list(part.values()), held, lease)
            done.results |= dict(zip(part, results, strict=True))
            for result in results:
                if result.outcome is not Outcome.ACCEPTED and _stops_everything(result, is_edition=done.can_pause):
                    refused = True
                    done.pause_because = done.pause_because or _why(provider, result)
    done.took_s = time.monotonic() - done.began_s
    return _settled(done) if done.pause_because is not None else done


async def _call(
    provider: MailProvider, message: Message, recipients: Sequence[Recipient], held: Held, lease: timedelta
) -> list[Result]:
    """Call the provider, holding the window while it takes its time. A provider that breaks its word by raising leaves
    doubt about every recipient of the call."""
    sending = asyncio.create_task(provider.send(message, recipients))
    try:
        while not (await asyncio.wait({sending}, timeout=lease.total_seconds() / 3))[0]:
            held.until = await held.renew() or held.until
        results = sending.result()
    except Exception as error:
        log.exception("The mail provider raised", extra={"provider": provider.name})
        return _in_doubt(recipients, f"The provider failed: {type(error).__name__}")
    except asyncio.CancelledError:
        sending.cancel()
        raise
    if [result.key for result in results] != [recipient.key for recipient in recipients]:
        return _in_doubt(recipients, "The provider's answers do not match the recipients.")
    return results


def _in_doubt(recipients: Sequence[Recipient], why: str) -> list[Result]:
    return [Result(recipient.key, Outcome.UNKNOWN, detail=why, scope=Scope.ACCOUNT) for recipient in recipients]


def _why(provider: MailProvider, result: Result) -> str:
    said = " ".join(part for part in (result.code, scrub(result.detail or "")) if part) or "no reason given"
    return f"Sending stopped because of what {provider.name} said: {said[:200]}. Put that right, then resume."


def _stops_everything(result: Result, *, is_edition: bool) -> bool:
    """The account is refused; or the edition itself, which would be refused for every other reader too."""
    refuses_mail = result.scope is Scope.BATCH and result.outcome is Outcome.REJECTED
    return result.scope is Scope.ACCOUNT or (refuses_mail and is_edition)


def _settled(done: Done) -> Done:
    """What was certainly not sent because of a refusal goes back: uncounted where the edition pauses, otherwise (a
    letter, or a copy sent again of an edition long sent) after a wait."""
    for delivery_id, result in done.results.items():
        not_sent = result is NotSent.BACK
        if isinstance(result, Result) and result.outcome in (Outcome.DEFERRED, Outcome.REJECTED):
            not_sent = _stops_everything(result, is_edition=done.can_pause)
        if not not_sent:
            continue
        if done.can_pause:
            done.results[delivery_id] = NotSent.BACK
        else:
            detail = result.detail if isinstance(result, Result) else done.pause_because
            code = result.code if isinstance(result, Result) else None
            after = result.retry_after_s if isinstance(result, Result) else None
            done.results[delivery_id] = Result("", Outcome.DEFERRED, code=code, detail=detail, retry_after_s=after)
    return done


def numbers(done: Done) -> Counter[str]:
    """How many copies of a window ended in which way."""
    return Counter(
        "later" if isinstance(each, Later) else each.value if isinstance(each, NotSent) else each.outcome.value
        for each in done.results.values()
    )
