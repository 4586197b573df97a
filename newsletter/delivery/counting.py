"""The counts beside the ledger: how many deliveries of an edition are in each state, kept with every move.

A window of any size changes a handful of rows here, so that a page about a million deliveries reads ten numbers. Only
`newsletter.delivery.ledger` calls `add`, in the transaction of the moves themselves.
"""

from collections import Counter
from typing import cast

import sqlalchemy as sa
from sqlmodel import Session, select

from newsletter.core.db import insert
from newsletter.delivery.models import DeliveryCount, DeliveryState

#: The states in which something may still happen without a person.
OPEN_STATES = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.DEFERRED)

Changes = Counter[tuple[int, DeliveryState]]


def count_table() -> sa.Table:
    return cast(sa.Table, sa.inspect(DeliveryCount).local_table)


def start(session: Session, edition_id: int) -> bool:
    """Open the counts of an edition. False when they were open already, whoever opened them and however long ago."""
    first = {"edition_id": edition_id, "state": DeliveryState.QUEUED, "count": 0}
    return number_inserted(session, insert(session, DeliveryCount).on_conflict_do_nothing().values(first)) == 1


def number_inserted(session: Session, statement: sa.Insert) -> int:
    """Execute an INSERT and say how many rows it wrote, which PostgreSQL's driver tells only when asked to."""
    return session.connection().execute(statement, execution_options={"preserve_rowcount": True}).rowcount


def move(changes: Changes, edition_id: int | None, old: DeliveryState, new: DeliveryState, by: int = 1) -> None:
    """Note that `by` deliveries of an edition went from one state to another. Letters are not counted."""
    if edition_id is not None:
        changes[edition_id, old] -= by
        changes[edition_id, new] += by


def add(session: Session, changes: Changes) -> None:
    """Write the changes down, always in the same order, so that two transactions cannot wait for each other."""
    statement = insert(session, DeliveryCount)
    statement = statement.on_conflict_do_update(
        index_elements=["edition_id", "state"], set_={"count": count_table().c.count + statement.excluded.count}
    )
    for (edition_id, state), by in sorted(changes.items()):
        if by:
            session.exec(statement.values(edition_id=edition_id, state=state, count=by))


def counts(session: Session, edition_id: int) -> dict[str, int]:
    """How many deliveries of the edition are in each state; every state is listed."""
    found = session.exec(
        select(DeliveryCount.state, DeliveryCount.count).where(DeliveryCount.edition_id == edition_id)
    ).all()
    return {state.value: 0 for state in DeliveryState} | {DeliveryState(state).value: count for state, count in found}
