"""Sending with the SMTP provider to a server of the test, and letting go of every connection afterwards."""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path

from newsletter.core.clock import ManualClock
from newsletter.providers import smtp
from newsletter.providers.base import ProviderContext, Recipient, Result
from tests.conftest import START
from tests.newsletter.providers.samples import MESSAGE, recipient
from tests.newsletter.providers.smtp.scripted import LOCK_STEP, PIPELINING, Answers, Scripted, scripted

ONE = [recipient()]
THREE = [recipient(number) for number in range(3)]


def provider(port: int, /, tls_context: ssl.SSLContext | None = None, **config: str) -> smtp.Smtp:
    given = {"host": "127.0.0.1", "port": str(port), "tls": "none", "timeout_s": "5", **config}
    return smtp.make(ProviderContext(given, Path("unused"), ManualClock(START)), tls_context=tls_context)


async def send_and_close(ours: smtp.Smtp, recipients: Sequence[Recipient]) -> list[Result]:
    try:
        return await ours.send(MESSAGE, recipients)
    finally:
        await ours.aclose()


def send(port: int, recipients: Sequence[Recipient], **config: str) -> list[Result]:
    return asyncio.run(send_and_close(provider(port, **config), recipients))


def send_to_script(
    script: Mapping[str, Answers],
    recipients: Sequence[Recipient] = ONE,
    *,
    timeout_s: float = 5,
    cut_body_after: int | None = None,
    pipelining: bool = True,
    server_side: ssl.SSLContext | None = None,
    **config: str,
) -> tuple[list[Result], Scripted]:
    script = {"EHLO": PIPELINING if pipelining else LOCK_STEP, **script}

    async def run() -> tuple[list[Result], Scripted]:
        async with scripted(script, cut_body_after=cut_body_after, tls=server_side) as server:
            ours = provider(server.port, timeout_s=str(timeout_s), **config)
            return await send_and_close(ours, recipients), server

    return asyncio.run(run())
