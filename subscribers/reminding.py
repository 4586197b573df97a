"""The one reminder for people who asked for a mailing list and have not said yes (REQ-09).

Whoever is chosen is marked in the same transaction, so that a clock that ticks twice, late or in two processes reminds
nobody twice. A new request of the same person begins anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core.crypto import Crypto
from subscribers import identity, limits, suppression
from subscribers.models import Subscriber, SubscriberState

#: Not before, so that nobody is hurried; not after, so that the link is still good for days when it arrives.
EARLIEST, LATEST = timedelta(hours=24), timedelta(hours=72)

ROWS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Reminded:
    """Some people were looked at, and these of them (list, subscriber) are to be sent a reminder. `last_id` is where
    the next look begins; None: there is nobody left."""

    due: list[tuple[int, int]]
    last_id: int | None


def take_due(
    session: Session, crypto: Crypto, *, now: datetime, after_id: int = 0, rows_at_most: int = ROWS_AT_ONCE
) -> Reminded:
    """Choose and mark who is to be reminded now, among the next few people after `after_id`.

    Left for a later tick of the window: an address that has had its mails for the day, or that a sign-up is being
    written about at this moment. Left alone: an address that must not be mailed.
    """
    rows = _waiting(session, now, after_id, rows_at_most)
    opened = {row.id: crypto.decrypt(row.address_sealed) for row in rows if row.address_sealed is not None}
    blocked = suppression.blocks(session, identity.suppression_hashes(crypto, opened.values()), now=now)
    due = []
    for row in rows:
        address = opened.get(row.id)
        if address is None or row.id is None:
            continue
        block = blocked.get(identity.suppression_hash(crypto, address))
        if block is not None and block.sign_up:
            continue
        # Never waiting: two clocks that hold rows and wait for each other's addresses would wait for ever.
        if not identity.try_turn(session, crypto, address):
            continue
        same_address = identity.find_everywhere(session, crypto, address)
        if not limits.is_mail_due(session, [each.id for each in same_address if each.id is not None], now=now):
            continue
        limits.record(session, identity.mail_key(row.id), now=now)
        row.reminded_at = now
        session.add(row)
        due.append((row.mailing_list_id, row.id))
    session.flush()
    return Reminded(due, rows[-1].id if len(rows) == rows_at_most else None)


def _waiting(session: Session, now: datetime, after_id: int, rows_at_most: int) -> Sequence[Subscriber]:
    """Locked; rows that another clock holds are left out."""
    return session.exec(
        select(Subscriber)
        .where(
            # Written out rather than bound, so that both databases see that the partial index will do.
            col(Subscriber.state) == sa.literal_column(f"'{SubscriberState.PENDING}'"),
            col(Subscriber.requested_at) <= now - EARLIEST,
            col(Subscriber.requested_at) > now - LATEST,
            col(Subscriber.reminded_at).is_(None),
            col(Subscriber.id) > after_id,
        )
        .order_by(col(Subscriber.id))
        .limit(rows_at_most)
        .with_for_update(key_share=True, skip_locked=True)
    ).all()
