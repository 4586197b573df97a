"""The evidence of who agreed to what: rows that are added to and never rewritten."""

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core.errors import InvalidInput
from subscribers.lists import current_wording
from subscribers.models import Consent, Subscriber

MAXIMUM_SOURCE_LENGTH = 200
_CARRIED_ON = " (carried on: "


def ask(
    session: Session, subscriber: Subscriber, *, source: str, now: datetime, as_agreed_by: int | None = None
) -> Consent:
    """Note that this person was shown the current wording; or, where they change their address, the one to which the
    subscriber with the old address had agreed. Asking again the same way while nothing was confirmed adds nothing: the
    first asking stays the evidence."""
    source = checked_source(source)
    wording_id = last_agreed_wording(session, as_agreed_by) if as_agreed_by is not None else None
    if wording_id is None:
        wording_id = current_wording(session, subscriber.mailing_list_id).id
    assert wording_id is not None
    open_one = _latest_open(session, subscriber)
    if open_one is not None and (open_one.wording_id, open_one.source) == (wording_id, source):
        return open_one
    consent = Consent(
        subscriber_id=subscriber.id,
        mailing_list_id=subscriber.mailing_list_id,
        wording_id=wording_id,
        source=source,
        requested_at=now,
    )
    session.add(consent)
    session.flush()
    return consent


def confirm(session: Session, subscriber: Subscriber, *, now: datetime) -> None:
    """Note that the person said yes, on the asking that came last."""
    consent = _latest_open(session, subscriber)
    if consent is not None:
        consent.confirmed_at = now
        session.add(consent)
        session.flush()


def withdraw(session: Session, subscriber_ids: list[int], *, how: str, now: datetime) -> None:
    """Note when and how each of these people stopped, on every consent that still stood."""
    session.exec(
        sa.update(Consent)
        .where(col(Consent.subscriber_id).in_(subscriber_ids), col(Consent.withdrawn_at).is_(None))
        .values(withdrawn_at=now, withdrawn_how=how[:40])
    )


def carry_on(session: Session, subscriber: Subscriber, *, because: str) -> None:
    """Note that what this person had agreed to stands, although it was noted that they stopped: a new row, so that both
    can be seen. `because` is a few words."""
    agreed = session.exec(
        select(Consent)
        .where(col(Consent.subscriber_id) == subscriber.id, col(Consent.confirmed_at).is_not(None))
        .order_by(col(Consent.id).desc())
        .limit(1)
    ).first()
    if agreed is not None:
        session.add(
            Consent(
                subscriber_id=subscriber.id,
                mailing_list_id=subscriber.mailing_list_id,
                wording_id=agreed.wording_id,
                source=f"{agreed.source.partition(_CARRIED_ON)[0][:120]}{_CARRIED_ON}{because})",
                requested_at=agreed.requested_at,
                confirmed_at=agreed.confirmed_at,
            )
        )
        session.flush()


def last_withdrawn_at(session: Session, subscriber: Subscriber) -> datetime | None:
    """When this person last stopped, if ever."""
    return session.exec(
        select(col(Consent.withdrawn_at))
        .where(col(Consent.subscriber_id) == subscriber.id, col(Consent.withdrawn_at).is_not(None))
        .order_by(col(Consent.withdrawn_at).desc())
        .limit(1)
    ).first()


def last_agreed_wording(session: Session, subscriber_id: int) -> int | None:
    """The id of the wording that this person said yes to last."""
    return session.exec(
        select(Consent.wording_id)
        .where(col(Consent.subscriber_id) == subscriber_id, col(Consent.confirmed_at).is_not(None))
        .order_by(col(Consent.id).desc())
        .limit(1)
    ).first()


def last_source(session: Session, subscriber: Subscriber) -> str:
    """Where the last asking came from."""
    source = session.exec(
        select(Consent.source)
        .where(col(Consent.subscriber_id) == subscriber.id)
        .order_by(col(Consent.id).desc())
        .limit(1)
    ).first()
    return source or "web form"


def checked_source(source: str) -> str:
    """The words for where a consent came from, on one line. Raises `InvalidInput`."""
    text = " ".join(source.split())
    if not text or len(text) > MAXIMUM_SOURCE_LENGTH or "\0" in text:
        raise InvalidInput(f"Say where this consent came from, in {MAXIMUM_SOURCE_LENGTH} characters or fewer")
    return text


def _latest_open(session: Session, subscriber: Subscriber) -> Consent | None:
    return session.exec(
        select(Consent)
        .where(
            col(Consent.subscriber_id) == subscriber.id,
            col(Consent.confirmed_at).is_(None),
            col(Consent.withdrawn_at).is_(None),
        )
        .order_by(col(Consent.id).desc())
        .limit(1)
    ).first()
