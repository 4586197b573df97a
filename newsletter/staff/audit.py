"""The audit log: who did what, append-only, each entry tied to the one before by its hash (REQ-85).

Written in the transaction of what was done, so that neither is there without the other. The hash is keyed with the
installation's secret: whoever can write to the database alone cannot make the chain fit again.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core.crypto import Crypto
from newsletter.core.texts import visible
from newsletter.staff.models import AuditEntry

#: REQ-85; also what the privacy notice says.
KEPT_FOR = timedelta(days=365)

_AT_ONCE = 500
_CONTEXT = "audit"
_FIRST = b"\0" * 32
#: Holds back a second writer on PostgreSQL until the first has committed; SQLite has one writer anyway.
_LOCK = 0x53454E44


def note(
    session: Session,
    crypto: Crypto,
    action: str,
    *,
    staff_id: int | None,
    about: str = "",
    detail: str = "",
    now: datetime,
) -> AuditEntry:
    """Add an entry. `about` and `detail` must carry no address: say `subscriber 7`, `edition 12`."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    last = session.exec(select(AuditEntry).order_by(col(AuditEntry.number).desc()).limit(1)).first()
    entry = AuditEntry(
        number=last.number + 1 if last else 1,
        at=now,
        staff_id=staff_id,
        action=action[:60],
        about=visible(about)[:120],
        detail=visible(detail)[:500],
        before_hash=last.own_hash if last else _FIRST,
        own_hash=b"",
    )
    entry.own_hash = _hash(crypto, entry)
    session.add(entry)
    session.flush()
    return entry


def first_broken(session: Session, crypto: Crypto) -> int | None:
    """The number of the first entry that does not fit the one before it, or was changed; None: the log is whole.

    Entries that the sweep has taken off the beginning are not missed.
    """
    before: AuditEntry | None = None
    while True:
        after = col(AuditEntry.number) > (before.number if before else 0)
        entries = session.exec(select(AuditEntry).where(after).order_by(col(AuditEntry.number)).limit(_AT_ONCE)).all()
        for entry in entries:
            fits = before is None or (entry.number == before.number + 1 and entry.before_hash == before.own_hash)
            if not fits or not crypto.same(entry.own_hash, _hash(crypto, entry)):
                return entry.number
            before = entry
        if len(entries) < _AT_ONCE:
            return None


def newest(session: Session, *, before: int | None = None, limit: int = 50) -> Sequence[AuditEntry]:
    """Entries, newest first, those before a number."""
    found = select(AuditEntry).order_by(col(AuditEntry.number).desc()).limit(limit)
    if before is not None:
        found = found.where(col(AuditEntry.number) < before)
    return session.exec(found).all()


def count(session: Session, action: str, *, staff_id: int, since: datetime) -> int:
    """How often somebody did this since that moment."""
    found = sa.select(sa.func.count()).where(
        col(AuditEntry.action) == action, col(AuditEntry.staff_id) == staff_id, col(AuditEntry.at) > since
    )
    return session.scalar(found) or 0


def forget(session: Session, *, until: datetime) -> int:
    """Delete entries of before that moment, but never the newest; how many."""
    newest_number = session.scalar(sa.select(sa.func.max(col(AuditEntry.number)))) or 0
    old = sa.delete(AuditEntry).where(col(AuditEntry.at) < until, col(AuditEntry.number) < newest_number)
    return session.execute(old).rowcount  # type: ignore[attr-defined,no-any-return]


def _hash(crypto: Crypto, entry: AuditEntry) -> bytes:
    at = entry.at.astimezone(UTC).isoformat()
    parts = [str(entry.number), at, str(entry.staff_id), entry.action, entry.about, entry.detail]
    return crypto.keyed_hash("\0".join([entry.before_hash.hex(), *parts]), context=_CONTEXT)
