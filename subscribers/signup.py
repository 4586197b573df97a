"""From "I would like this" to "yes, it was me": asking for a mailing list, and the reasons for not asking back.

Which letter is due, if any, is for `newsletter.delivery` alone to know; nothing that is shown to the person who typed
the address may depend on it (REQ-04), so that the public form goes through `subscribers.intake`. Confirming is in
`subscribers.confirmation`; its names can be used from here.
"""

import enum
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.core import addresses
from newsletter.core.crypto import Crypto
from newsletter.core.db import insert
from newsletter.core.errors import NotFound, WrongState
from newsletter.core.tokens import Purpose, Tokens
from subscribers import consents, growth, identity, limits, lists, replacing, suppression
from subscribers.confirmation import CODE_LIFETIME as CODE_LIFETIME
from subscribers.confirmation import CODE_TRIES as CODE_TRIES
from subscribers.confirmation import LINK_LIFETIME as LINK_LIFETIME
from subscribers.confirmation import Confirmed as Confirmed
from subscribers.confirmation import WrongCode as WrongCode
from subscribers.confirmation import code_for as code_for
from subscribers.confirmation import confirm as confirm
from subscribers.confirmation import confirm_by_code as confirm_by_code
from subscribers.confirmation import look as look
from subscribers.details import Details as Details
from subscribers.details import checked, details_of, write_details
from subscribers.lists import NO_KEY_UPDATE
from subscribers.models import HeldLeave, Subscriber, SubscriberState, SuppressionReason

#: How long the form stays silent for somebody who said "I did not ask for this".
NOT_REQUESTED_FOR = timedelta(days=30)

log = logging.getLogger(__name__)


class Answer(enum.StrEnum):
    """Which letter is due."""

    CONFIRM = "confirm"
    ALREADY = "already"
    NEW_ADDRESS = "new address"
    HAND_OVER = "hand over"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Requested:
    """What came of a request. `subscriber_id` is None when no letter is due."""

    answer: Answer
    subscriber_id: int | None


NOTHING = Requested(Answer.NOTHING, None)


def request(
    session: Session,
    crypto: Crypto,
    *,
    mailing_list_id: int,
    address: str,
    details: Details | None = None,
    source: str = "web form",
    now: datetime,
) -> Requested:
    """Ask for a mailing list. Repeatable, also when the same form arrives twice at once: one subscriber comes of it.

    Somebody new, pending, gone or unreachable becomes pending, with a consent row for the wording shown now; whoever is
    confirmed stays as they are, details included, because nothing yet shows that it is they who ask. Raises
    `InvalidInput` for the address or the details, `NotFound` for the list.
    """
    address = addresses.parse(address)
    mailing_list = lists.by_id(session, mailing_list_id)
    allowed = checked(session, mailing_list.audience, details)
    return request_for(session, crypto, mailing_list_id, address, allowed, consents.checked_source(source), now)


def request_for(
    session: Session,
    crypto: Crypto,
    mailing_list_id: int,
    address: str,
    details: Details,
    source: str,
    now: datetime,
    *,
    replaces_id: int | None = None,
) -> Requested:
    """`request`, for an address and details that were checked. With `replaces_id` the address is to take the place of
    that subscriber's."""
    identity.take_turns(session, crypto, address)
    rows = identity.find_everywhere(session, crypto, address, for_update=True)
    is_blocked = suppression.is_suppressed(session, crypto, address, now=now)
    is_due = limits.is_mail_due(session, [row.id for row in rows if row.id is not None], now=now)
    if is_blocked or not is_due:
        return NOTHING
    subscriber = next((row for row in rows if row.mailing_list_id == mailing_list_id), None)
    if subscriber is None:
        subscriber = _new(session, crypto, mailing_list_id, address, now)
    return ask_to_confirm(session, subscriber, details, source=source, now=now, replaces_id=replaces_id)


def _new(session: Session, crypto: Crypto, mailing_list_id: int, address: str, now: datetime) -> Subscriber:
    """The row of an address that had none; an import may have made it in this very moment."""
    hashed = identity.address_hash(crypto, mailing_list_id, address)
    session.exec(
        insert(session, Subscriber)
        .values(
            mailing_list_id=mailing_list_id,
            address_hash=hashed,
            address_sealed=crypto.encrypt(address),
            state=SubscriberState.PENDING,
            requested_at=now,
        )
        .on_conflict_do_nothing(index_elements=["mailing_list_id", "address_hash"])
    )
    found = identity.find(session, crypto, mailing_list_id, address)
    assert found is not None
    return found


