"""What follows when people stop their emails: copies on their way out are held back, and a goodbye is queued."""

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session

from newsletter.delivery import ledger, letters
from newsletter.delivery.models import DeliveryKind
from subscribers.preferences import Left


def stop_for(session: Session, lefts: Iterable[Left], now: datetime) -> None:
    """Skip what still waits for these subscribers, and say goodbye to those who left just now. Repeatable."""
    known = [(left, left.subscriber_id) for left in lefts if left.subscriber_id is not None]
    ledger.skip_for_all(session, [subscriber_id for _, subscriber_id in known], now=now)
    for left, subscriber_id in known:
        if left.newly:
            letters.queue(
                session,
                DeliveryKind.GOODBYE,
                mailing_list_id=left.mailing_list_id,
                subscriber_id=subscriber_id,
                now=now,
            )
