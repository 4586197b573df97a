"""How often something may happen: counted in rows that live for a day and name nobody."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core.errors import TooMany
from subscribers.identity import mail_key
from subscribers.models import Attempt

#: No more mails than this to one address in `MAIL_WINDOW`, whoever asks for them.
MAILS_PER_WINDOW = 3
MAIL_WINDOW = timedelta(hours=24)


def record(session: Session, key: bytes, *, now: datetime) -> None:
    """Note that it happened."""
    session.add(Attempt(key_hash=key, at=now))
    session.flush()


def number_since(session: Session, key: bytes, moment: datetime) -> int:
    """How often it has happened from that moment on, as far as a day back."""
    counted = sa.select(sa.func.count()).select_from(Attempt)
    return session.scalar(counted.where(col(Attempt.key_hash) == key, col(Attempt.at) >= moment)) or 0


def take(session: Session, key: bytes, *, limit: int, window: timedelta, now: datetime) -> None:
    """Record one more, or raise `TooMany` with the seconds until the next is possible. What is refused is not counted,
    so that somebody who keeps trying does not lock themselves (and their neighbours) out for ever."""
    nth_newest = session.exec(
        select(Attempt.at)
        .where(col(Attempt.key_hash) == key, col(Attempt.at) > now - window)
        .order_by(col(Attempt.at).desc())
        .offset(limit - 1)
        .limit(1)
    ).first()
    if nth_newest is not None:
        wait = nth_newest + window - now
        raise TooMany(
            "Too many forms were sent from this network. Try again later.",
            retry_after_s=max(1.0, wait.total_seconds()),
        )
    record(session, key, now=now)


def number(session: Session, key: bytes, *, since: datetime) -> int:
    """How often it has happened since that moment."""
    happened = sa.select(sa.func.count()).where(col(Attempt.key_hash) == key, col(Attempt.at) > since)
    return session.scalar(happened) or 0


def is_mail_due(session: Session, subscriber_ids: list[int], *, now: datetime) -> bool:
    """Whether these rows, which are one address, may be sent another mail that somebody else can cause."""
    if not subscriber_ids:
        return True
    sent = session.scalar(
        sa.select(sa.func.count())
        .select_from(Attempt)
        .where(
            col(Attempt.key_hash).in_([mail_key(subscriber_id) for subscriber_id in subscriber_ids]),
            col(Attempt.at) > now - MAIL_WINDOW,
        )
    )
    return (sent or 0) < MAILS_PER_WINDOW