def ask_to_confirm(
    session: Session,
    subscriber: Subscriber,
    details: Details,
    *,
    source: str,
    now: datetime,
    replaces_id: int | None = None,
) -> Requested:
    """Make the row pending, note and count what is due. Whoever calls has looked at the limits and suppressions."""
    assert subscriber.id is not None
    limits.record(session, identity.mail_key(subscriber.id), now=now)
    if subscriber.state is SubscriberState.CONFIRMED:
        return Requested(Answer.ALREADY, subscriber.id)
    if subscriber.state is SubscriberState.HELD:
        session.exec(sa.delete(HeldLeave).where(col(HeldLeave.subscriber_id) == subscriber.id))
    was_pending = subscriber.state is SubscriberState.PENDING
    replaces_id = replacing.note(session, subscriber.id, replaces_id, keep=was_pending)
    subscriber.state = SubscriberState.PENDING
    subscriber.requested_at = now
    subscriber.reminded_at = None
    subscriber.confirmed_at = None
    subscriber.ended_at = None
    write_details(subscriber, details)
    session.add(subscriber)
    session.flush()
    consents.ask(session, subscriber, source=source, now=now, as_agreed_by=replaces_id)
    return Requested(Answer.CONFIRM if replaces_id is None else Answer.NEW_ADDRESS, subscriber.id)


def check_network(session: Session, crypto: Crypto, *, ip: str, limit_per_hour: int, now: datetime) -> None:
    """Count one form from this network. Raises `TooMany`; what is refused is not counted."""
    limits.take(session, identity.network_key(crypto, ip), limit=limit_per_hour, window=timedelta(hours=1), now=now)


def renew(session: Session, crypto: Crypto, tokens: Tokens, text: str, *, now: datetime) -> Requested:
    """Send a new link to the person an old one was for, however old, without asking for the address again.

    The limits of `request` hold. Raises `InvalidToken`, and `NotFound` when the record is gone: a request that nobody
    confirmed is deleted after 7 days.
    """
    token = tokens.read(Purpose.CONFIRM, text, now=now)
    subscriber = session.get(Subscriber, token.subject_id)
    if subscriber is None or subscriber.mailing_list_id != token.list_id or subscriber.address_sealed is None:
        raise NotFound("We no longer have your email address, because nobody confirmed it in time. Sign up again.")
    address = crypto.decrypt(subscriber.address_sealed)
    source = consents.last_source(session, subscriber)
    return request_for(session, crypto, token.list_id, address, details_of(subscriber), source, now)


def not_requested(session: Session, crypto: Crypto, tokens: Tokens, text: str, *, now: datetime) -> int:
    """Believe "I did not ask for this": delete the pending record and keep the form silent for 30 days.

    Returns the id of the mailing list. Repeatable: when the record is gone, or the person has left, there is nothing
    to do. Raises `WrongState` when the address was confirmed meanwhile (leaving is then the way out), `InvalidToken`,
    `ExpiredToken`.
    """
    token = tokens.read(Purpose.CONFIRM, text, now=now, max_age=LINK_LIFETIME)
    subscriber = session.get(Subscriber, token.subject_id, with_for_update=NO_KEY_UPDATE, populate_existing=True)
    if subscriber is None or subscriber.mailing_list_id != token.list_id:
        return token.list_id
    if subscriber.state is SubscriberState.CONFIRMED:
        raise WrongState(
            "These emails were confirmed from this address. To stop them, use the link at the end of any of them."
        )
    if subscriber.state is SubscriberState.PENDING and subscriber.address_sealed is not None:
        assert subscriber.id is not None
        suppression.suppress(
            session,
            crypto,
            crypto.decrypt(subscriber.address_sealed),
            reason=SuppressionReason.NOT_REQUESTED,
            until=now + NOT_REQUESTED_FOR,
            now=now,
        )
        consents.withdraw(session, [subscriber.id], how="not requested", now=now)
        growth.note_lapsed(session, [(token.list_id, subscriber.requested_at)])
        session.delete(subscriber)
        session.flush()
        log.info("A pending subscriber was deleted: not requested", extra={"mailing_list_id": token.list_id})
    return token.list_id
