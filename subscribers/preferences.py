"""Leaving every list at once, thinking better of it, and getting the emails at another address. Leaving one list is in
`subscribers.leaving`; its names can be used from here."""

from datetime import datetime

from sqlmodel import Session

from newsletter.core.crypto import Crypto
from newsletter.core.errors import NotFound
from subscribers import identity, intake, limits, lists
from subscribers.details import details_of
from subscribers.leaving import Left as Left
from subscribers.leaving import leave as leave
from subscribers.lists import NO_KEY_UPDATE
from subscribers.models import Subscriber, SubscriberState
from subscribers.signup import NOTHING, Requested, ask_to_confirm


def leave_all(
    session: Session, crypto: Crypto, *, mailing_list_id: int, subscriber_id: int, how: str, now: datetime
) -> list[Left]:
    """Take the address behind a subscriber off every mailing list. Repeatable.

    One `Left` per mailing list there is, in their order, whether or not the address was on it, so that neither the
    answer nor its length tells which lists that were.
    """
    subscriber = session.get(Subscriber, subscriber_id)
    on = {mailing_list_id: subscriber_id}
    if subscriber is not None and subscriber.mailing_list_id == mailing_list_id and subscriber.address_sealed:
        address = crypto.decrypt(subscriber.address_sealed)
        identity.take_turns(session, crypto, address)
        for row in identity.find_everywhere(session, crypto, address, for_update=True):
            if row.id is not None:
                on[row.mailing_list_id] = row.id
    lefts = []
    for mailing_list in lists.all_lists(session):
        assert mailing_list.id is not None
        if mailing_list.id in on:
            lefts.append(
                leave(session, mailing_list_id=mailing_list.id, subscriber_id=on[mailing_list.id], how=how, now=now)
            )
        else:
            lefts.append(Left(mailing_list.id, None, newly=False))
    return lefts


def return_to(session: Session, *, subscriber_id: int, now: datetime) -> Requested:
    """Ask again for a mailing list one has left, with one button, while the address is still there (28 days).

    Works like a sign-up: a confirmation is due, because a mail that was forwarded must not sign its first reader up.
    Raises `NotFound` when the address is gone. Repeatable: nothing is due a second time while the first is open, nor
    for somebody who is confirmed.
    """
    subscriber = session.get(Subscriber, subscriber_id, with_for_update=NO_KEY_UPDATE, populate_existing=True)
    if subscriber is None or subscriber.address_sealed is None:
        raise NotFound("We no longer have your email address. Sign up again with it and we will send you an email.")
    has_left = subscriber.state in (SubscriberState.LEFT, SubscriberState.HELD)
    if not has_left or not limits.is_mail_due(session, [subscriber_id], now=now):
        return NOTHING
    return ask_to_confirm(session, subscriber, details_of(subscriber), source="manage page", now=now)


def change_address(
    session: Session, crypto: Crypto, *, mailing_list_id: int, subscriber_id: int, address: str, now: datetime
) -> None:
    """Ask for one list's emails to go to another address, with the same details. Nothing changes before somebody
    confirms at the new address; then the old one leaves (`subscribers.replacing`).

    Like a sign-up it only goes into the letter box (`subscribers.intake`), for every address alike, and keeps the
    limits. Raises `NotFound` when the subscriber is not on this list now, `InvalidInput` for the address.
    """
    subscriber = session.get(Subscriber, subscriber_id)
    if (
        subscriber is None
        or subscriber.mailing_list_id != mailing_list_id
        or subscriber.state is not SubscriberState.CONFIRMED
    ):
        raise NotFound("You do not get these emails now, so there is no address to change.")
    intake.put_in_for(session, crypto, subscriber, address, is_hand_over=False, now=now)
