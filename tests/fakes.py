"""Stand-ins for the world outside: a mail server that keeps what it gets and can be told to misbehave."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from tests.mails import Mail

#: An answer (see `MailServer`) that is none: the connection is cut.
HANG_UP = "hang up"


class MailServer:
    """A real SMTP server (aiosmtpd) on a free port of this machine, in a thread of its own.

    `received` holds every message it took responsibility for. To refuse, set `on_recipient` or `on_message`: given the
    address or the mail, they return an answer such as "451 Later", `HANG_UP`, or None to accept.
    """

    def __init__(self) -> None:
        self.received: list[Mail] = []
        self.connections = 0
        self.on_recipient: Callable[[str], str | None] = lambda address: None
        self.on_message: Callable[[Mail], str | None] = lambda mail: None
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._ready = threading.Event()

    def start(self) -> "MailServer":
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def stop(self) -> None:
        """Close the port and every connection. Safe to call twice."""
        if self._loop.is_closed():
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def copies(self) -> Counter[str]:
        """How many messages each address has got."""
        return Counter(address for mail in self.received for address in mail.recipients)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)

        async def serve() -> asyncio.Server:
            return await self._loop.create_server(self._conversation, "127.0.0.1", 0)

        server = self._loop.run_until_complete(serve())
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    def _conversation(self) -> SMTP:
        self.connections += 1
        return SMTP(_Handler(self), hostname="mail.example.org", enable_SMTPUTF8=True, loop=self._loop)


class _Handler:
    """What aiosmtpd calls; the names are its own."""

    def __init__(self, server: MailServer) -> None:
        self._server = server

    async def handle_RCPT(
        self, smtp: SMTP, session: Session, envelope: Envelope, address: str, options: list[Any]
    ) -> str:
        answer = self._server.on_recipient(address)
        if answer is not None:
            return _answer(smtp, answer)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, smtp: SMTP, session: Session, envelope: Envelope) -> str:
        assert envelope.mail_from is not None
        assert isinstance(envelope.content, bytes)
        mail = Mail(envelope.mail_from, tuple(envelope.rcpt_tos), envelope.content)
        answer = self._server.on_message(mail)
        if answer is not None and answer != HANG_UP:
            return answer
        self._server.received.append(mail)
        return _answer(smtp, answer) if answer else "250 Kept"


def _answer(smtp: SMTP, answer: str) -> str:
    if answer == HANG_UP:
        assert isinstance(smtp.transport, asyncio.WriteTransport)
        smtp.transport.abort()
        return "421 Closed"
    return answer
