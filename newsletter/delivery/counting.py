"""The counts beside the ledger: how many deliveries of each batch are in each state, kept with every move.

A page about a million deliveries sums two thousand rows. Only `newsletter.delivery.ledger` and
`newsletter.delivery.batches` write them, in the transaction of the moves themselves.
"""

from collections import Counter, defaultdict
from collections.abc import Collection

import sqlalchemy as sa
from sqlmodel import Session

from newsletter.delivery.models import DeliveryState
from newsletter.delivery.statements import BATCH

#: The states in which something may still happen without a person.
OPEN_STATES = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.DEFERRED)

#: By how much the number of deliveries in a state changes, for each (edition, batch, state).
Changes = Counter[tuple[int, int, DeliveryState]]


def move(
    changes: Changes, edition_id: int | None, batch: int | None, old: DeliveryState, new: DeliveryState, by: int = 1
) -> None:
    """Note that `by` deliveries of a batch went from one state to another. Letters are not counted."""
    if edition_id is not None and batch is not None:
        changes[edition_id, batch, old] -= by
        changes[edition_id, batch, new] += by


def add(session: Session, changes: Changes) -> None:
    """Write the changes down, always in the same order, so that two transactions cannot wait for each other."""
    by_batch: defaultdict[tuple[int, int], dict[str, int]] = defaultdict(dict)
    for (edition_id, number, state), by in changes.items():
        if by:
            by_batch[edition_id, number][state.value] = by
    for (edition_id, number), each in sorted(by_batch.items()):
        session.execute(
            sa.update(BATCH)
            .where(BATCH.c.edition_id == edition_id, BATCH.c.number == number)
            .values({name: BATCH.c[name] + by for name, by in each.items()})
        )


def counts(session: Session, edition_id: int | None = None) -> dict[str, int]:
    """How many deliveries of the edition (None: of all editions) are in each state; every state is listed."""
    sums = sa.select(*(sa.func.coalesce(sa.func.sum(BATCH.c[state.value]), 0) for state in DeliveryState))
    if edition_id is not None:
        sums = sums.where(BATCH.c.edition_id == edition_id)
    row = session.execute(sums).one()
    return {state.value: int(number) for state, number in zip(DeliveryState, row, strict=True)}


def unknown_by_edition(session: Session) -> dict[int, int]:
    """How many copies of each edition nobody can know the fate of; editions with none are left out."""
    total = sa.func.sum(BATCH.c.unknown)
    rows = session.execute(sa.select(BATCH.c.edition_id, total).where(BATCH.c.unknown > 0).group_by(BATCH.c.edition_id))
    return {edition_id: int(number) for edition_id, number in rows}


def counts_of(session: Session, edition_ids: Collection[int]) -> dict[int, dict[str, int]]:
    """The same for several editions; every one of them is listed, also when it was never opened."""
    sums = sa.select(BATCH.c.edition_id, *(sa.func.sum(BATCH.c[state.value]) for state in DeliveryState))
    rows = session.execute(sums.where(BATCH.c.edition_id.in_(sorted(edition_ids))).group_by(BATCH.c.edition_id))
    found = {row[0]: [int(number) for number in row[1:]] for row in rows}
    nothing = [0] * len(DeliveryState)
    return {
        edition_id: {
            state.value: number for state, number in zip(DeliveryState, found.get(edition_id, nothing), strict=True)
        }
        for edition_id in edition_ids
    }
