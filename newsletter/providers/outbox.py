"""The outbox: mail goes nowhere, every message becomes one `.eml` file in `DATA_DIR/outbox/` that can be read.

A file appears whole or not at all. Its name sorts by time and carries the delivery's key, so that a delivery that was
sent twice shows as two files with the same key.
"""

import asyncio
import os
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from newsletter.core.clock import Clock
from newsletter.core.errors import ProviderRefused
from newsletter.providers.base import (
    API_VERSION,
    Capabilities,
    Message,
    Outcome,
    ProviderContext,
    Recipient,
    Result,
    Scope,
)

DIRECTORY = "outbox"


class Outbox:
    name = "outbox"
    api_version = API_VERSION
    capabilities = Capabilities(max_batch=100, max_bytes=50_000_000, raw_mime=True, one_click_unsubscribe=True)

    def __init__(self, directory: Path, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock

    async def check(self) -> None:
        try:
            await asyncio.to_thread(self._make_directory)
        except OSError as error:
            raise ProviderRefused(
                f"The outbox directory {self._directory} cannot be written: {error.strerror}. Set NEWSLETTER_DATA_DIR "
                "to a directory that this user may write."
            ) from None

    async def send(self, message: Message, recipients: Sequence[Recipient]) -> list[Result]:
        return await asyncio.to_thread(lambda: [self._keep(recipient) for recipient in recipients])

    async def aclose(self) -> None:
        """Nothing is held open."""

    def _make_directory(self) -> None:
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not os.access(self._directory, os.W_OK):
            raise PermissionError(13, "permission denied")

    def _keep(self, recipient: Recipient) -> Result:
        moment = self._clock.now().strftime("%Y%m%dT%H%M%S%f")
        key = "".join(character for character in recipient.key if character.isalnum() or character in "-_")[:64]
        name = f"{moment}-{key}-{secrets.token_hex(4)}.eml"
        unfinished = self._directory / f".{name}.part"
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            unfinished.write_bytes(bytes(recipient.mime))
            unfinished.replace(self._directory / name)
        except OSError as error:
            with suppress(OSError):
                unfinished.unlink()
            return Result(
                recipient.key, Outcome.DEFERRED, code=str(error.errno), detail=error.strerror, scope=Scope.ACCOUNT
            )
        return Result(recipient.key, Outcome.ACCEPTED, provider_id=name)


def carrier(_config: Mapping[str, str]) -> str:
    """Nobody: nothing leaves this machine."""
    return ""


def make(context: ProviderContext) -> Outbox:
    return Outbox(context.data_dir / DIRECTORY, context.clock)
