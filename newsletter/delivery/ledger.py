"""The ledger: the only writer of `Delivery.state`, and the reason why nobody gets an edition twice.

    queued ──claim──▶ sending ──▶ accepted ──receipt──▶ delivered | bounced | complained
       ▲                 │  ├───▶ rejected      (permanent for this recipient)
       └──── deferred ◀──┘  └───▶ unknown       (handed over, no answer; or the worker died meanwhile)
    queued/deferred ──▶ skipped (left, suppressed, erased, edition cancelled)

A row is written before anything is sent. A worker claims a window of rows under a claim id and a lease; whatever it
writes afterwards carries that id, so that a worker which slept through its lease can never write over a newer claim.
A lease that runs out makes its rows `unknown`, never `queued`: on doubt nothing is sent twice. Every function here is
one step of somebody's transaction and may be repeated. Rows are locked before counts, counts in a fixed order.
"""

import enum
import itertools
import secrets
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core.db import insert
from newsletter.core.logs import scrub
from newsletter.delivery import counting
from newsletter.delivery.counting import OPEN_STATES, Changes
from newsletter.delivery.counting import counts as counts  # the ledger is where people look for them
from newsletter.delivery.models import Delivery, DeliveryCount, DeliveryKind, DeliveryState
from newsletter.delivery.retrying import next_attempt
from newsletter.editions.models import Edition, EditionState
from newsletter.providers.base import Outcome, Result
from subscribers import recipients
from subscribers.models import Subscriber

#: Written out, because the partial indexes are used only when the query says literally what they say.
_OPEN = sa.text("delivery.state IN ('queued', 'sending', 'deferred')")
_SENDING = sa.text("delivery.state = 'sending'")
_WAITING = (DeliveryState.QUEUED, DeliveryState.DEFERRED)

_OUTCOMES = {
    Outcome.ACCEPTED: DeliveryState.ACCEPTED,
    Outcome.REJECTED: DeliveryState.REJECTED,
    Outcome.UNKNOWN: DeliveryState.UNKNOWN,
}


class NotSent(enum.StrEnum):
    """What a worker says of a claimed delivery that it never handed to the provider."""

    SKIP = "skip"  # may no longer be mailed
    BACK = "back"  # could not be tried: as if it had never been claimed


@dataclass(frozen=True, slots=True)
class Claimed:
    """One delivery that a worker holds."""

    id: int
    kind: DeliveryKind
    edition_id: int | None
    mailing_list_id: int
    subscriber_id: int | None  # None: erased meanwhile
    queued_at: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """A window of deliveries, all of one edition or all letters, held by one worker until the lease ends."""

    id: str
    lease_until: datetime
    deliveries: tuple[Claimed, ...]

    def __bool__(self) -> bool:
        return bool(self.deliveries)


def _table() -> sa.Table:
    return cast(sa.Table, sa.inspect(Delivery).local_table)


def open_edition(session: Session, edition_id: int, *, now: datetime) -> int:
    """Write one delivery for every confirmed subscriber of the edition's list; the number written.

    Repeatable: an edition that was opened before, or is not `sending`, gets nothing more.
    """
    session.flush()
    edition = session.get(Edition, edition_id, populate_existing=True)  # released by a plain UPDATE, perhaps
    if edition is None or edition.state is not EditionState.SENDING or not counting.start(session, edition_id):
        return 0
    ids = recipients.confirmed_ids(edition.mailing_list_id).subquery()
    subscriber_id = next(iter(ids.c))
    columns = _table().c
    values: dict[str, Any] = {
        "kind": DeliveryKind.EDITION,
        "edition_id": edition_id,
        "mailing_list_id": edition.mailing_list_id,
        "state": DeliveryState.QUEUED,
        "due_at": now,
        "attempts": 0,
        "queued_at": now,
    }
    rows = (
        sa.select(subscriber_id, *(sa.literal(value, columns[name].type) for name, value in values.items()))
        .where(sa.true())  # without a WHERE, SQLite takes ON CONFLICT for a join
        .order_by(subscriber_id)
    )
    statement = insert(session, Delivery).from_select(["subscriber_id", *values], rows)
    written = counting.number_inserted(session, statement.on_conflict_do_nothing())
    counting.add(session, Changes({(edition_id, DeliveryState.QUEUED): written}))
    return written


