"""One row that ties a database to its secret, so that a wrong secret is noticed before it does harm.

A database opened with another secret would take every subscriber for a stranger and send links that do not work.
"""

from datetime import datetime

from sqlmodel import Field, Session

from newsletter.core.clock import Clock
from newsletter.core.crypto import Crypto
from newsletter.core.db import Table, insert
from newsletter.core.errors import ConfigurationError


class Installation(Table, table=True):
    id: int = Field(default=1, primary_key=True)
    key_check: bytes
    created_at: datetime


def check_secret(session: Session, crypto: Crypto, clock: Clock) -> None:
    """Remember the secret's fingerprint the first time, compare it ever after. Safe to call twice.

    Raises `ConfigurationError` when the database belongs to another secret.
    """
    fingerprint = crypto.derive("fingerprint of the secret", 16)
    row = session.get(Installation, 1)
    if row is None:
        # Several processes of a new installation may come here at the same moment: one is first.
        first = insert(session, Installation).values(id=1, key_check=fingerprint, created_at=clock.now())
        session.execute(first.on_conflict_do_nothing())
        row = session.get_one(Installation, 1)
    if not crypto.same(row.key_check, fingerprint):
        raise ConfigurationError(
            "NEWSLETTER_SECRET_KEY is not the secret this database was written with. Set it to the right one "
            "(in development it is in the file secret.key beside the database)."
        )
