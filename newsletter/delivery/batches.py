"""Batches of an edition: which are due, who holds one, and for how long.

A batch is the unit that workers share out: one worker at a time holds its lease, under a token. Every write of the
holder carries the token, so that a worker which slept through its lease notices that somebody else took over. Nothing
here touches a delivery; `newsletter.delivery.ledger` does.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.delivery import statements
from newsletter.delivery.counting import Changes
from newsletter.delivery.models import BatchState, DeliveryState
from newsletter.delivery.statements import BATCH, BATCH_IS_OPEN
from newsletter.editions.models import Edition, EditionState

#: Deliveries in one batch: enough that sharing it out costs nothing, few enough that several workers finish together.
SIZE = 500

#: An edition that is sent may still have copies that a person asked to send again.
_SENT_FROM = (EditionState.SENDING, EditionState.SENT)


@dataclass(frozen=True, slots=True, order=True)
class BatchKey:
    """Which batch: all that is ever put into a queue about it."""

    edition_id: int
    number: int


@dataclass(frozen=True, slots=True)
class Hold:
    """A batch in one worker's hands."""

    key: BatchKey
    token: str


def write(session: Session, edition_id: int, deliveries: int, *, now: datetime) -> None:
    """The batches of an edition that has just got so many deliveries, numbered from 0 in their order."""
    rows = [
        {
            "edition_id": edition_id,
            "number": number,
            "due_at": now,
            "state": BatchState.OPEN,
            "pace_per_s": 0,
            **dict.fromkeys([state.value for state in DeliveryState], 0),
            "queued": min(SIZE, deliveries - number * SIZE),
        }
        for number in range(-(-deliveries // SIZE))
    ]
    if rows:
        session.execute(sa.insert(BATCH), rows)


def due(session: Session, *, now: datetime, limit: int) -> list[BatchKey]:
    """Batches that somebody should take now, oldest edition first: open, due, in nobody's hands, of an edition that
    is being sent."""
    columns = BATCH.c
    found = session.execute(
        sa.select(columns.edition_id, columns.number)
        .join(Edition, col(Edition.id) == columns.edition_id)
        .where(BATCH_IS_OPEN, columns.token.is_(None), columns.due_at <= now, col(Edition.state).in_(_SENT_FROM))
        .order_by(columns.edition_id, columns.number)
        .limit(limit)
    )
    return [BatchKey(edition_id, number) for edition_id, number in found]


def abandoned(session: Session, *, now: datetime) -> list[BatchKey]:
    """Batches whose worker is gone: their lease ran out."""
    columns = BATCH.c
    found = session.execute(
        sa.select(columns.edition_id, columns.number)
        .where(BATCH_IS_OPEN, columns.token.is_not(None), columns.lease_until < now)
        .order_by(columns.edition_id, columns.number)
    )
    return [BatchKey(edition_id, number) for edition_id, number in found]


def take(session: Session, hold: Hold, *, lease: timedelta, now: datetime) -> bool:
    """Hold a batch that is due and in nobody's hands; False when somebody was faster, or it is not due any more.

    Repeatable with the same token, when the commit was in doubt.
    """
    values = {**_values(hold), "until": now + lease, "now": now}
    return session.connection().execute(statements.take(), values).rowcount == 1


def keep(
    session: Session,
    hold: Hold,
    *,
    lease: timedelta,
    now: datetime,
    changes: Changes | None = None,
    pace_per_s: float | None = None,
) -> bool:
    """Hold it for longer, and write the counts of its moves; False when somebody took over: then roll back."""
    more = {state.value: by for (_, _, state), by in sorted((changes or {}).items()) if by}
    values: dict[str, Any] = {f"more_{name}": by for name, by in more.items()}
    values |= {**_values(hold), "until": now + lease, "pace": pace_per_s}
    statement = statements.keep(tuple(more), with_pace=pace_per_s is not None)
    return session.connection().execute(statement, values).rowcount == 1


def give_back(session: Session, hold: Hold, *, due_at: datetime | None = None) -> bool:
    """Let go of it; it is due again at once, or at `due_at`."""
    columns = BATCH.c
    values: dict[str, Any] = {"token": None, "lease_until": None, "pace_per_s": 0}
    if due_at is not None:
        values["due_at"] = due_at
    return _change(session, hold.key, columns.token == hold.token, **values)


def finish(session: Session, hold: Hold) -> bool:
    """Nothing is left to send in it; False when there is (a person asked to send again in this moment)."""
    return session.connection().execute(statements.finish(), _values(hold)).rowcount == 1


def take_away(session: Session, key: BatchKey, *, now: datetime) -> bool:
    """End the hold of a worker whose lease ran out; False when it was renewed, or ended, meanwhile."""
    columns = BATCH.c
    has_run_out = sa.and_(columns.token.is_not(None), columns.lease_until < now)
    return _change(session, key, has_run_out, token=None, lease_until=None, pace_per_s=0)


def reopen(session: Session, keys: set[BatchKey], *, now: datetime) -> None:
    """There is something to send in these again. Repeatable."""
    for key in sorted(keys):
        session.execute(sa.update(BATCH).where(*_which(key)).values(state=BatchState.OPEN, due_at=now))


def unfinished(session: Session, edition_id: int) -> bool:
    """Whether anything of the edition is still to be sent."""
    columns = BATCH.c
    found = session.execute(sa.select(columns.number).where(BATCH_IS_OPEN, columns.edition_id == edition_id).limit(1))
    return found.first() is not None


def any_under_way(session: Session, edition_id: int, *, until: datetime) -> bool:
    """Whether copies that nobody has tried yet, or that are being sent, are in a batch that is due until that moment,
    of an edition being sent."""
    columns = BATCH.c
    found = session.execute(
        sa.select(columns.number)
        .join(Edition, col(Edition.id) == columns.edition_id)
        .where(
            BATCH_IS_OPEN,
            columns.edition_id == edition_id,
            columns.queued + columns.sending > 0,
            columns.due_at <= until,
            col(Edition.state) == EditionState.SENDING,
        )
        .limit(1)
    )
    return found.first() is not None


def close_cancelled(session: Session, edition_id: int) -> None:
    """Nobody need take the batches of a cancelled edition that are in nobody's hands."""
    session.execute(
        sa.update(BATCH)
        .where(BATCH_IS_OPEN, BATCH.c.edition_id == edition_id, BATCH.c.token.is_(None))
        .values(state=BatchState.DONE)
    )


def pace_per_s(session: Session, edition_id: int) -> float:
    """Deliveries a second at this moment: the sum over the batches in workers' hands."""
    columns = BATCH.c
    found = session.scalar(
        sa.select(sa.func.sum(columns.pace_per_s)).where(BATCH_IS_OPEN, columns.edition_id == edition_id)
    )
    return float(found or 0)


def any_open() -> sa.Exists:
    """Whether any batch of the edition in the surrounding query is open."""
    return sa.exists().where(BATCH_IS_OPEN, BATCH.c.edition_id == col(Edition.id))


def _values(hold: Hold) -> dict[str, Any]:
    return {"edition": hold.key.edition_id, "batch_number": hold.key.number, "holder": hold.token}


def _which(key: BatchKey) -> tuple[Any, ...]:
    columns = BATCH.c
    return columns.edition_id == key.edition_id, columns.number == key.number


def _change(session: Session, key: BatchKey, condition: sa.ColumnElement[bool], **values: Any) -> bool:
    statement = sa.update(BATCH).where(*_which(key), BATCH_IS_OPEN, condition).values(**values)
    return session.connection().execute(statement).rowcount == 1
