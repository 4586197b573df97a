"""What time removes from the ledger: after a while nobody can look up who was sent what; the counts stay (REQ-33).

An edition that is still going out keeps its rows, because they are what stops a second copy. So does what a person
has yet to decide: an unknown delivery of an edition waits until its row is decided or its own time has gone by. A
receipt goes with its delivery, and one that belongs to none after as long. `newsletter.core.periods` says how long.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.core import periods
from newsletter.core.periods import Period
from newsletter.delivery.models import Delivery, DeliveryState, Receipt
from newsletter.editions.models import Edition, EditionState

#: Rows that one call removes at most, so that nothing else waits for it.
ROWS_AT_ONCE = 10_000


def forget(session: Session, *, now: datetime, rows_at_most: int = ROWS_AT_ONCE) -> int:
    """Delete deliveries that ended long enough ago; how many. Repeatable; call again while it says `rows_at_most`."""
    kept = periods.all_periods(session)
    is_over = sa.select(col(Edition.id)).where(col(Edition.state).in_((EditionState.SENT, EditionState.CANCELLED)))
    waits_for_a_person = sa.and_(
        col(Delivery.state) == DeliveryState.UNKNOWN,
        col(Delivery.edition_id).is_not(None),
        col(Delivery.finished_at) > now - kept[Period.UNKNOWN_DELIVERIES],
    )
    old = (
        sa.select(col(Delivery.id))
        .where(
            col(Delivery.finished_at) <= now - kept[Period.DELIVERIES],
            sa.or_(col(Delivery.edition_id).is_(None), col(Delivery.edition_id).in_(is_over)),
            sa.not_(waits_for_a_person),
        )
        .limit(rows_at_most)
    )
    return session.execute(sa.delete(Delivery).where(col(Delivery.id).in_(old))).rowcount  # type: ignore[attr-defined,no-any-return]


def forget_receipts(session: Session, *, now: datetime, rows_at_most: int = ROWS_AT_ONCE) -> int:
    """Delete receipts that belong to no delivery and were kept long enough; how many. Repeatable, like `forget`."""
    kept = periods.all_periods(session)[Period.DELIVERIES]
    old = (
        sa.select(col(Receipt.id))
        .where(col(Receipt.delivery_id).is_(None), col(Receipt.received_at) <= now - kept)
        .limit(rows_at_most)
    )
    return session.execute(sa.delete(Receipt).where(col(Receipt.id).in_(old))).rowcount  # type: ignore[attr-defined,no-any-return]
