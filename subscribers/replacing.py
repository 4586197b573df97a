"""One address in place of another: asked for with the link in a mail, done when the new address has confirmed.

Until then nothing changes for the old address. If nobody confirms, the request is forgotten like any other.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from subscribers.leaving import Left, leave
from subscribers.models import AddressChange, Subscriber, SubscriberState, SubscriberTopic

#: How the old address left, in its consent.
HOW = "address changed"


def note(session: Session, subscriber_id: int, replaces_id: int | None, *, keep: bool) -> int | None:
    """Note whom a pending subscriber is to replace, and say whom. With `keep` (the request is still open) what was
    noted before stands where nothing new is said, so that asking for another letter does not undo it."""
    change = session.get(AddressChange, subscriber_id)
    if replaces_id is None and (keep or change is None):
        return change.replaces_id if change is not None else None
    if change is not None:
        session.delete(change)
        session.flush()
    if replaces_id is not None:
        session.add(AddressChange(subscriber_id=subscriber_id, replaces_id=replaces_id))
        session.flush()
    return replaces_id


def complete(session: Session, subscriber_id: int, *, now: datetime) -> Left | None:
    """The old address leaves, now that the new one is confirmed; None where there is none. Only somebody who still
    gets the emails is taken off: whoever left before did so themselves."""
    replaces_id = session.scalar(
        sa.delete(AddressChange)
        .where(col(AddressChange.subscriber_id) == subscriber_id)
        .returning(col(AddressChange.replaces_id))
    )
    old = session.get(Subscriber, replaces_id) if replaces_id is not None else None
    if old is None or old.id is None or old.state not in (SubscriberState.CONFIRMED, SubscriberState.HELD):
        return None
    _carry_choices(session, old, subscriber_id)
    return leave(session, mailing_list_id=old.mailing_list_id, subscriber_id=old.id, how=HOW, now=now)


def _carry_choices(session: Session, old: Subscriber, new_id: int) -> None:
    """The same person goes on wanting the same topics, and special editions or not."""
    assert old.id is not None
    session.get_one(Subscriber, new_id).regular_only = old.regular_only
    chosen = sa.select(sa.literal(new_id), col(SubscriberTopic.topic_id)).where(
        col(SubscriberTopic.subscriber_id) == old.id
    )
    session.execute(sa.delete(SubscriberTopic).where(col(SubscriberTopic.subscriber_id) == new_id))
    session.execute(sa.insert(SubscriberTopic).from_select(["subscriber_id", "topic_id"], chosen))
    session.flush()