def queue_letter(
    session: Session, kind: DeliveryKind, *, mailing_list_id: int, subscriber_id: int, now: datetime
) -> Delivery:
    """Write one letter, due at once. A letter of the same kind that still waits is returned instead of a second."""
    # Two presses at the same moment: the second waits here until the first is committed.
    session.exec(
        select(Subscriber.id).where(col(Subscriber.id) == subscriber_id).with_for_update(key_share=True)
    ).first()
    waiting = session.exec(
        select(Delivery).where(
            Delivery.subscriber_id == subscriber_id,
            Delivery.kind == kind,
            col(Delivery.edition_id).is_(None),
            col(Delivery.state).in_(_WAITING),
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


def claim(
    session: Session,
    *,
    limit: int,
    lease: timedelta,
    now: datetime,
    claim_id: str | None = None,
    changes: Changes | None = None,
) -> Claim:
    """Take up to `limit` due deliveries: letters first, then one edition that is being sent. Empty: nothing is due.

    With the `claim_id` of a claim whose commit may or may not have succeeded, what it holds is returned again. With
    `changes`, the counts are left to the caller (see `write_counts`).
    """
    if claim_id is not None:
        held = _select_sending(session, _table().c.lease_until >= now, _table().c.claim == claim_id)
        if held:
            renew(session, claim_id, lease=lease, now=now)
            return _taken(claim_id, now + lease, held)
    claim_id = claim_id or secrets.token_hex(16)
    rows = _due(session, _table().c.edition_id.is_(None), limit, now)
    if not rows:
        for edition_id in itertools.chain(_being_sent(session), _sent_again(session)):
            if rows := _due(session, _table().c.edition_id == edition_id, limit, now):
                break
    if rows:
        held_values = {"state": DeliveryState.SENDING, "claim": claim_id, "lease_until": now + lease}
        _update(session, [row.id for row in rows], {**held_values, "attempts": _table().c.attempts + 1})
        moved = changes if changes is not None else Changes()
        for row in rows:
            counting.move(moved, row.edition_id, row.state, DeliveryState.SENDING)
        if changes is None:
            counting.add(session, moved)
    return _taken(claim_id, now + lease, rows)


def renew(session: Session, claim_id: str, *, lease: timedelta, now: datetime) -> None:
    """Hold a claim for longer, while its worker lives and waits for the provider."""
    table = _table()
    held = (_SENDING, table.c.claim == claim_id, table.c.lease_until >= now)
    session.exec(sa.update(table).where(*held).values(lease_until=now + lease))


def write_counts(session: Session, changes: Changes) -> None:
    """Write the collected changes of several calls down at once: a transaction that wrote the counts of one edition and
    then of another could meet a second one doing so the other way round, each waiting for the other."""
    counting.add(session, changes)


def record(
    session: Session,
    claim_id: str,
    results: Mapping[int, Result | NotSent],
    *,
    now: datetime,
    provider: str = "",
    changes: Changes | None = None,
) -> int:
    """Write down what became of claimed deliveries, by delivery id; the number written.

    Only rows that this claim still holds are touched; rows whose lease ran out meanwhile (`unknown`) take the truth
    that arrives late, unless somebody claimed them again. Repeatable: a second call writes nothing. With `changes`,
    the counts are left to the caller.
    """
    table = _table()
    rows = _select(
        session,
        table.c.id.in_(sorted(results)),
        table.c.claim == claim_id,
        table.c.state.in_((DeliveryState.SENDING, DeliveryState.UNKNOWN)),
        lock=True,
    )
    moved = changes if changes is not None else Changes()
    alike: defaultdict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        values = _written(row, results[row.id], provider=provider, now=now)
        alike[tuple(values)].append({**values, "row_id": row.id})
        counting.move(moved, row.edition_id, row.state, values["state"])
    one = sa.update(table).where(table.c.id == sa.bindparam("row_id"))
    for names, each in alike.items():
        session.connection().execute(one.values({name: sa.bindparam(name) for name in names}), each)
    if changes is None:
        counting.add(session, moved)
    return len(rows)


def expire(session: Session, *, now: datetime) -> int:
    """Deliveries whose worker is gone (their lease ran out) become `unknown`; how many."""
    rows = _select_sending(session, _table().c.lease_until < now, lock=True)
    return _finish(session, rows, DeliveryState.UNKNOWN, now, detail="The sending process stopped before the answer.")


def skip_for(session: Session, subscriber_id: int, *, now: datetime) -> int:
    """Nothing that still waits for this subscriber is sent, except a goodbye; how many were stopped."""
    return skip_for_all(session, [subscriber_id], now=now)


def skip_for_all(session: Session, subscriber_ids: Collection[int], *, now: datetime) -> int:
    """`skip_for`, for several subscribers at once."""
    columns = _table().c
    rows = _select(
        session,
        columns.subscriber_id.in_(sorted(subscriber_ids)),
        columns.state.in_(_WAITING),
        columns.kind != DeliveryKind.GOODBYE,
        lock=True,
    )
    return _finish(session, rows, DeliveryState.SKIPPED, now)


def skip_edition(session: Session, edition_id: int, *, now: datetime) -> int:
    """No copy of this edition that still waits is sent (it was cancelled); how many were stopped. Repeatable."""
    table, changes = _table(), Changes()
    for state in _WAITING:
        waiting = sa.update(table).where(_OPEN, table.c.edition_id == edition_id, table.c.state == state)
        number = session.exec(waiting.values(state=DeliveryState.SKIPPED, finished_at=now)).rowcount
        counting.move(changes, edition_id, state, DeliveryState.SKIPPED, number)
    counting.add(session, changes)
    return changes[edition_id, DeliveryState.SKIPPED]


def decide_unknown(session: Session, edition_id: int, *, send_again: bool, now: datetime) -> int:
    """A person's decision about an edition's unknown deliveries; how many it is about.

    `send_again` queues them once more, under the same Message-ID; otherwise they stay as they are.
    """
    columns = _table().c
    rows = _select(
        session,
        columns.edition_id == edition_id,
        columns.state == DeliveryState.UNKNOWN,
        columns.subscriber_id.is_not(None),
        lock=True,
    )
    if send_again:
        values = {"state": DeliveryState.QUEUED, "claim": None, "lease_until": None, "finished_at": None}
        _update(session, [row.id for row in rows], {**values, "due_at": now, "queued_at": now, "attempts": 0})
        changes = Changes()
        counting.move(changes, edition_id, DeliveryState.UNKNOWN, DeliveryState.QUEUED, len(rows))
        counting.add(session, changes)
    return len(rows)


def open_counts(session: Session, edition_state: EditionState) -> dict[int, int]:
    """For every opened edition in this state, how many of its deliveries are queued, being sent or deferred."""
    is_open = col(DeliveryCount.state).in_(OPEN_STATES)
    statement = (
        select(DeliveryCount.edition_id, sa.func.sum(sa.case((is_open, DeliveryCount.count), else_=0)))
        .join(Edition, col(Edition.id) == DeliveryCount.edition_id)
        .where(Edition.state == edition_state)
        .group_by(col(DeliveryCount.edition_id))
    )
    return {edition_id: int(number) for edition_id, number in session.exec(statement).all()}


def _being_sent(session: Session) -> Iterator[int]:
    """Editions being sent, oldest first."""
    statement = select(Edition.id).where(Edition.state == EditionState.SENDING).order_by(col(Edition.id))
    yield from (edition_id for edition_id in session.exec(statement).all() if edition_id is not None)


def _sent_again(session: Session) -> Iterator[int]:
    """Editions that are sent, but of which a person asked to send unknown copies once more."""
    waiting = sa.and_(col(DeliveryCount.state).in_(_WAITING), col(DeliveryCount.count) > 0)
    statement = (
        select(Edition.id)
        .join(DeliveryCount, col(DeliveryCount.edition_id) == col(Edition.id))
        .where(Edition.state == EditionState.SENT, waiting)
        .distinct()
    )
    yield from (edition_id for edition_id in session.exec(statement).all() if edition_id is not None)


def _due(session: Session, whose: sa.ColumnElement[bool], limit: int, now: datetime) -> list[Any]:
    columns = _table().c
    return _select(
        session, _OPEN, whose, columns.state.in_(_WAITING), columns.due_at <= now,
        lock=True, skip_locked=True, limit=limit,
    )  # fmt: skip


def _select(
    session: Session, *where: Any, lock: bool = False, skip_locked: bool = False, limit: int | None = None
) -> list[Any]:
    columns = _table().c
    order = (columns.due_at, columns.id) if limit is not None else (columns.id,)
    statement = _rows(*where).order_by(*order).limit(limit)
    if lock:  # rendered on PostgreSQL alone: on SQLite a writer is alone anyway
        statement = statement.with_for_update(skip_locked=skip_locked)
    return list(session.connection().execute(statement))


def _select_sending(session: Session, *where: Any, lock: bool = False) -> list[Any]:
    """Rows in workers' hands. In the order of the small index on leases: ordered by id, SQLite would rather walk
    through the whole table."""
    statement = _rows(_SENDING, *where).order_by(_table().c.lease_until)
    if lock:
        statement = statement.with_for_update(skip_locked=True)
    return list(session.connection().execute(statement))


def _rows(*where: Any) -> sa.Select[Any]:
    columns = _table().c
    return sa.select(
        columns.id, columns.kind, columns.edition_id, columns.mailing_list_id, columns.subscriber_id,
        columns.queued_at, columns.state, columns.attempts,
    ).where(*where)  # fmt: skip


#: SQLite and PostgreSQL both limit how many values one statement may carry.
_CHUNK = 1000


def _update(session: Session, ids: list[int], values: dict[str, Any]) -> None:
    table = _table()
    for start in range(0, len(ids), _CHUNK):
        session.exec(sa.update(table).where(table.c.id.in_(ids[start : start + _CHUNK])).values(**values))


def _finish(session: Session, rows: list[Any], state: DeliveryState, now: datetime, detail: str | None = None) -> int:
    values: dict[str, Any] = {"state": state, "finished_at": now, "lease_until": None}
    if detail is not None:
        values["detail"] = detail
    _update(session, [row.id for row in rows], values)
    changes = Changes()
    for row in rows:
        counting.move(changes, row.edition_id, row.state, state)
    counting.add(session, changes)
    return len(rows)


def _taken(claim_id: str, lease_until: datetime, rows: list[Any]) -> Claim:
    deliveries = (
        Claimed(row.id, row.kind, row.edition_id, row.mailing_list_id, row.subscriber_id, row.queued_at) for row in rows
    )
    return Claim(claim_id, lease_until, tuple(deliveries))


def _written(row: Any, result: Result | NotSent, *, provider: str, now: datetime) -> dict[str, Any]:
    """The values of one row after its outcome."""
    values: dict[str, Any] = {"claim": None, "lease_until": None}
    if result is NotSent.SKIP:
        return {**values, "state": DeliveryState.SKIPPED, "finished_at": now}
    if result is NotSent.BACK:
        before = DeliveryState.QUEUED if row.attempts <= 1 else DeliveryState.DEFERRED
        return {**values, "state": before, "attempts": max(row.attempts - 1, 0), "finished_at": None}
    values |= {
        "provider": provider[:40] or None,
        "provider_id": result.provider_id[:200] if result.provider_id else None,
        "code": scrub(result.code)[:60] if result.code else None,
        "detail": scrub(result.detail)[:500] if result.detail else None,
    }
    if result.outcome is not Outcome.DEFERRED:
        return {**values, "state": _OUTCOMES[result.outcome], "finished_at": now}
    due = next_attempt(
        attempts=row.attempts,
        queued_at=row.queued_at,
        is_letter=row.edition_id is None,
        retry_after_s=result.retry_after_s,
        now=now,
    )
    if due is None:
        return {**values, "state": DeliveryState.REJECTED, "finished_at": now}
    return {**values, "state": DeliveryState.DEFERRED, "due_at": due, "finished_at": None}
