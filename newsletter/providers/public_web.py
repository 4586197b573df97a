"""Calls addresses that somebody typed: links in a text, the feed of another website. It trusts none of them.

Every name is looked up first and the call goes to the address that was found, so that a name cannot mean another
machine the second time. Addresses that are not on the public internet (this machine, the office, a cloud's own
services) are refused, and so is every redirect to one. Nothing about us is told. How much is read, and for how long,
the caller says.
"""

import asyncio
import socket
import zlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network, ip_address
from urllib.parse import urljoin, urlsplit

import httpx
import idna

from newsletter.providers import http

#: Redirects that are followed.
MOST_HOPS = 5

Look = Callable[[str, int], Awaitable[Sequence[str]]]

PORTS = {"https": 443, "http": 80}
#: IPv4 addresses as networks without IPv4 write them (RFC 6052).
_NAT64 = IPv6Network("64:ff9b::/96")
#: gzip, and zlib's own form, told apart by their first bytes.
_EITHER = zlib.MAX_WBITS + 32


class Closed(Exception):
    """The address does not open; the message says why, in words that go after a colon."""


class NotPublic(Closed):
    """It leads to a machine that is not on the public internet."""


class TooLarge(Closed):
    """More came than was wanted."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a call. `body` is empty when none was wanted."""

    url: str  # where it was found in the end
    status: int
    headers: httpx.Headers
    body: bytes = b""


def client(*, within_s: float, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """The client for some calls. The caller closes it."""
    # Never through a proxy from the environment: it would make the call from where it stands, so that the address that
    # was checked here need not be the one that is called, and it would learn what authors read.
    return http.client("", transport=transport, timeout=httpx.Timeout(within_s), trust_env=False)


async def reach(
    client: httpx.AsyncClient,
    url: str,
    *,
    within_s: float,
    headers: Mapping[str, str] | None = None,
    schemes: Sequence[str] = tuple(PORTS),
    most_bytes: int = 0,
    look_up: Look | None = None,
) -> Answer:
    """Call, and follow redirects. Of the body no more than `most_bytes` are read, unpacked; none when that is 0.

    Raises `Closed`, and nothing else, for whatever is elsewhere.
    """
    try:
        async with asyncio.timeout(within_s):
            for _ in range(MOST_HOPS + 1):
                answer, onwards = await _ask(client, url, headers or {}, schemes, most_bytes, look_up or _addresses)
                if onwards is None:
                    return answer
                url = urljoin(url, onwards)
    except (TimeoutError, httpx.TimeoutException):
        raise Closed("the website took too long to answer") from None
    except httpx.ConnectError as error:
        is_certificate = "CERTIFICATE" in str(error).upper()
        raise Closed("its certificate is not valid" if is_certificate else "the website did not answer") from None
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ValueError, zlib.error):
        raise Closed("the website did not answer as websites do") from None
    raise Closed("it leads from page to page and does not arrive")


async def _ask(
    client: httpx.AsyncClient,
    url: str,
    headers: Mapping[str, str],
    schemes: Sequence[str],
    most_bytes: int,
    look_up: Look,
) -> tuple[Answer, str | None]:
    """The answer, and where it leads on to when it is a redirect."""
    parts = urlsplit(url)
    host, port = parts.hostname, _port(parts.scheme, parts.port, schemes)
    if not host or "@" in parts.netloc:
        raise Closed("it is not a web address that can be opened")
    name = host if _is_number(host) else idna.encode(host, uts46=True).decode()
    address = await _public_address(name, port, look_up)
    literal = f"[{address}]" if isinstance(ip_address(address), IPv6Address) else address
    request = client.build_request(
        "GET",
        f"{parts.scheme}://{literal}:{port}{parts.path or '/'}{'?' + parts.query if parts.query else ''}",
        headers={
            "accept-encoding": "gzip" if most_bytes else "identity",
            **headers,
            "host": f"[{name}]" if ":" in name else name,
        },
        # The certificate must be that of the name, not of the number that is called.
        extensions={"sni_hostname": name},
    )
    answer = await client.send(request, stream=True)
    try:
        onwards = answer.headers.get("location") if answer.is_redirect else None
        body = await _body(answer, most_bytes) if most_bytes and onwards is None else b""
    finally:
        await answer.aclose()
    return Answer(url, answer.status_code, answer.headers, body), onwards


async def _body(answer: httpx.Response, most_bytes: int) -> bytes:
    """Unpacked here and not by the client, which would unpack a whole piece, however much there is in it."""
    packing = answer.headers.get("content-encoding", "").strip().lower()
    if packing not in ("", "identity", "gzip", "x-gzip"):
        raise Closed("the website did not answer as websites do")
    unpack = zlib.decompressobj(_EITHER) if packing.endswith("gzip") else None
    came, body = 0, bytearray()
    async for piece in answer.aiter_raw():
        came += len(piece)
        body += unpack.decompress(piece, most_bytes + 1 - len(body)) if unpack else piece
        if max(came, len(body)) > most_bytes:
            raise TooLarge("it is too large")
    return bytes(body)


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _port(scheme: str, given: int | None, schemes: Sequence[str]) -> int:
    usual = PORTS.get(scheme)
    if usual is None or scheme not in schemes or given not in (None, usual):
        raise Closed("it is not a web address that can be opened")
    return usual


async def _public_address(host: str, port: int, look_up: Look) -> str:
    try:
        found = await look_up(host, port)
    except OSError:
        found = ()
    if not found:
        raise Closed("there is no website of that name")
    # One address that is not public is enough: such a name is a trap, or an office's own.
    if not all(is_public(address) for address in found):
        raise NotPublic("it leads to an address that readers cannot reach")
    return found[0]


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, seen through every way of writing another one."""
    number = ip_address(address.partition("%")[0])
    if isinstance(number, IPv6Address):
        inner = number.ipv4_mapped or number.sixtofour or (number.teredo[1] if number.teredo else None)
        if inner is not None:
            return is_public(str(inner))
        if number in _NAT64:
            return is_public(str(ip_address(int(number) & 0xFFFFFFFF)))
        if number.is_site_local:  # fec0::/10: no longer used for it, and global to Python
            return False
    return number.is_global and not number.is_multicast and not number.is_reserved


async def _addresses(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]
