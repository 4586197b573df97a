"""From a host name to a connection that may carry mail: connect, secure it as the settings say, sign in."""

import asyncio
import ipaddress
import re
import socket
import ssl
from dataclasses import dataclass
from typing import Literal

from aiohappyeyeballs import start_connection

from newsletter.providers.smtp import signing_in
from newsletter.providers.smtp.dialogue import Broken, Dialogue, Reply
from newsletter.providers.smtp.protocol import Line
from newsletter.providers.smtp.transactions import Offers, Transactions

Tls = Literal["none", "starttls", "tls"]

_SIGNED_IN = 235
_EHLO_UNKNOWN = {500, 502, 504, 550}


class CannotConnect(Exception):
    """No connection could be opened. `is_passing`: the server is there and asks to come back later."""

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
    auth: str = "auto"
    tls_context: ssl.SSLContext | None = None

    def __str__(self) -> str:
        return f"The mail server {self.host}, port {self.port},"


async def connect(server: Server) -> Transactions:
    """A connection ready for mail. Raises `CannotConnect` with a sentence; each step has `timeout_s`."""
    dialogue = Dialogue()
    line = dialogue.line
    try:
        await _open(server, line)
        _expect(server, await _asked(server, dialogue, None), 220)
        offers = await _hello(server, dialogue)
        if server.tls == "starttls":
            await _start_tls(server, dialogue, offers)
            offers = await _hello(server, dialogue)
        if server.username:
            await _sign_in(server, dialogue, offers)
        if not line.is_open:
            raise Broken(line.ended_because)
    except Broken as error:
        raise CannotConnect(f"{server} cannot be spoken to: {error}") from None
    except TimeoutError:
        raise CannotConnect(f"{server} does not answer within {server.timeout_s:g} seconds") from None
    except ssl.SSLError as error:
        why = getattr(error, "verify_message", "") or error.reason or "TLS failed"
        raise CannotConnect(f"{server} cannot be spoken to securely: {why}") from None
    except OSError as error:
        raise CannotConnect(f"{server} cannot be reached: {error.strerror or type(error).__name__}") from None
    else:
        return Transactions(line, offers, timeout_s=server.timeout_s)
    finally:
        if not isinstance(line.listener, Transactions):
            line.fail("We hung up")


async def _open(server: Server, line: Line) -> None:
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(server.timeout_s):
        found = await loop.getaddrinfo(server.host, server.port, type=socket.SOCK_STREAM)
        # A name may stand for an address that leads nowhere from here, as IPv6 often does (RFC 8305).
        connection = await start_connection(found, happy_eyeballs_delay=0.25)
        # The end of a body must not wait for the server to acknowledge its beginning.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await loop.create_connection(
            lambda: line,
            sock=connection,
            ssl=server.tls_context if server.tls == "tls" else None,
            server_hostname=server.host if server.tls == "tls" else None,
        )
    if server.tls == "none":
        line.left_in_clear(connection)


async def _start_tls(server: Server, dialogue: Dialogue, offers: Offers) -> None:
    if not offers.starttls:
        raise CannotConnect(f"{server} does not offer STARTTLS")
    _expect(server, await _asked(server, dialogue, b"STARTTLS"), 220)
    line = dialogue.line
    if not line.is_open or not line.is_quiet:  # somebody on the way put words into the server's mouth (CVE-2011-0411)
        raise CannotConnect(f"{server} said something in clear after STARTTLS")
    assert server.tls_context is not None
    async with asyncio.timeout(server.timeout_s):
        secured = await asyncio.get_running_loop().start_tls(
            line.transport, line, server.tls_context, server_hostname=server.host
        )
    if secured is None or not line.is_open:
        raise Broken(line.ended_because or "The server closed the connection")
    line.secured(secured)


async def _hello(server: Server, dialogue: Dialogue) -> Offers:
    name = _own_name().encode()
    reply = await _asked(server, dialogue, b"EHLO " + name)
    if reply.code in _EHLO_UNKNOWN:
        _expect(server, await _asked(server, dialogue, b"HELO " + name), 250)
        return Offers()
    _expect(server, reply, 250)
    words = [line.decode("ascii", "replace").upper().split() for line in reply.lines[1:]]
    offered = {said[0]: said[1:] for said in words if said}
    size = next(iter(offered.get("SIZE", [])), "")
    return Offers(
        pipelining="PIPELINING" in offered,
        smtputf8="SMTPUTF8" in offered,
        size="SIZE" in offered,
        most_bytes=int(size) if re.fullmatch(r"[0-9]{1,19}", size) else 0,
        starttls="STARTTLS" in offered,
        auth=frozenset(offered.get("AUTH", [])),
    )


async def _sign_in(server: Server, dialogue: Dialogue, offers: Offers) -> None:
    if server.tls == "none" and not is_loopback(server.host):
        raise CannotConnect(f"{server} would get the password in clear")
    mechanism = signing_in.choose(server.auth, offers.auth)
    if mechanism is None:
        raise CannotConnect(f"{server} offers no way to sign in that fits NEWSLETTER_SMTP_AUTH={server.auth}")
    async with asyncio.timeout(server.timeout_s):
        reply = await signing_in.sign_in(dialogue, mechanism, server.username, server.password)
    if reply.code == _SIGNED_IN:
        return
    if 400 <= reply.code < 500:
        raise CannotConnect(f"{server} cannot sign us in now: {reply.text}", code=str(reply.code), is_passing=True)
    raise CannotConnect(f"{server} does not accept the user name and password: {reply.text}", code=str(reply.code))


async def _asked(server: Server, dialogue: Dialogue, command: bytes | None) -> Reply:
    async with asyncio.timeout(server.timeout_s):
        return await dialogue.ask(command)


def _expect(server: Server, reply: Reply, code: int) -> None:
    if reply.code != code:
        passing = 400 <= reply.code < 500
        raise CannotConnect(f"{server} turned us away: {reply.text}", code=str(reply.code), is_passing=passing)


def is_loopback(host: str) -> bool:
    """Whether what is sent there stays on this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _own_name() -> str:
    name = socket.gethostname()
    return name if re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?", name) else "localhost"
