"""What comes back: takes one message, finds the delivery it is about, keeps a receipt once, and lets it count.

A delivery is found by the envelope sender that it alone had (`return_paths`); failing that by our Message-ID in what
came back, which is believed only of deliveries of the subscriber that the leave link or the address in it belongs to.
Nothing that comes here is answered, and nothing of it is kept but fields that machines wrote, without addresses.
"""

import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core import addresses
from newsletter.core.crypto import Crypto
from newsletter.core.db import insert, number_inserted
from newsletter.core.errors import InvalidInput, InvalidToken
from newsletter.core.logs import scrub
from newsletter.core.tokens import Purpose, Tokens
from newsletter.delivery import failures, ledger, notices, stopping
from newsletter.delivery.headers import message_keys
from newsletter.delivery.models import Delivery, DeliveryState, Receipt, ReceiptKind, ReceiptOutcome
from newsletter.delivery.notices import Notice
from newsletter.delivery.return_paths import ReturnPaths
from newsletter.providers.base import Event
from subscribers import identity, preferences, reachability
from subscribers.models import Subscriber

log = logging.getLogger(__name__)

MOST_EVIDENCE = 4000
#: Local parts shorter than this are words of other things too.
_SHORTEST_NAME = 3

_STATES = {
    ReceiptKind.DELIVERED: DeliveryState.DELIVERED,
    ReceiptKind.BOUNCED: DeliveryState.BOUNCED,
    ReceiptKind.COMPLAINED: DeliveryState.COMPLAINED,
}


@dataclass(frozen=True, slots=True)
class Taken:
    """What a message was, and what came of it. Not `is_new`: it had been taken before."""

    kind: ReceiptKind
    status: str | None
    outcome: ReceiptOutcome
    is_new: bool = True


def take(session: Session, crypto: Crypto, tokens: Tokens, raw: bytes, *, now: datetime) -> Taken:
    """Take in one message, whatever it is. Repeatable: the same message counts once."""
    return _take(session, crypto, tokens, notices.read(raw), now)


def take_event(
    session: Session, crypto: Crypto, tokens: Tokens, provider: str, event: Event, *, now: datetime
) -> Taken:
    """Take in what a provider told us. Repeatable: the same event counts once."""
    notice = Notice(
        kind=ReceiptKind(event.kind.value),
        source=provider,
        fingerprint=f"{provider}:{event.event_id}",
        status=event.status,
        detail=event.detail,
        evidence=event.evidence,
        addresses=(event.address,) if event.address else (),
        message_keys=(event.key,) if event.key else (),
    )
    return _take(session, crypto, tokens, notice, now)


def _take(session: Session, crypto: Crypto, tokens: Tokens, notice: Notice, now: datetime) -> Taken:
    key = crypto.keyed_hash(notice.fingerprint, context="receipt").hex()
    kept = insert(session, Receipt).values(
        source=notice.source,
        dedupe_key=key,
        kind=notice.kind,
        status=notice.status,
        outcome=ReceiptOutcome.NO_DELIVERY,
        evidence="",
        received_at=now,
    )
    if not number_inserted(session, kept.on_conflict_do_nothing(index_elements=["dedupe_key"])):
        before = session.exec(select(Receipt).where(Receipt.dedupe_key == key)).one()
        return Taken(before.kind, before.status, before.outcome, is_new=False)
    receipt = session.exec(select(Receipt).where(Receipt.dedupe_key == key)).one()
    if notice.kind is ReceiptKind.OTHER:
        log.warning("A message came back that tells nothing about a delivery", extra={"receipt_id": receipt.id})
    is_about_delivery = notice.kind not in (ReceiptKind.OTHER, ReceiptKind.LEAVE)
    delivery = _delivery(session, crypto, tokens, notice, now) if is_about_delivery else None
    names = _names(session, crypto, notice, delivery)
    receipt.evidence = _without_names(notice.evidence[:MOST_EVIDENCE], names)
    if delivery is not None:
        receipt.delivery_id = delivery.id
        detail = _without_names(notice.detail, names)
        changed = _apply(session, delivery, notice, detail, now)
        receipt.outcome = ReceiptOutcome.APPLIED if changed else ReceiptOutcome.NOTHING_NEW
    elif notice.kind is ReceiptKind.COMPLAINED and _leave_by_link(session, tokens, notice, now):
        receipt.outcome = ReceiptOutcome.APPLIED  # the delivery is forgotten, the wish is not
    elif notice.kind is ReceiptKind.LEAVE:
        changed = _leave_as_asked(session, tokens, notice, now)
        receipt.outcome = ReceiptOutcome.APPLIED if changed else ReceiptOutcome.NOTHING_NEW
    session.add(receipt)
    session.flush()
    fields = {"receipt_id": receipt.id, "kind": notice.kind.value, "delivery_id": receipt.delivery_id}
    log.info("A receipt was taken: %s", receipt.outcome.value, extra=fields)
    return Taken(notice.kind, notice.status, receipt.outcome)


