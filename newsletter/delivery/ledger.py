"""The ledger: the only writer of `Delivery.state`, and the reason why nobody gets an edition twice.

    queued ──claim──▶ sending ──▶ accepted ──receipt──▶ delivered | bounced | complained
       ▲                 │  ├───▶ rejected      (permanent for this recipient)
       └──── deferred ◀──┘  └───▶ unknown       (handed over, no answer; or the worker died meanwhile)
    queued/deferred ──▶ skipped (left, suppressed, erased, edition cancelled)

A row is written before anything is sent. A worker claims a window of rows under a claim id, within a batch whose lease
it holds (letters carry a lease of their own); whatever it writes afterwards carries that id, so that a worker which
slept through its lease can never write over a newer claim. What a dead worker held becomes `unknown`, never `queued`:
on doubt nothing is sent twice, unless the list chose one second copy. Every function here is one step of somebody's
transaction and may be repeated. Rows are locked before counts, counts in a fixed order.
"""

import enum
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import compress
from operator import attrgetter
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, select

from newsletter.core.db import insert, number_inserted
from newsletter.core.logs import scrub
from newsletter.delivery import batches, counting, statements
from newsletter.delivery.batches import BatchKey
from newsletter.delivery.counting import Changes
from newsletter.delivery.counting import counts as counts  # the ledger is where people look for them
from newsletter.delivery.models import Delivery, DeliveryKind, DeliveryState, Opening
from newsletter.delivery.retrying import KEEP_TRYING, next_attempt
from newsletter.delivery.statements import DELIVERY, IS_OPEN, IS_SENDING, WAITING
from newsletter.editions.models import Edition, EditionState
from newsletter.providers.base import Outcome, Result
from subscribers import recipients
from subscribers.models import Subscriber

#: Rows of one INSERT.
LETTERS_AT_ONCE = 1_000


class NotSent(enum.StrEnum):
    """What a worker says of a claimed delivery that it never handed to the provider."""

    SKIP = "skip"  # may no longer be mailed
    BACK = "back"  # could not be tried: as if it had never been claimed


@dataclass(frozen=True, slots=True)
class Later:
    """Not handed over, because its turn comes later: as if it had never been claimed, but not before `due_at`."""

    due_at: datetime


class Claimed(NamedTuple):
    """One delivery that a worker holds. A tuple, because a hundred are made for each window."""

    id: int
    kind: DeliveryKind
    edition_id: int | None
    mailing_list_id: int
    subscriber_id: int | None  # None: erased meanwhile
    queued_at: datetime
    batch: int | None = None
    attempts: int = 1
    was_put_off: bool = False  # its turn came later than that of the others


@dataclass(frozen=True, slots=True)
class Claim:
    """A window of deliveries, all of one batch or all letters, held by one worker."""

    id: str
    deliveries: tuple[Claimed, ...]

    def __bool__(self) -> bool:
        return bool(self.deliveries)


class _Ending(NamedTuple):
    """What many rows of a window have in common."""

    state: DeliveryState
    undone: int = 0  # 1: it was no try
    more_doubts: int = 0
    is_answer: bool = True  # of the provider


@dataclass(frozen=True, slots=True)
class Rules:
    """What a mailing list wants when sending does not go smoothly."""

    keep_trying: timedelta = KEEP_TRYING  # how long a provider's "not now" is believed
    resend_once: bool = False  # on doubt, a second copy under the same Message-ID; never a third


@dataclass(frozen=True, slots=True)
class Standing:
    """The edition's state, what is sent of it and to whom, its list and the list's rules, who holds the batch, and when
    that was (the time of a database that several machines share; else None)."""

    state: EditionState
    frozen_sha256: str | None
    special: recipients.Special | None  # None: a regular edition
    mailing_list_id: int
    rules: Rules
    token: str | None
    at: datetime | None


