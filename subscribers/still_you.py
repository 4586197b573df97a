"""Once a year: is this mailbox still the right one? Asked of professionals, because they change schools and roles.

One question, one reminder, and then nothing: the emails go on, because nobody is taken off a list for being silent.
The next question comes a year after the last one.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core.addresses import look_up_form, parse
from newsletter.core.audience import Audience
from newsletter.core.crypto import Crypto
from newsletter.core.errors import InvalidInput, NotFound
from subscribers import intake
from subscribers.lists import NO_KEY_UPDATE
from subscribers.models import MailingList, Subscriber, SubscriberState

ASK_AFTER = timedelta(days=365)
REMIND_AFTER = timedelta(weeks=4)
#: So that a list which moved here in one day is not asked in one hour.
AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody who is due a letter, and whether it is the reminder."""

    mailing_list_id: int
    subscriber_id: int
    is_reminder: bool


def unanswered() -> sa.ColumnElement[bool]:
    """That the last question has had no answer; signing up again is one."""
    asked = col(Subscriber.asked_at)
    return sa.and_(
        asked.is_not(None),
        col(Subscriber.confirmed_at) < asked,
        sa.or_(col(Subscriber.answered_at).is_(None), col(Subscriber.answered_at) < asked),
    )


def ask_due(session: Session, *, now: datetime, limit: int = AT_ONCE) -> list[Asked]:
    """Note that the question, or its reminder, goes to those who are due it, at most `limit` of each, and say who.

    Repeatable, and safe twice at once: whoever writes the time first has won the row.
    """
    long_ago = now - ASK_AFTER
    question = (
        col(Subscriber.confirmed_at) <= long_ago,
        sa.or_(col(Subscriber.answered_at).is_(None), col(Subscriber.answered_at) <= long_ago),
        sa.or_(col(Subscriber.asked_at).is_(None), col(Subscriber.asked_at) <= long_ago),
    )
    reminder = (unanswered(), col(Subscriber.asked_at) <= now - REMIND_AFTER, col(Subscriber.asked_again_at).is_(None))
    asked = _note(session, question, limit, asked_at=now, asked_again_at=None)
    reminded = _note(session, reminder, limit, asked_again_at=now)
    return [Asked(*row, is_reminder=False) for row in asked] + [Asked(*row, is_reminder=True) for row in reminded]


def keep(session: Session, *, mailing_list_id: int, subscriber_id: int, now: datetime) -> None:
    """Note the answer that this is still the right mailbox. Repeatable. Raises `NotFound` for somebody not on it."""
    subscriber = on_list(session, mailing_list_id=mailing_list_id, subscriber_id=subscriber_id)
    subscriber.answered_at = now
    session.add(subscriber)
    session.flush()


def hand_over(
    session: Session, crypto: Crypto, *, mailing_list_id: int, subscriber_id: int, colleague: str, now: datetime
) -> None:
    """Answer that a colleague is to take over, with the same role and setting: they are asked (`handing_over`), within
    the limits of a sign-up. Repeatable.

    Raises `InvalidInput` for the address, `NotFound` for somebody who is not on the list (any more).
    """
    address = parse(colleague)
    giver = on_list(session, mailing_list_id=mailing_list_id, subscriber_id=subscriber_id)
    if giver.address_sealed and look_up_form(crypto.decrypt(giver.address_sealed)) == look_up_form(address):
        raise InvalidInput("Enter your colleague's email address, not your own", field="email")
    giver.answered_at = now
    session.add(giver)
    intake.put_in_for(session, crypto, giver, address, is_hand_over=True, now=now)


def is_on_list(session: Session, *, mailing_list_id: int, subscriber_id: int) -> bool:
    """Whether this subscriber gets the editions of this list."""
    row = session.get(Subscriber, subscriber_id)
    return row is not None and row.mailing_list_id == mailing_list_id and row.state is SubscriberState.CONFIRMED


def on_list(session: Session, *, mailing_list_id: int, subscriber_id: int) -> Subscriber:
    """The confirmed subscriber, locked. Raises `NotFound`."""
    subscriber = session.get(Subscriber, subscriber_id, with_for_update=NO_KEY_UPDATE, populate_existing=True)
    if (
        subscriber is None
        or subscriber.mailing_list_id != mailing_list_id
        or subscriber.state is not SubscriberState.CONFIRMED
    ):
        raise NotFound("You do not get these emails now.")
    return subscriber


def _note(
    session: Session, due: tuple[sa.ColumnElement[bool], ...], limit: int, **times: datetime | None
) -> list[tuple[int, int]]:
    professionals = select(MailingList.id).where(MailingList.audience == Audience.PROFESSIONALS)
    ids = (
        sa.select(col(Subscriber.id))
        .where(
            col(Subscriber.mailing_list_id).in_(professionals),
            col(Subscriber.state) == SubscriberState.CONFIRMED,
            *due,
        )
        .order_by(col(Subscriber.id))
        .limit(limit)
    )
    rows: Any = session.execute(
        sa.update(Subscriber)
        .where(col(Subscriber.id).in_(ids), *due)  # once more: another clock may have been first
        .values(**times)
        .returning(col(Subscriber.mailing_list_id), col(Subscriber.id)),
        execution_options={"synchronize_session": False},
    )
    return sorted((mailing_list_id, subscriber_id) for mailing_list_id, subscriber_id in rows)
