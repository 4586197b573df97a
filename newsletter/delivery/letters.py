"""The service's own letters: confirm, welcome, goodbye and others. Queued in the transaction of what they are about."""

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from newsletter.delivery import ledger
from newsletter.delivery.models import DeliveryKind
from subscribers.signup import Answer, Requested

_ANSWERS = {
    Answer.CONFIRM: DeliveryKind.CONFIRM,
    Answer.ALREADY: DeliveryKind.ALREADY,
    Answer.NEW_ADDRESS: DeliveryKind.NEW_ADDRESS,
    Answer.HAND_OVER: DeliveryKind.HAND_OVER,
}


def queue_first(
    session: Session, kind: DeliveryKind, *, mailing_list_id: int, subscriber_ids: Sequence[int], now: datetime
) -> None:
    """Queue a letter to each of many people who came in within this transaction."""
    ledger.queue_first_letters(session, kind, mailing_list_id=mailing_list_id, subscriber_ids=subscriber_ids, now=now)


def queue(session: Session, kind: DeliveryKind, *, mailing_list_id: int, subscriber_id: int, now: datetime) -> None:
    """Queue one letter, due at once. Safe to call twice: a letter of this kind that still waits is not doubled."""
    if kind is DeliveryKind.EDITION:
        raise ValueError("An edition is opened, not queued as a letter.")
    ledger.queue_letter(session, kind, mailing_list_id=mailing_list_id, subscriber_id=subscriber_id, now=now)


def queue_answer(session: Session, requested: Requested, *, mailing_list_id: int, now: datetime) -> None:
    """Queue the letter that a sign-up calls for, if it calls for one, in the transaction of the request."""
    kind = _ANSWERS.get(requested.answer)
    if kind is not None and requested.subscriber_id is not None:
        queue(session, kind, mailing_list_id=mailing_list_id, subscriber_id=requested.subscriber_id, now=now)