def open_edition(session: Session, edition_id: int, *, now: datetime) -> int:
    """Write one delivery for every confirmed subscriber whom the edition is for, and its batches; the number written.

    Repeatable: an edition that was opened before, or is not `sending`, gets nothing more.
    """
    session.flush()
    edition = session.get(Edition, edition_id, populate_existing=True)  # released by a plain UPDATE, perhaps
    if edition is None or edition.state is not EditionState.SENDING:
        return 0
    first = insert(session, Opening).on_conflict_do_nothing()
    if not number_inserted(session, first.values(edition_id=edition_id, opened_at=now)):
        return 0
    special = recipients.Special(edition.topic_id) if edition.is_special else None
    ids = recipients.confirmed_ids(edition.mailing_list_id, special).subquery()
    subscriber_id = next(iter(ids.c))
    columns = DELIVERY.c
    values: dict[str, Any] = {
        "kind": DeliveryKind.EDITION,
        "edition_id": edition_id,
        "mailing_list_id": edition.mailing_list_id,
        "state": DeliveryState.QUEUED,
        "due_at": now,
        "attempts": 0,
        "doubts": 0,
        "queued_at": now,
    }
    position = sa.func.row_number().over(order_by=subscriber_id) - 1
    rows = sa.select(
        subscriber_id,
        sa.cast(position // batches.SIZE, sa.Integer),
        *(sa.literal(value, columns[name].type) for name, value in values.items()),
    ).order_by(subscriber_id)
    written = number_inserted(
        session, sa.insert(DELIVERY).from_select(["subscriber_id", "batch", *values], rows, include_defaults=False)
    )
    batches.write(session, edition_id, written, now=now)
    session.execute(sa.update(Opening).where(Opening.edition_id == edition_id).values(recipients=written))  # type: ignore[arg-type]
    return written


def queue_letter(
    session: Session, kind: DeliveryKind, *, mailing_list_id: int, subscriber_id: int, now: datetime
) -> Delivery:
    """Write one letter, due at once. A letter of the same kind that still waits is returned instead of a second."""
    # Two presses at the same moment: the second waits here until the first is committed.
    session.exec(select(Subscriber.id).where(Subscriber.id == subscriber_id).with_for_update(key_share=True)).first()
    columns = DELIVERY.c
    waiting = session.exec(
        select(Delivery).where(
            columns.subscriber_id == subscriber_id,
            columns.kind == kind,
            columns.edition_id.is_(None),
            columns.state.in_(WAITING),
        )
    ).first()
    if waiting is not None:
        return waiting
    letter = Delivery(
        kind=kind, mailing_list_id=mailing_list_id, subscriber_id=subscriber_id, due_at=now, queued_at=now
    )
    session.add(letter)
    session.flush()
    return letter


def queue_first_letters(
    session: Session, kind: DeliveryKind, *, mailing_list_id: int, subscriber_ids: Sequence[int], now: datetime
) -> None:
    """Write a letter to each of many subscribers who have just been made, so that none can wait for them yet."""
    shared: dict[str, Any] = {"kind": kind, "mailing_list_id": mailing_list_id, "state": DeliveryState.QUEUED}
    shared |= {"due_at": now, "queued_at": now, "attempts": 0, "doubts": 0}
    for start in range(0, len(subscriber_ids), LETTERS_AT_ONCE):
        some = subscriber_ids[start : start + LETTERS_AT_ONCE]
        session.connection().execute(sa.insert(DELIVERY), [{**shared, "subscriber_id": each} for each in some])


def claim_letters(session: Session, claim_id: str, *, limit: int, lease: timedelta, now: datetime) -> Claim:
    """Take up to `limit` letters that are due. Repeatable with the same id, when the commit was in doubt."""
    columns = DELIVERY.c
    is_mine = sa.and_(columns.claim == claim_id, columns.lease_until >= now)
    held = list(session.connection().execute(_rows(IS_SENDING, columns.edition_id.is_(None), is_mine)))
    if held:
        renew_letters(session, claim_id, lease=lease, now=now)
        return _claim(claim_id, held)
    values = {"claim_id": claim_id, "now": now, "most": limit, "until": now + lease}
    claiming = statements.claim_of_letters(session.get_bind().dialect.name)
    return _claim(claim_id, session.connection().execute(claiming, values))


def renew_letters(session: Session, claim_id: str, *, lease: timedelta, now: datetime) -> bool:
    """Hold claimed letters for longer, while their worker lives and waits for the provider; False when the hold is
    over."""
    table = DELIVERY
    held = (IS_SENDING, table.c.claim == claim_id, table.c.lease_until >= now)
    return session.connection().execute(sa.update(table).where(*held).values(lease_until=now + lease)).rowcount > 0


def held(session: Session, key: BatchKey, claim_id: str) -> Claim:
    """What an earlier call of `claim_window` took under this id, for when its commit was in doubt; perhaps nothing."""
    columns = DELIVERY.c
    in_batch = (columns.edition_id == key.edition_id, columns.batch == key.number)
    return _claim(
        claim_id, session.connection().execute(_rows(IS_OPEN, *in_batch, IS_SENDING, columns.claim == claim_id))
    )


def claim_window(
    session: Session,
    key: BatchKey,
    claim_id: str,
    *,
    mailing_list_id: int,
    limit: int,
    now: datetime,
    changes: Changes,
) -> Claim:
    """Take up to `limit` due deliveries of a batch that the caller holds; empty when none is due. The counts are left
    to the caller (`batches.keep`)."""
    rows = _claim_due(session, {**_values(key), "claim_id": claim_id, "now": now, "most": limit})
    first = sum(attempts == 1 for *_, attempts, _was_put_off in rows)
    # A delivery that was never tried is `queued`, any other that waits is `deferred` (see `_outcome`).
    for before, number in ((DeliveryState.QUEUED, first), (DeliveryState.DEFERRED, len(rows) - first)):
        counting.move(changes, key.edition_id, key.number, before, DeliveryState.SENDING, number)
    claimed = [
        Claimed(
            delivery_id, DeliveryKind.EDITION, key.edition_id, mailing_list_id, subscriber_id, queued_at, key.number,
            attempts, bool(was_put_off),
        )
        for delivery_id, subscriber_id, queued_at, attempts, was_put_off in rows
    ]  # fmt: skip
    claimed.sort(key=_by_id)  # PostgreSQL returns changed rows in no particular order
    return Claim(claim_id, tuple(claimed))


def _claim_due(session: Session, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
    """Id, subscriber, moment of queueing, attempts and whether it was put off, of each that is `sending` now."""
    connection = session.connection()
    if connection.dialect.name != "sqlite":
        return connection.execute(statements.claim_of_batch(), values).all()
    rows = statements.due_of_batch().rows(session, values)
    if rows:
        connection.execute(statements.claim_of_these(), {**values, "ids": [row[0] for row in rows]})
    return rows


def next_due(session: Session, key: BatchKey) -> datetime | None:
    """When the next open delivery of a batch is due; None: nothing in it is open."""
    found: datetime | None = session.connection().execute(statements.next_due(), _values(key)).scalar()
    return found


def standing(session: Session, key: BatchKey) -> Standing:
    """How things stand for the holder of a batch, in one look."""
    dialect = session.get_bind().dialect.name
    found = session.connection().execute(statements.standing(dialect), _values(key)).one()
    rules = Rules(timedelta(hours=found.keep_trying_hours), found.resend_once)
    special = recipients.Special(found.topic_id) if found.is_special else None
    return Standing(found.state, found.frozen_sha256, special, found.mailing_list_id, rules, found.token, found.at)


def record(
    session: Session,
    claim: Claim,
    results: Mapping[int, Result | NotSent | Later],
    *,
    now: datetime,
    provider: str = "",
    rules: Rules | None = None,
    changes: Changes | None = None,
) -> int:
    """Write down what became of claimed deliveries, by delivery id; the number written.

    Only rows that this claim still holds are touched; rows whose lease ran out meanwhile (`unknown`) take the truth
    that arrives late, unless somebody claimed them again. Repeatable: a second call writes nothing. With `changes`,
    the counts are left to the caller.
    """
    rules, dialect = rules or Rules(), session.get_bind().dialect.name
    doubted = _doubted(session, results) if rules.resend_once else frozenset()
    alike: defaultdict[_Ending, list[list[Any]]] = defaultdict(list)
    for delivery in claim.deliveries:
        if (result := results.get(delivery.id)) is not None:
            ending, row = _ending(delivery, result, rules, dialect, now, was_doubted=delivery.id in doubted)
            alike[ending].append(row)
    noted, number = changes if changes is not None else Changes(), 0
    for ending, rows in alike.items():
        number += _write(session, claim, ending, rows, noted, provider=provider, now=now)
    if changes is None:
        counting.add(session, noted)
    return number


def _write(
    session: Session,
    claim: Claim,
    ending: _Ending,
    rows: list[list[Any]],
    noted: Changes,
    *,
    provider: str,
    now: datetime,
) -> int:
    """Write the rows of a claim that ended alike; how many it was."""
    first, dialect, number = claim.deliveries[0], session.get_bind().dialect.name, 0
    values = {
        "state": ending.state,
        "undone": ending.undone,
        "more_doubts": ending.more_doubts,
        "finished_at": None if ending.state in WAITING else now,
        "provider": provider[:40] or None if ending.is_answer else None,
        "claim_id": claim.id,
    }
    given = {**values, "rows": json.dumps(rows), "ids": [row[0] for row in rows]}
    told = (any(column) for column in list(zip(*rows, strict=True))[1:])  # what is told says something: nothing is ""
    write = statements.outcomes(dialect, tuple(compress(statements.OUTCOME, told)))
    for was in (DeliveryState.SENDING, DeliveryState.UNKNOWN):
        written = session.connection().execute(write, {**given, "was": was}).rowcount
        counting.move(noted, first.edition_id, first.batch, was, ending.state, written)
        number += written
        if written and was is DeliveryState.UNKNOWN and ending.state in WAITING and first.edition_id is not None:
            # A worker that slept knows that it never handed these over. Their batch may be done by now, and the
            # edition sent: somebody has to send them all the same.
            batches.reopen(session, {BatchKey(first.edition_id, first.batch or 0)}, now=now)
        if number == len(rows):  # else a few were given up on meanwhile
            break
    return number


def _doubted(session: Session, ids: Collection[int]) -> frozenset[int]:
    """Those of which nobody knew before what became of them."""
    columns = DELIVERY.c
    found = sa.select(columns.id).where(columns.id.in_(sorted(ids)), columns.doubts > 0)
    return frozenset(session.connection().execute(found).scalars())


def expire_letters(session: Session, *, now: datetime) -> int:
    """Letters whose worker is gone (their lease ran out) become `unknown`; how many."""
    columns = DELIVERY.c
    rows = session.connection().execute(_rows(IS_SENDING, columns.lease_until < now).with_for_update(skip_locked=True))
    return _finish(session, list(rows), DeliveryState.UNKNOWN, now, detail=WORKER_GONE)


def park(session: Session, key: BatchKey, *, now: datetime, rules: Rules) -> int:
    """What a dead worker held of a batch becomes `unknown` (or, where the list chose so, is sent once more); how many.

    The claim stays in the row, so that a worker that was only asleep can still write down what it knows.
    """
    columns = DELIVERY.c
    held = session.connection().execute(
        _rows(IS_OPEN, columns.edition_id == key.edition_id, columns.batch == key.number, IS_SENDING).with_for_update()
    )
    again: list[Any] = []
    given_up: list[Any] = []
    for row in held:
        (again if rules.resend_once and row.doubts == 0 else given_up).append(row)
    _finish(session, given_up, DeliveryState.UNKNOWN, now, detail=WORKER_GONE)
    if again:
        values = {"state": DeliveryState.DEFERRED, "claim": None, "due_at": now, "detail": WORKER_GONE}
        _update(session, [row.id for row in again], {**values, "doubts": 1})
        _count(session, again, DeliveryState.DEFERRED)
    return len(again) + len(given_up)


def skip_for(session: Session, subscriber_id: int, *, now: datetime) -> int:
    """Nothing that still waits for this subscriber is sent, except what says that it is over; how many were stopped."""
    return skip_for_all(session, [subscriber_id], now=now)


def skip_for_all(session: Session, subscriber_ids: Collection[int], *, now: datetime) -> int:
    """`skip_for`, for several subscribers at once."""
    columns = DELIVERY.c
    rows = session.connection().execute(
        _rows(
            columns.subscriber_id.in_(sorted(subscriber_ids)),
            columns.state.in_(WAITING),
            columns.kind.not_in((DeliveryKind.GOODBYE, DeliveryKind.ADDRESS_CHANGED)),
        )
        .order_by(columns.id)
        .with_for_update()
    )
    return _finish(session, list(rows), DeliveryState.SKIPPED, now)


def skip_edition(session: Session, edition_id: int, *, now: datetime) -> int:
    """No copy of this edition that still waits is sent (it was cancelled); how many were stopped. Repeatable."""
    table = DELIVERY
    waiting = (IS_OPEN, table.c.edition_id == edition_id, table.c.state.in_(WAITING))
    stop = sa.update(table).where(*waiting).values(state=DeliveryState.SKIPPED, finished_at=now)
    was_queued = table.c.attempts == 0
    if session.get_bind().dialect.name == "sqlite":  # a writer is alone, so that counting first is counting the same
        numbers = (
            session.connection()
            .execute(
                sa.select(table.c.batch, was_queued, sa.func.count())
                .where(*waiting)
                .group_by(table.c.batch, was_queued)
            )
            .all()
        )
        session.connection().execute(stop)
    else:
        stopped = stop.returning(table.c.batch, was_queued.label("was_queued")).cte()
        columns = stopped.c
        numbers = (
            session.connection()
            .execute(
                sa.select(columns.batch, columns.was_queued, sa.func.count()).group_by(
                    columns.batch, columns.was_queued
                )
            )
            .all()
        )
    changes = Changes()
    for batch, queued, number in numbers:
        old = DeliveryState.QUEUED if queued else DeliveryState.DEFERRED
        counting.move(changes, edition_id, batch, old, DeliveryState.SKIPPED, number)
    counting.add(session, changes)
    batches.close_cancelled(session, edition_id)
    return sum(number for _, _, number in numbers)


def decide_unknown(session: Session, edition_id: int, *, send_again: bool, now: datetime) -> int:
    """A person's decision about an edition's unknown deliveries; how many it is about.

    `send_again` queues them once more, under the same Message-ID; otherwise they stay as they are.
    """
    columns = DELIVERY.c
    rows = list(
        session.connection().execute(
            _rows(
                columns.edition_id == edition_id,
                columns.state == DeliveryState.UNKNOWN,
                columns.subscriber_id.is_not(None),
            )
            .order_by(columns.id)
            .with_for_update()
        )
    )
    if send_again:
        values = {"state": DeliveryState.QUEUED, "claim": None, "lease_until": None, "finished_at": None}
        _update(session, [row.id for row in rows], {**values, "due_at": now, "queued_at": now, "attempts": 0})
        _count(session, rows, DeliveryState.QUEUED)
        batches.reopen(session, {BatchKey(edition_id, row.batch) for row in rows}, now=now)
    return len(rows)


def apply_receipt(
    session: Session,
    delivery_id: int,
    state: DeliveryState,
    *,
    code: str | None = None,
    detail: str | None = None,
    now: datetime,
) -> bool:
    """What came back about a delivery: `delivered`, `bounced` or `complained`; False when that changes nothing.

    A receipt can be faster than the worker that is still waiting to write its window down (`sending`): then it is the
    receipt that counts. Repeatable.
    """
    found = session.connection().execute(_rows(DELIVERY.c.id == delivery_id).with_for_update()).all()
    rows = [row for row in found if row.state in _AFTER_WHICH[state]]
    values: dict[str, Any] = {"state": state, "lease_until": None}
    values["finished_at"] = sa.func.coalesce(DELIVERY.c.finished_at, now)
    values |= {name: scrub(said)[:most] for name, said, most in (("code", code, 60), ("detail", detail, 500)) if said}
    _update(session, [row.id for row in rows], values)
    _count(session, rows, state)
    return bool(rows)


#: After which states a receipt still tells something new. Who complained has certainly got it; what came back was not
#: delivered, whatever is said later.
_HANDED_OVER = (DeliveryState.SENDING, DeliveryState.ACCEPTED, DeliveryState.UNKNOWN)
_AFTER_WHICH: Mapping[DeliveryState, tuple[DeliveryState, ...]] = {
    DeliveryState.DELIVERED: _HANDED_OVER,
    DeliveryState.BOUNCED: (*_HANDED_OVER, DeliveryState.DELIVERED),
    DeliveryState.COMPLAINED: (*_HANDED_OVER, DeliveryState.DELIVERED, DeliveryState.BOUNCED),
}

#: What is written of a delivery that was in a dead worker's hands.
WORKER_GONE = "The sending process stopped before the answer."


def _rows(*where: Any) -> sa.Select[Any]:
    return sa.select(*statements.row()).where(*where)


def _values(key: BatchKey) -> dict[str, int]:
    return {"edition": key.edition_id, "number": key.number}


def _claim(claim_id: str, rows: Iterable[Any]) -> Claim:
    return Claim(claim_id, tuple(sorted((Claimed(*row[:8]) for row in rows), key=_by_id)))


_by_id = attrgetter("id")


#: SQLite and PostgreSQL both limit how many values one statement may carry.
_CHUNK = 1000


def _update(session: Session, ids: list[int], values: dict[str, Any]) -> None:
    table = DELIVERY
    for start in range(0, len(ids), _CHUNK):
        session.exec(sa.update(table).where(table.c.id.in_(ids[start : start + _CHUNK])).values(**values))


def _finish(session: Session, rows: list[Any], state: DeliveryState, now: datetime, detail: str | None = None) -> int:
    values: dict[str, Any] = {"state": state, "finished_at": now, "lease_until": None}
    if detail is not None:
        values["detail"] = detail
    _update(session, [row.id for row in rows], values)
    _count(session, rows, state)
    return len(rows)


def _count(session: Session, rows: list[Any], new: DeliveryState) -> None:
    changes = Changes()
    for row in rows:
        counting.move(changes, row.edition_id, row.batch, row.state, new)
    counting.add(session, changes)


def _ending(
    delivery: Claimed, result: Result | NotSent | Later, rules: Rules, dialect: str, now: datetime, *, was_doubted: bool
) -> tuple[_Ending, list[Any]]:
    """How one row ends, and what `statements.outcomes` is told of it. A delivery is `queued` as long as `attempts` is
    0, and `deferred` after."""
    if not isinstance(result, Result):
        if result is NotSent.SKIP:
            return _Ending(DeliveryState.SKIPPED, is_answer=False), [delivery.id, None, None, None, None]
        before = DeliveryState.QUEUED if delivery.attempts <= 1 else DeliveryState.DEFERRED
        due = statements.moment(dialect, result.due_at) if isinstance(result, Later) else None
        return _Ending(before, undone=1, is_answer=False), [delivery.id, due, None, None, None]
    due_at, ending = None, _Ending(DeliveryState.ACCEPTED)
    if result.outcome is Outcome.UNKNOWN and rules.resend_once and not was_doubted and delivery.edition_id:
        due_at, ending = now, _Ending(DeliveryState.DEFERRED, more_doubts=1)
    elif result.outcome is Outcome.DEFERRED and (due_at := _next_attempt(delivery, result, rules, now)):
        ending = _Ending(DeliveryState.DEFERRED)
    elif result.outcome is not Outcome.ACCEPTED:
        is_unknown = result.outcome is Outcome.UNKNOWN
        ending = _Ending(DeliveryState.UNKNOWN if is_unknown else DeliveryState.REJECTED)
    return ending, [
        delivery.id,
        None if due_at is None else statements.moment(dialect, due_at),
        result.provider_id[:200] if result.provider_id else None,
        scrub(result.code)[:60] if result.code else None,
        scrub(result.detail)[:500] if result.detail else None,
    ]


def _next_attempt(delivery: Claimed, result: Result, rules: Rules, now: datetime) -> datetime | None:
    return next_attempt(
        attempts=delivery.attempts,
        queued_at=delivery.queued_at,
        is_letter=delivery.edition_id is None,
        retry_after_s=result.retry_after_s,
        now=now,
        keep_trying=rules.keep_trying,
    )
