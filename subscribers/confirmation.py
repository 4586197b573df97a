"""Confirming that an address is one's own: by the link in the letter, or by the six digits that stand beside it.

Nothing secret is stored for either. The link is an authenticated token; the code is derived from the row with the
installation's key and changes with every new request.
"""

import logging
import unicodedata
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlmodel import Session

from newsletter.core import addresses
from newsletter.core.crypto import Crypto
from newsletter.core.errors import ExpiredToken, InvalidInput, NotFound
from newsletter.core.tokens import Purpose, Token, Tokens
from subscribers import consents, identity, limits, replacing
from subscribers.leaving import Left
from subscribers.lists import NO_KEY_UPDATE
from subscribers.models import Subscriber, SubscriberState

LINK_LIFETIME = timedelta(days=7)
CODE_LIFETIME = timedelta(minutes=30)
#: Wrong codes after which the code is worth nothing; a new request gives a new one.
CODE_TRIES = 5

log = logging.getLogger(__name__)


class WrongCode(InvalidInput):
    """The code does not fit. That it was tried is kept, also when the caller lets this error end the transaction."""

    keeps_work = True


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Somebody gets the editions from now on (`newly`), or did already. `replaced`: who left, because this address took
    the place of theirs."""

    mailing_list_id: int
    subscriber_id: int
    newly: bool
    replaced: Left | None = None


def confirm(session: Session, tokens: Tokens, text: str, *, now: datetime) -> Confirmed:
    """Confirm with the token of the link. Repeatable: the second time `newly` is False. Raises what `look` does."""
    return _confirmed(session, _opened(session, tokens, text, now=now, lock=NO_KEY_UPDATE), now=now)


def look(session: Session, tokens: Tokens, text: str, *, now: datetime) -> int:
    """Whether `confirm` would do now, changing nothing; the id of the mailing list.

    Raises `InvalidToken`; `ExpiredToken` when the link is too old, or was sent before the person left (an old mail must
    not bring anybody back); `NotFound` when the record is gone.
    """
    return _opened(session, tokens, text, now=now, lock=None).mailing_list_id


def _opened(session: Session, tokens: Tokens, text: str, *, now: datetime, lock: dict[str, bool] | None) -> Subscriber:
    token = tokens.read(Purpose.CONFIRM, text, now=now, max_age=LINK_LIFETIME)
    subscriber = session.get(Subscriber, token.subject_id, with_for_update=lock, populate_existing=True)
    if subscriber is None or subscriber.mailing_list_id != token.list_id or subscriber.address_hash is None:
        raise NotFound("We no longer have this sign-up. Sign up again and we will send you a new email.")
    if subscriber.state is not SubscriberState.CONFIRMED and _is_spent(session, subscriber, token, now=now):
        raise ExpiredToken("This link has expired.", list_id=token.list_id, subject_id=token.subject_id)
    return subscriber


def code_for(crypto: Crypto, subscriber: Subscriber) -> str:
    """The six digits for the confirmation letter; the same for as long as the request is the same."""
    moment = subscriber.requested_at.astimezone(UTC).isoformat()
    digest = crypto.keyed_hash(f"{subscriber.id}:{moment}", context="confirmation code")
    return f"{int.from_bytes(digest) % 1_000_000:06d}"


def confirm_by_code(
    session: Session, crypto: Crypto, *, mailing_list_id: int, address: str, code: str, now: datetime
) -> Confirmed:
    """Confirm with the code from the letter, typed or pasted. Repeatable while the code is good.

    Raises `WrongCode` (an `InvalidInput`) with one and the same sentence whether the code is wrong, spent or too old,
    or the address unknown. A wrong try is counted although the error ends the transaction.
    """
    with suppress(InvalidInput):  # what is no address belongs to nobody
        address = addresses.parse(address)
    subscriber = identity.find(session, crypto, mailing_list_id, address, for_update=True)
    # An unknown address costs the same work, down to the row that counts the try.
    row = subscriber or Subscriber(
        id=0, mailing_list_id=mailing_list_id, state=SubscriberState.PENDING, requested_at=now
    )
    fits = crypto.same(code_for(crypto, row).encode(), _digits(code))
    tried = identity.code_key(crypto, mailing_list_id, address)
    may_try = limits.number_since(session, tried, row.requested_at) < CODE_TRIES
    is_good = (
        may_try
        and row.state in (SubscriberState.PENDING, SubscriberState.CONFIRMED)
        and now - row.requested_at <= CODE_LIFETIME
    )
    if subscriber is not None and is_good and fits:
        return _confirmed(session, subscriber, now=now)
    limits.record(session, tried, now=now)
    raise WrongCode(
        "Enter the 6-digit code from the newest email. A code works for 30 minutes and 5 tries. "
        "You can use the link in the email instead.",
        field="code",
    )


def _is_spent(session: Session, subscriber: Subscriber, token: Token, *, now: datetime) -> bool:
    if subscriber.state is not SubscriberState.PENDING:
        return True
    if now - subscriber.requested_at > LINK_LIFETIME:  # also by the younger link of a reminder
        return True
    stopped_at = consents.last_withdrawn_at(session, subscriber)
    # Tokens count whole seconds.
    return stopped_at is not None and token.issued_at < stopped_at.replace(microsecond=0)


def _confirmed(session: Session, subscriber: Subscriber, *, now: datetime) -> Confirmed:
    assert subscriber.id is not None
    newly, replaced = subscriber.state is not SubscriberState.CONFIRMED, None
    if newly:
        subscriber.state = SubscriberState.CONFIRMED
        subscriber.confirmed_at = now
        subscriber.ended_at = None
        session.add(subscriber)
        session.flush()
        consents.confirm(session, subscriber, now=now)
        log.info(
            "A subscriber confirmed",
            extra={"subscriber_id": subscriber.id, "mailing_list_id": subscriber.mailing_list_id},
        )
        replaced = replacing.complete(session, subscriber.id, now=now)
    return Confirmed(subscriber.mailing_list_id, subscriber.id, newly, replaced)


def _digits(typed: str) -> bytes:
    """What was typed, without the spaces and dashes people put into long numbers; full-width digits made plain."""
    plain = unicodedata.normalize("NFKC", typed)
    return "".join(c for c in plain if not c.isspace() and c not in "-‐‑–—.").encode("utf-8", "replace")
