"""What follows when people stop their emails: copies on their way out are held back, and a goodbye is queued; and
what follows when a person has decided about leaves that were held."""

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import Session, col, select

from newsletter.delivery import ledger, letters
from newsletter.delivery.models import Delivery, DeliveryKind, DeliveryState
from subscribers import bursts
from subscribers.bursts import Decided
from subscribers.leaving import Left
from subscribers.models import BurstDecision


def stop_for(
    session: Session, lefts: Iterable[Left], now: datetime, *, letter: DeliveryKind = DeliveryKind.GOODBYE
) -> None:
    """Skip what still waits for these subscribers, and say goodbye to those who left just now and for good.

    Repeatable.
    """
    known = [(left, left.subscriber_id) for left in lefts if left.subscriber_id is not None]
    ledger.skip_for_all(session, [subscriber_id for _, subscriber_id in known], now=now)
    for left, subscriber_id in known:
        if left.newly and not left.is_held:
            letters.queue(
                session,
                letter,
                mailing_list_id=left.mailing_list_id,
                subscriber_id=subscriber_id,
                now=now,
            )


def settle(session: Session, burst_id: int, decision: BurstDecision, *, by: int | None, now: datetime) -> Decided:
    """Carry out a decision about held leaves, and write to everybody: a goodbye, or that their emails go on.

    Raises as `bursts.decide` does.
    """
    decided = bursts.decide(session, burst_id, decision, by=by, now=now)
    kind = DeliveryKind.GOODBYE if decision is BurstDecision.OBEYED else DeliveryKind.STILL_ON
    told = _told_goodbye(session, decided) if kind is DeliveryKind.GOODBYE else set()
    for subscriber_id in decided.subscriber_ids:
        if subscriber_id not in told:
            letters.queue(session, kind, mailing_list_id=decided.mailing_list_id, subscriber_id=subscriber_id, now=now)
    return decided


def _told_goodbye(session: Session, decided: Decided) -> set[int | None]:
    """Those who left before it was seen that this was a burst, and have had their goodbye."""
    return set(
        session.exec(
            select(Delivery.subscriber_id).where(
                col(Delivery.subscriber_id).in_(decided.subscriber_ids),
                col(Delivery.kind) == DeliveryKind.GOODBYE,
                col(Delivery.state) != DeliveryState.SKIPPED,
                col(Delivery.queued_at) > decided.since,
            )
        )
    )
