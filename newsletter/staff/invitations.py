"""Invitations: a link by which somebody sets their password and second factor, for the first time or anew.

Good once and for a week. A new one for the same account ends those before it. Opening the link uses nothing up, because
mail scanners open links before people do.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core.crypto import Crypto
from newsletter.core.errors import InvalidInput, NotFound
from newsletter.staff import accounts, codes, passwords, sessions
from newsletter.staff.models import Invitation, Staff

LIFETIME = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Invited:
    """Who was invited, and the secret their authenticator app is to keep."""

    id: int
    staff: Staff
    totp_secret: str


def invite(session: Session, crypto: Crypto, staff_id: int, *, now: datetime) -> str:
    """The secret part of a new link; nobody can read it again."""
    session.execute(
        sa.delete(Invitation).where(col(Invitation.staff_id) == staff_id, col(Invitation.used_at).is_(None))
    )
    text = secrets.token_urlsafe(32)
    session.add(
        Invitation(
            token_hash=_hash(crypto, text),
            staff_id=staff_id,
            totp_secret_sealed=crypto.encrypt(codes.new_secret()),
            created_at=now,
            expires_at=now + LIFETIME,
        )
    )
    session.flush()
    return text


def find(session: Session, crypto: Crypto, text: str, *, now: datetime) -> Invited:
    """Raises `NotFound` when the link is made up, used, too old, or the account switched off."""
    row = session.exec(
        select(Invitation).where(
            col(Invitation.token_hash) == _hash(crypto, text),
            col(Invitation.used_at).is_(None),
            col(Invitation.expires_at) > now,
        )
    ).first()
    member = session.get(Staff, row.staff_id) if row is not None else None
    if row is None or member is None or not member.is_active:
        raise NotFound("This invitation is no longer good. Ask an administrator for a new one.")
    assert row.id is not None
    return Invited(row.id, member, crypto.decrypt(row.totp_secret_sealed))


def check(crypto: Crypto, invited: Invited, password: str, code: str, *, now: datetime) -> int:
    """The time step of the code, when password and code are as they should be. Raises `InvalidInput`."""
    address = accounts.email_of(crypto, invited.staff)
    passwords.check(password, told=(address, address.partition("@")[0], invited.staff.name))
    step = codes.step_of(invited.totp_secret, code, now=now)
    if step is None:
        raise InvalidInput(
            "This is not the code that your app shows. Check that your telephone has the right time, and type the "
            "six digits of now.",
            field="code",
        )
    return step


def accept(
    session: Session, crypto: Crypto, invited: Invited, *, password_hash: str, totp_step: int, now: datetime
) -> None:
    """Give the account its password and second factor, and end its sessions. Raises `NotFound` when the link was used
    in this moment."""
    _use(session, invited, now=now)
    member = session.get_one(Staff, invited.staff.id)
    member.password_hash = password_hash
    member.totp_secret_sealed = crypto.encrypt(invited.totp_secret)
    member.totp_step = totp_step
    session.add(member)
    assert member.id is not None
    sessions.end_all(session, member.id)


def accept_directory(session: Session, crypto: Crypto, invited: Invited, who: str, *, now: datetime) -> None:
    """Tie the account to somebody in the organisation's own directory, who signs in there from now on: no password
    and no code of ours is good any more. Raises `NotFound`, or `InvalidInput` when another account has them."""
    hashed = directory_hash(crypto, who)
    taken = session.exec(select(Staff.id).where(col(Staff.directory_hash) == hashed)).first()
    if taken is not None and taken != invited.staff.id:
        raise InvalidInput("Another account here belongs to this person already.")
    _use(session, invited, now=now)
    member = session.get_one(Staff, invited.staff.id)
    member.directory_hash, member.password_hash, member.totp_secret_sealed = hashed, None, None
    session.add(member)
    assert member.id is not None
    sessions.end_all(session, member.id)


def by_directory(session: Session, crypto: Crypto, who: str) -> Staff | None:
    """The account in use that belongs to somebody in the directory."""
    found = select(Staff).where(col(Staff.directory_hash) == directory_hash(crypto, who), col(Staff.is_active))
    return session.exec(found).first()


def directory_hash(crypto: Crypto, who: str) -> bytes:
    return crypto.keyed_hash(who, context="staff directory")


def _use(session: Session, invited: Invited, *, now: datetime) -> None:
    used = sa.update(Invitation).where(col(Invitation.id) == invited.id, col(Invitation.used_at).is_(None))
    if session.execute(used.values(used_at=now)).rowcount != 1:  # type: ignore[attr-defined]
        raise NotFound("This invitation has just been used.")


def _hash(crypto: Crypto, text: str) -> bytes:
    return crypto.keyed_hash(text, context="staff invitation")