def _apply(session: Session, delivery: Delivery, notice: Notice, detail: str, now: datetime) -> bool:
    """Let it count, for the subscriber first and then in the ledger: in the order in which a person's leaving locks
    them."""
    assert delivery.id is not None
    status, changed = notice.status or "5.0.0", False
    if notice.kind is ReceiptKind.COMPLAINED and delivery.subscriber_id is not None:
        changed = _leave(session, delivery.mailing_list_id, delivery.subscriber_id, now)
    elif notice.kind is ReceiptKind.BOUNCED:
        changed = failures.follow(
            session,
            subscriber_id=delivery.subscriber_id,
            edition_id=delivery.edition_id,
            status=status,
            said=detail,
            now=now,
        )
    elif notice.kind is ReceiptKind.DELIVERED and delivery.subscriber_id and delivery.edition_id:
        number, _ = failures.edition_numbers(session, delivery.edition_id)
        reachability.reached(session, delivery.subscriber_id, edition=number or 0)
    state = _STATES.get(notice.kind)
    if state is None:
        return changed
    return ledger.apply_receipt(session, delivery.id, state, code=notice.status, detail=detail, now=now) or changed


def _leave(session: Session, mailing_list_id: int, subscriber_id: int, now: datetime) -> bool:
    """Off this list at once, and not a word more (REQ-78): no goodbye, and what waits for them is not sent."""
    left = preferences.leave(
        session, mailing_list_id=mailing_list_id, subscriber_id=subscriber_id, how="complaint", now=now
    )
    ledger.skip_for(session, subscriber_id, now=now)
    return left.newly


def _leave_by_link(session: Session, tokens: Tokens, notice: Notice, now: datetime) -> bool:
    """A complaint about a mail that is forgotten by now: its link to leave works for ever."""
    for list_id, subscriber_id in _linked(tokens, notice, now):
        return _leave(session, list_id, subscriber_id, now)
    return False


def _leave_as_asked(session: Session, tokens: Tokens, notice: Notice, now: datetime) -> bool:
    """A mail program, or a person, wrote to the address in List-Unsubscribe (RFC 2369): as if they had pressed stop."""
    lefts = [
        preferences.leave(session, mailing_list_id=list_id, subscriber_id=subscriber_id, how="mail", now=now)
        for list_id, subscriber_id in _linked(tokens, notice, now)
    ]
    stopping.stop_for(session, lefts, now)
    return any(left.newly for left in lefts)


def _delivery(session: Session, crypto: Crypto, tokens: Tokens, notice: Notice, now: datetime) -> Delivery | None:
    """The delivery a notice is about."""
    paths = ReturnPaths(crypto)
    origin = paths.find(notice.heads) or paths.find(notice.text)
    if origin is not None:
        delivery = session.get(Delivery, origin.delivery_id)
        if delivery is not None and (delivery.edition_id, delivery.kind) == (origin.edition_id, origin.kind):
            return delivery
        return None  # genuine, and forgotten
    if not notice.message_keys:
        return None
    subscriber_ids = {subscriber_id for _, subscriber_id in _linked(tokens, notice, now)}
    subscriber_ids |= _addressed(session, crypto, notice)
    rows = session.exec(select(Delivery).where(col(Delivery.subscriber_id).in_(sorted(subscriber_ids)))).all()
    for row in rows:
        if row.id is not None and message_keys(crypto, row.kind, row.edition_id)(row.id) in notice.message_keys:
            return row
    return None


def _linked(tokens: Tokens, notice: Notice, now: datetime) -> Iterator[tuple[int, int]]:
    """List and subscriber of the links to leave that are in the notice."""
    for text in notice.leave_tokens:
        try:
            token = tokens.read(Purpose.LEAVE, text, now=now)
        except InvalidToken:
            continue
        yield token.list_id, token.subject_id


def _addressed(session: Session, crypto: Crypto, notice: Notice) -> set[int]:
    """The subscribers with the addresses that a notice names."""
    found: set[int] = set()
    for typed in notice.addresses[:5]:
        try:
            address = addresses.parse(typed)
        except InvalidInput:
            continue
        found |= {row.id for row in identity.find_everywhere(session, crypto, address) if row.id is not None}
    return found


def _names(session: Session, crypto: Crypto, notice: Notice, delivery: Delivery | None) -> set[str]:
    """The local parts of the reader's address, as servers like to repeat them alone."""
    known = [*notice.addresses]
    if delivery is not None and delivery.subscriber_id is not None:
        sealed = session.scalar(
            sa.select(col(Subscriber.address_sealed)).where(col(Subscriber.id) == delivery.subscriber_id)
        )
        known += [crypto.decrypt(sealed)] if sealed else []
    return {name for address in known if len(name := address.rpartition("@")[0]) >= _SHORTEST_NAME}


def _without_names(text: str, names: Iterable[str]) -> str:
    text = scrub(text)
    for name in sorted(names, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "(name)", text, flags=re.IGNORECASE)
    return text
