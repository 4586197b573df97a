"""Handing one's emails over to a colleague: they are asked to confirm, and only then do one's own emails stop.

Whether the colleague is on the list already makes no difference to what anybody sees (REQ-04): they get the same
letter, and its button ends the emails of whoever handed over. The form itself goes through `subscribers.intake`.
"""

from datetime import datetime

from sqlmodel import Session

from subscribers import leaving
from subscribers.leaving import Left
from subscribers.models import Subscriber
from subscribers.signup import Answer, Confirmed, Requested


def note(session: Session, requested: Requested, *, giver_id: int) -> Requested:
    """Note whose emails stop once this subscriber, new or not, confirms; which letter is due for it."""
    if requested.subscriber_id is None:
        return requested
    taker = session.get_one(Subscriber, requested.subscriber_id)
    taker.takes_over_from = giver_id
    session.add(taker)
    session.flush()
    return Requested(Answer.HAND_OVER, requested.subscriber_id)


def complete(session: Session, confirmed: Confirmed, *, now: datetime) -> Left | None:
    """After somebody confirmed: end the emails of whoever handed over to them, if anybody did. Repeatable."""
    taker = session.get_one(Subscriber, confirmed.subscriber_id)
    giver_id, taker.takes_over_from = taker.takes_over_from, None
    if giver_id is None:
        return None
    session.add(taker)
    return leaving.leave(
        session, mailing_list_id=confirmed.mailing_list_id, subscriber_id=giver_id, how="handed over", now=now
    )
