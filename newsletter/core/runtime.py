"""What every entry point builds once and hands down: settings, database, clock and keys."""

from dataclasses import dataclass

from newsletter.core.clock import Clock, SystemClock
from newsletter.core.crypto import Crypto
from newsletter.core.db import Database
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
    """Wire the ground floor together. Opens no connection yet."""
    crypto = Crypto(settings.secret_key.get_secret_value())
    return Runtime(
        settings=settings,
        db=Database(settings.sqlalchemy_url),
        clock=clock or SystemClock(),
        crypto=crypto,
        tokens=Tokens(crypto),
    )
