"""Sessions of staff: begun by signing in, held in our own table, ended by anybody who may.

The cookie holds 32 random bytes of which only a keyed hash is stored. A session that nobody uses ends after an hour,
every session after twelve, and what concerns named people wants one used in the last 15 minutes (REQ-84).
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core.crypto import Crypto
from newsletter.staff import accounts
from newsletter.staff.accounts import Held
from newsletter.staff.models import Staff, StaffRole, StaffSession

IDLE = timedelta(minutes=60)
#: For what only the data protection officer may do.
CLOSE_IDLE = timedelta(minutes=15)
ABSOLUTE = timedelta(hours=12)
#: Between the password and the code.
HALF = timedelta(minutes=10)
#: How exactly the last use is known; a write for every page would be too many.
EXACTNESS = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Officer:
    """Somebody who is signed in, and what they may do."""

    id: int
    name: str
    roles: frozenset[Held]
    session_id: int
    seen_at: datetime  # when they were last seen before this request

    def has(self, *roles: StaffRole, mailing_list_id: int | None = None) -> bool:
        """Whether they hold one of these roles: for this list where one is given, else for any."""
        return any(
            held.role in roles and (mailing_list_id is None or held.mailing_list_id in (None, mailing_list_id))
            for held in self.roles
        )


def begin(session: Session, crypto: Crypto, staff_id: int, *, browser: str, is_whole: bool, now: datetime) -> str:
    """A new session; the text for its cookie, which nobody can read again."""
    text = secrets.token_urlsafe(32)
    session.add(
        StaffSession(
            token_hash=_hash(crypto, text),
            staff_id=staff_id,
            is_whole=is_whole,
            created_at=now,
            seen_at=now,
            expires_at=now + (ABSOLUTE if is_whole else HALF),
            browser=browser[:80],
        )
    )
    session.flush()
    return text


def officer(session: Session, crypto: Crypto, text: str, *, now: datetime) -> Officer | None:
    """Who has this cookie, if it is still good and their account in use. Changes nothing: see `touch`."""
    row = _row(session, crypto, text, now=now)
    if row is None or not row.is_whole or row.seen_at <= now - IDLE:
        return None
    member = session.get(Staff, row.staff_id)
    if member is None or not member.is_active:
        return None
    assert row.id is not None
    roles = accounts.held_by(session, row.staff_id)
    return Officer(row.staff_id, member.name or "Staff", frozenset(roles), row.id, row.seen_at)


def half_way(session: Session, crypto: Crypto, text: str, *, now: datetime) -> Staff | None:
    """Who has given the password and not yet the code."""
    row = _row(session, crypto, text, now=now)
    return session.get(Staff, row.staff_id) if row is not None and not row.is_whole else None


def touch(session: Session, session_id: int, *, now: datetime) -> None:
    """They are still here."""
    session.execute(sa.update(StaffSession).where(col(StaffSession.id) == session_id).values(seen_at=now))


def end(session: Session, crypto: Crypto, text: str) -> None:
    """End the session of this cookie. Repeatable."""
    session.execute(sa.delete(StaffSession).where(col(StaffSession.token_hash) == _hash(crypto, text)))


def end_one(session: Session, staff_id: int, session_id: int) -> None:
    """End a session of one's own. Repeatable."""
    session.execute(
        sa.delete(StaffSession).where(col(StaffSession.id) == session_id, col(StaffSession.staff_id) == staff_id)
    )


def end_all(session: Session, staff_id: int, *, but: int | None = None) -> None:
    """End all sessions of somebody, perhaps but one."""
    gone = sa.delete(StaffSession).where(col(StaffSession.staff_id) == staff_id)
    session.execute(gone.where(col(StaffSession.id) != but) if but is not None else gone)


def of(session: Session, staff_id: int, *, now: datetime) -> Sequence[StaffSession]:
    """The sessions of somebody that are still good, the one used last first."""
    return session.exec(
        select(StaffSession)
        .where(
            col(StaffSession.staff_id) == staff_id,
            col(StaffSession.is_whole),
            col(StaffSession.expires_at) > now,
            col(StaffSession.seen_at) > now - IDLE,
        )
        .order_by(col(StaffSession.seen_at).desc())
    ).all()


def forget(session: Session, *, now: datetime) -> int:
    """Delete sessions that are over; how many. Repeatable."""
    over = sa.or_(col(StaffSession.expires_at) <= now, col(StaffSession.seen_at) <= now - IDLE)
    return session.execute(sa.delete(StaffSession).where(over)).rowcount  # type: ignore[attr-defined,no-any-return]


def _row(session: Session, crypto: Crypto, text: str, *, now: datetime) -> StaffSession | None:
    return session.exec(
        select(StaffSession).where(
            col(StaffSession.token_hash) == _hash(crypto, text), col(StaffSession.expires_at) > now
        )
    ).first()


def _hash(crypto: Crypto, text: str) -> bytes:
    return crypto.keyed_hash(text, context="staff session")
