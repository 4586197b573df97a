"""What follows for a reader when a mail to them failed, whichever way that was learnt: from the mail server at once, or
from a notice that came back later.

`subscribers.reachability` has the policy; here it is told which edition it was and which was sent before it.
"""

import logging
from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.delivery.models import Delivery, DeliveryState
from newsletter.delivery.notices import enhanced_status
from newsletter.editions.models import Edition
from newsletter.providers.base import Outcome, Result, Scope
from subscribers import reachability
from subscribers.reachability import Fault

log = logging.getLogger(__name__)


def follow(
    session: Session,
    *,
    subscriber_id: int | None,
    edition_id: int | None,
    status: str,
    said: str = "",
    now: datetime,
) -> bool:
    """Draw the consequences of one failure; True when the subscriber is suspended because of it. Repeatable.

    `status` is an enhanced status code (RFC 3463), `said` the other server's words without addresses.
    """
    why = reachability.fault(status)
    if why is Fault.OURS:
        fields = {"status": status, "edition_id": edition_id, "said": said[:200]}
        log.error("A mail server refuses our mail for what it is or who we are; no reader is to blame", extra=fields)
        return False
    if subscriber_id is None:  # erased meanwhile
        return False
    number, before = edition_numbers(session, edition_id) if edition_id is not None else (None, None)
    return reachability.note(session, subscriber_id, why, edition=number, before=before, now=now)


def follow_refusals(session: Session, results: Mapping[int, object], *, now: datetime) -> None:
    """Draw the consequences of what the ledger has just recorded as `rejected` for a recipient's own sake.

    `results` are those of a window, by delivery id. In the transaction of `ledger.record`, right after it. Repeatable.
    """
    refused = [
        delivery_id
        for delivery_id, result in results.items()
        if isinstance(result, Result)
        and result.outcome in (Outcome.REJECTED, Outcome.DEFERRED)  # put off for the last time, perhaps
        and result.scope is Scope.RECIPIENT
    ]
    if not refused:
        return
    rows = session.execute(
        sa.select(col(Delivery.subscriber_id), col(Delivery.edition_id), col(Delivery.code), col(Delivery.detail))
        .where(
            col(Delivery.id).in_(refused),
            col(Delivery.state) == DeliveryState.REJECTED,
            col(Delivery.subscriber_id).is_not(None),
        )
        # Everybody locks subscribers in this order.
        .order_by(col(Delivery.subscriber_id))
    ).all()
    for subscriber_id, edition_id, code, detail in rows:
        # A code that no mail server would give says nothing about the reader.
        if status := enhanced_status(detail if (code or "").isdigit() else None, code):
            follow(
                session, subscriber_id=subscriber_id, edition_id=edition_id, status=status, said=detail or "", now=now
            )


def edition_numbers(session: Session, edition_id: int) -> tuple[int | None, int | None]:
    """The number of an edition on its list, and that of the edition sent before it."""
    found = session.exec(
        select(Edition.mailing_list_id, Edition.number).where(col(Edition.id) == edition_id)
    ).one_or_none()
    if found is None:
        return None, None
    mailing_list_id, number = found
    before = session.scalar(
        sa.select(sa.func.max(col(Edition.number))).where(
            col(Edition.mailing_list_id) == mailing_list_id,
            col(Edition.number) < number,
            col(Edition.released_at).is_not(None),
        )
    )
    return number, before
