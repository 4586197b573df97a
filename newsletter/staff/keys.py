"""Keys of the API: made once and shown once, looked up by their prefix, limited, and taken back.

A key reads `nl_PREFIX_SECRET`. The prefix finds the row and may be logged; the whole key is compared, as a keyed hash,
in constant time. A key works for as long as the account that answers for it does.
"""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from newsletter.core.crypto import Crypto
from newsletter.core.errors import InvalidInput, NotAllowed, NotFound, TooMany
from newsletter.staff import accounts
from newsletter.staff.models import ApiKey, KeyScope

MAXIMUM_NAME_LENGTH = 80

_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # without what is mistaken for something else when read aloud
_SECRET_BYTES = 32
_KEY = re.compile(r"nl_([a-z0-9]{8})_[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class KeyInUse:
    """Who makes a request, by the key it carries."""

    id: int
    name: str
    prefix: str
    scopes: frozenset[KeyScope]
    staff_id: int


def add(
    session: Session,
    crypto: Crypto,
    name: str,
    *,
    scopes: Iterable[KeyScope],
    staff_id: int,
    expires_at: datetime | None = None,
    now: datetime,
) -> str:
    """Make a key and return it; nobody can read it again. Raises `InvalidInput`."""
    name = " ".join(name.split())
    if not name or len(name) > MAXIMUM_NAME_LENGTH or not name.isprintable():
        raise InvalidInput(
            f"Name the program that uses the key, in {MAXIMUM_NAME_LENGTH} characters or fewer.", field="name"
        )
    wanted = sorted(set(scopes))
    if not wanted:
        raise InvalidInput("Choose at least one scope: " + ", ".join(KeyScope) + ".", field="scope")
    if expires_at is not None and expires_at <= now:
        raise InvalidInput("A key cannot expire in the past.", field="expires")
    prefix = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    text = f"nl_{prefix}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    session.add(
        ApiKey(
            name=name,
            prefix=prefix,
            secret_hash=_hash(crypto, text),
            scopes=" ".join(wanted),
            staff_id=staff_id,
            created_at=now,
            expires_at=expires_at,
        )
    )
    session.flush()
    return text


def use(session: Session, crypto: Crypto, text: str, *, requests_per_minute: int, now: datetime) -> KeyInUse:
    """Whose key this is; counts one request of it.

    Raises `NotAllowed` when it is no key, or is no longer one, and `TooMany` when it made too many requests; those that
    are refused do not count. A key that has been quiet may make a minute's requests at once, and goes on at their pace.
    """
    found = _KEY.fullmatch(text)
    row = session.exec(
        select(ApiKey)
        .where(col(ApiKey.prefix) == (found[1] if found else ""))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()
    is_genuine = crypto.same(row.secret_hash if row else bytes(32), _hash(crypto, text))
    if row is None or not is_genuine:
        raise NotAllowed("This is not a key of this service.")
    if row.revoked_at is not None:
        raise NotAllowed("This key was revoked.")
    if row.expires_at is not None and row.expires_at <= now:
        raise NotAllowed("This key has expired.")
    if not accounts.roles_of(session, row.staff_id):
        raise NotAllowed("The account that this key belongs to is switched off.")
    _spend(row, requests_per_minute, now)
    row.last_used_on = now.date()
    session.add(row)
    session.flush()
    assert row.id is not None
    return KeyInUse(row.id, row.name, row.prefix, scopes_of(row), row.staff_id)


def all_keys(session: Session) -> list[ApiKey]:
    """Every key there ever was, newest last."""
    return list(session.exec(select(ApiKey).order_by(col(ApiKey.id))))


def revoke(session: Session, prefix: str, *, now: datetime) -> ApiKey:
    """Take a key back at once and for good. Repeatable. Raises `NotFound`."""
    row = session.exec(select(ApiKey).where(col(ApiKey.prefix) == prefix.removeprefix("nl_")).with_for_update()).first()
    if row is None:
        raise NotFound("No key begins like this. “newsletter keys list” shows those there are.")
    row.revoked_at = row.revoked_at or now
    session.add(row)
    session.flush()
    return row


def scopes_of(key: ApiKey) -> frozenset[KeyScope]:
    return frozenset(KeyScope(scope) for scope in key.scopes.split())


def _spend(row: ApiKey, requests_per_minute: int, now: datetime) -> None:
    """Each request takes its share of a minute, and none may be taken more than a minute ahead."""
    minute = timedelta(minutes=1)
    spent = max(row.spent_until or now, now) + minute / requests_per_minute
    if spent > now + minute:
        raise TooMany("This key has made too many requests.", retry_after_s=(spent - now - minute).total_seconds())
    row.spent_until = spent


def _hash(crypto: Crypto, text: str) -> bytes:
    return crypto.keyed_hash(text, context="api key")
