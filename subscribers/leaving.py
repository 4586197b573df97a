"""Coming off a mailing list. Leaving always works, as often as it is asked for, and answers alike."""

import logging
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from subscribers import consents
from subscribers.lists import NO_KEY_UPDATE
from subscribers.models import HeldLeave, Subscriber, SubscriberState

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Left:
    """Somebody is off a mailing list: from now on (`newly`), or was already. `subscriber_id` is None where there was
    nobody; what the person sees is the same. `is_held`: no mail goes to them, and a person will look whether it was
    they who pressed."""

    mailing_list_id: int
    subscriber_id: int | None
    newly: bool
    is_held: bool = False


def leave(session: Session, *, mailing_list_id: int, subscriber_id: int, how: str, now: datetime) -> Left:
    """Take a subscriber off a mailing list for good, whatever their state. Repeatable; an id that is not on this list
    (any more) gives the same answer."""
    subscriber = session.get(Subscriber, subscriber_id, with_for_update=NO_KEY_UPDATE, populate_existing=True)
    if subscriber is None or subscriber.mailing_list_id != mailing_list_id:
        return Left(mailing_list_id, None, newly=False)
    newly = subscriber.state is not SubscriberState.LEFT
    if newly:
        was_held = subscriber.state is SubscriberState.HELD
        subscriber.state = SubscriberState.LEFT
        subscriber.ended_at = subscriber.ended_at or now
        session.add(subscriber)
        session.flush()
        if was_held:
            session.exec(sa.delete(HeldLeave).where(col(HeldLeave.subscriber_id) == subscriber_id))
        consents.withdraw(session, [subscriber_id], how=how, now=now)
        log.info("A subscriber left", extra={"subscriber_id": subscriber_id, "mailing_list_id": mailing_list_id})
    return Left(mailing_list_id, subscriber_id, newly)
