"""One conversation with a mail server: connect, sign in, then one transaction for each message.

MAIL, RCPT, DATA and the body are separate steps, so that the moment of a failure is known: until the body is handed
over nothing can have been sent (`DEFERRED`); once it is, only the server's answer tells (`UNKNOWN` without one). An
answer that makes no sense ends the conversation. aiosmtplib does the protocol.
"""

import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import aiosmtplib
from aiosmtplib import SMTPResponse

from newsletter.providers.base import Outcome, Result, Scope
from newsletter.providers.wire import needs_utf8

READY_FOR_BODY = 354
#: The server is shutting the connection down (RFC 5321, section 3.8).
CLOSING = 421
#: Authentication required, needed, failed: whatever the recipient (RFC 4954).
_ABOUT_US = {530, 534, 535, 538}
_TOO_LARGE = 552

Tls = Literal["none", "starttls", "tls"]


class CannotConnect(Exception):
    """No conversation could be opened. `is_passing`: the server is there and asks to come back later."""

    def __init__(self, message: str, *, code: str | None = None, is_passing: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.is_passing = is_passing


@dataclass(frozen=True, slots=True)
class Server:
    """Where the mail server is, and who we are to it."""

    host: str
    port: int
    tls: Tls
    timeout_s: float
    username: str = ""
    password: str = ""
    tls_context: ssl.SSLContext | None = None


class Conversation:
    """An open connection. `is_open` turns false as soon as it must not be used any more."""

    def __init__(self, client: aiosmtplib.SMTP, server: Server) -> None:
        self._client = client
        self._timeout_s = server.timeout_s
        self.is_open = True

    @classmethod
    async def open(cls, server: Server) -> "Conversation":
        """Connect, secure the connection as the settings say, sign in. Raises `CannotConnect`."""
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.tls == "tls",
            start_tls=server.tls == "starttls",
            username=server.username or None,
            password=server.password or None,
            timeout=server.timeout_s,
            tls_context=server.tls_context,
            local_hostname=_own_name(),
        )
        opened: Conversation | None = None
        where = f"the mail server {server.host}, port {server.port}"
        try:
            await client.connect()
            await client.ehlo()
        except aiosmtplib.SMTPAuthenticationError as error:
            raise CannotConnect(
                f"{where} does not accept the user name and password: {error.message}", code=str(error.code)
            ) from None
        except aiosmtplib.SMTPResponseException as error:
            passing = 400 <= error.code < 500
            raise CannotConnect(
                f"{where} turned us away: {error.message}", code=str(error.code), is_passing=passing
            ) from None
        except ssl.SSLError as error:
            raise CannotConnect(f"{where} cannot be spoken to securely: {error.reason or 'TLS failed'}") from None
        except aiosmtplib.SMTPTimeoutError:
            raise CannotConnect(f"{where} does not answer within {server.timeout_s:g} seconds") from None
        except (aiosmtplib.SMTPException, OSError) as error:
            cause = error.__cause__
            if isinstance(cause, ssl.SSLError):
                raise CannotConnect(f"{where} cannot be spoken to securely: {cause.reason or 'TLS failed'}") from None
            raise CannotConnect(f"{where} cannot be reached: {_plain(error)}") from None
        else:
            opened = cls(client, server)
            return opened
        finally:
            if opened is None:
                client.close()

    async def send(self, key: str, sender: str, recipient: str, body: bytes) -> Result:
        """One message to one recipient. Never raises for anything the server does."""
        if needs_utf8(recipient) and not self._client.supports_extension("smtputf8"):
            detail = "The mail server takes only addresses written in the letters a to z (no SMTPUTF8)."
            return Result(key, Outcome.REJECTED, code="SMTPUTF8", detail=detail)
        if too_large := self._over_size(len(body)):
            return Result(key, Outcome.REJECTED, code="SIZE", detail=too_large, scope=Scope.BATCH)
        try:
            refused = await self._envelope(key, sender, recipient, len(body))
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            self.hang_up()
            return Result(key, Outcome.DEFERRED, detail=f"Before the message: {_plain(error)}", scope=Scope.BATCH)
        if refused is not None:
            await self._reset()
            return refused
        return await self._body(key, body)

    async def close(self) -> None:
        if self.is_open:
            with suppress(aiosmtplib.SMTPException, OSError):
                await self._client.quit(timeout=min(self._timeout_s, 5))
        self.hang_up()

    async def _envelope(self, key: str, sender: str, recipient: str, size: int) -> Result | None:
        """MAIL, RCPT and DATA; a refusal of any of them, or None: the server waits for the body."""
        options = [f"SIZE={size}".encode()] if self._client.supports_extension("size") else []
        if needs_utf8(recipient):
            options.append(b"SMTPUTF8")
        answer = await self._command(b"MAIL", f"FROM:<{sender}>".encode(), *options)
        if answer.code != 250:  # it is our sender, or our message, that is refused: the same for everybody
            return self._refusal(key, answer, Scope.BATCH)
        answer = await self._command(b"RCPT", f"TO:<{recipient}>".encode())
        if answer.code not in (250, 251):
            # A server that will not relay for us says so of every recipient; no reader is to blame.
            about_us = answer.code >= 500 and "relay" in answer.message.lower()
            return self._refusal(key, answer, Scope.ACCOUNT if about_us else Scope.RECIPIENT)
        answer = await self._command(b"DATA")
        return None if answer.code == READY_FOR_BODY else self._refusal(key, answer, Scope.RECIPIENT)

    async def _body(self, key: str, body: bytes) -> Result:
        protocol = self._client.protocol
        try:
            if protocol is None:
                raise aiosmtplib.SMTPServerDisconnected("Connection lost")
            protocol.write(_dotted(body))
            answer = await protocol.read_response(timeout=self._timeout_s)
            self._check_pairing()
        except (aiosmtplib.SMTPException, OSError) as error:
            self.hang_up()
            return Result(key, Outcome.UNKNOWN, detail=f"No answer after the message: {_plain(error)}")
        code, said = str(answer.code), answer.message[:300]
        if answer.code == CLOSING:
            self.hang_up()
        if 200 <= answer.code < 300:
            return Result(key, Outcome.ACCEPTED, code=code, detail=said)
        if 400 <= answer.code < 500:
            await self._reset()
            return Result(key, Outcome.DEFERRED, code=code, detail=said)
        if 500 <= answer.code < 600:
            await self._reset()
            scope = Scope.BATCH if answer.code == _TOO_LARGE else Scope.RECIPIENT
            return Result(key, Outcome.REJECTED, code=code, detail=said, scope=scope)
        self.hang_up()
        return Result(key, Outcome.UNKNOWN, code=code, detail=f"An answer that makes no sense: {said}")

    def _refusal(self, key: str, answer: SMTPResponse, scope: Scope) -> Result:
        """What a refusal before the body means."""
        code, said = str(answer.code), answer.message[:300]
        if answer.code in _ABOUT_US:
            return Result(key, Outcome.DEFERRED, code=code, detail=said, scope=Scope.ACCOUNT)
        if 500 <= answer.code < 600:
            if scope is Scope.ACCOUNT:
                return Result(key, Outcome.DEFERRED, code=code, detail=said, scope=scope)
            return Result(key, Outcome.REJECTED, code=code, detail=said, scope=scope)
        if answer.code == CLOSING or not 400 <= answer.code < 500:
            self.hang_up()
            return Result(key, Outcome.DEFERRED, code=code, detail=said, scope=Scope.BATCH)
        return Result(key, Outcome.DEFERRED, code=code, detail=said, scope=scope)

    async def _command(self, *words: bytes) -> SMTPResponse:
        answer = await self._client.execute_command(*words)
        if answer.code != CLOSING:
            self._check_pairing()
        return answer

    def _check_pairing(self) -> None:
        """An answer nobody asked for would be taken for the answer to the next command."""
        if getattr(self._client.protocol, "_buffer", b""):
            raise aiosmtplib.SMTPException("The server said more than it was asked")

    async def _reset(self) -> None:
        """RSET after a refusal, so that nothing of it is left in the next transaction."""
        if not self.is_open:
            return
        try:
            answer = await self._command(b"RSET")
        except (aiosmtplib.SMTPException, OSError):
            self.hang_up()
            return
        if answer.code != 250:
            self.hang_up()

    def _over_size(self, size: int) -> str | None:
        if not self._client.supports_extension("size"):
            return None
        limit = self._client.esmtp_extensions.get("size", "").strip()
        if limit.isdecimal() and 0 < int(limit) < size:
            return f"The message has {size} bytes; the mail server takes {limit} at most."
        return None

    def hang_up(self) -> None:
        """Cut the connection without a word."""
        self.is_open = False
        self._client.close()


def _dotted(body: bytes) -> bytes:
    """The body as DATA wants it: lines that begin with a dot get another (RFC 5321, section 4.5.2), a dot ends it."""
    stuffed = (b"." if body.startswith(b".") else b"") + body.replace(b"\r\n.", b"\r\n..")
    return stuffed + (b"" if stuffed.endswith(b"\r\n") else b"\r\n") + b".\r\n"


def _own_name() -> str:
    name = socket.gethostname()
    return name if name and name.isascii() and name.isprintable() and " " not in name else "localhost"


def _plain(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error.__cause__, OSError) and error.__cause__.strerror:
        return error.__cause__.strerror
    return str(error.args[-1])[:200] if error.args else type(error).__name__
