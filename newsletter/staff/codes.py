"""Second factors of staff: six digits from an authenticator app (RFC 6238), or a recovery code that is good once."""

import secrets
from collections.abc import Collection
from datetime import datetime

import pyotp
import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.core.crypto import Crypto
from newsletter.staff.models import RecoveryCode, Staff

STEP_S = 30
#: Steps before and after this one whose codes are taken too: telephones' clocks differ.
LENIENCY = 1
RECOVERY_CODES = 10

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # without what is mistaken for something else when read aloud


def new_secret() -> str:
    """For an authenticator app: 160 bits in base 32."""
    return pyotp.random_base32()


def app_url(secret: str, *, account: str, issuer: str) -> str:
    """What the QR code says."""
    return pyotp.TOTP(secret).provisioning_uri(name=account, issuer_name=issuer)


def step_of(secret: str, code: str, *, now: datetime) -> int | None:
    """The time step whose code this is, among those that are taken now; None: it is wrong."""
    digits = "".join(code.split())
    if not (digits.isascii() and digits.isdigit()):
        return None
    current = int(now.timestamp()) // STEP_S
    totp, found = pyotp.TOTP(secret), None
    for step in range(current - LENIENCY, current + LENIENCY + 1):
        if secrets.compare_digest(totp.at(step * STEP_S), digits):
            found = step
    return found


def is_right(session: Session, crypto: Crypto, member: Staff, code: str, *, now: datetime) -> bool:
    """Whether this is a code of theirs, and use it up: no code, of either kind, is good twice."""
    assert member.id is not None
    if member.totp_secret_sealed is not None:
        step = step_of(crypto.decrypt(member.totp_secret_sealed), code, now=now)
        if step is not None:
            used = sa.update(Staff).where(col(Staff.id) == member.id, col(Staff.totp_step) < step)
            return session.execute(used.values(totp_step=step)).rowcount == 1  # type: ignore[attr-defined,no-any-return]
    used = sa.update(RecoveryCode).where(
        col(RecoveryCode.staff_id) == member.id,
        col(RecoveryCode.code_hash) == _hash(crypto, member.id, code),
        col(RecoveryCode.used_at).is_(None),
    )
    return session.execute(used.values(used_at=now)).rowcount == 1  # type: ignore[attr-defined,no-any-return]


def renew_recovery(session: Session, crypto: Crypto, staff_id: int) -> Collection[str]:
    """Ten new recovery codes; those of before are good no more. Nobody can read these again."""
    session.execute(sa.delete(RecoveryCode).where(col(RecoveryCode.staff_id) == staff_id))
    made = [
        "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(3)) for _ in range(RECOVERY_CODES)
    ]
    session.add_all(RecoveryCode(staff_id=staff_id, code_hash=_hash(crypto, staff_id, code)) for code in made)
    session.flush()
    return made


def recovery_left(session: Session, staff_id: int) -> int:
    """How many recovery codes are still good."""
    left = sa.select(sa.func.count()).where(col(RecoveryCode.staff_id) == staff_id, col(RecoveryCode.used_at).is_(None))
    return session.scalar(left) or 0


def _hash(crypto: Crypto, staff_id: int, code: str) -> bytes:
    plain = "".join(each for each in code.lower() if each.isalnum())
    return crypto.keyed_hash(f"{staff_id}:{plain}", context="staff recovery code")
