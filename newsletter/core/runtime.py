"""What every entry point builds once and hands down: settings, database, clock and keys."""

from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from newsletter.core.clock import Clock, SystemClock
from newsletter.core.crypto import Crypto
from newsletter.core.db import Database
from newsletter.core.errors import ConfigurationError
from newsletter.core.settings import Settings
from newsletter.core.tokens import Tokens


@dataclass(frozen=True, slots=True)
class Runtime:
    settings: Settings
    db: Database
    clock: Clock
    crypto: Crypto
    tokens: Tokens


def build(settings: Settings, *, clock: Clock | None = None) -> Runtime:
    """Wire the ground floor together. Opens no connection yet.

    Raises `ConfigurationError` when the database URL means nothing.
    """
    crypto = Crypto(settings.secret_key.get_secret_value())
    return Runtime(
        settings=settings,
        db=_database(settings.sqlalchemy_url),
        clock=clock or SystemClock(),
        crypto=crypto,
        tokens=Tokens(crypto),
    )


def _database(url: str) -> Database:
    try:
        return Database(url)
    except (SQLAlchemyError, ImportError, ValueError) as error:  # never with the URL, which may carry a password
        raise ConfigurationError(
            f"NEWSLETTER_DATABASE_URL cannot be used ({type(error).__name__}). Write it like "
            "postgresql+psycopg://user:password@host/name, or leave it out for SQLite."
        ) from None
