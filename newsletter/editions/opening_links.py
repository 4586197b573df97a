"""Opens links to see whether they lead anywhere. The one place where a text decides whom we call, so it trusts nobody.

Every name is looked up first and the call goes to the address that was found, so that a name cannot mean another
machine the second time. Addresses that are not on the public internet (this machine, the office, a cloud's own
services) are refused, and so is every redirect to one. Little is read, nothing is kept, nothing about us is told.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import IPv6Address, IPv6Network, ip_address
from urllib.parse import urljoin, urlsplit

import httpx
import idna

from newsletter.providers import http

#: Links that are opened at once, and altogether in one go.
AT_ONCE, MOST = 8, 60
#: Redirects that are followed, and the seconds that one link, and all of them, may take.
MOST_HOPS, LINK_S, ALL_S = 5, 8.0, 45.0

Look = Callable[[str, int], Awaitable[Sequence[str]]]

#: Answers with which a site keeps programs out that people may well open.
_NOT_FOR_PROGRAMS = frozenset({401, 403, 405, 406, 418, 429, 451, 501, 503, 999})
_PORTS = {"https": 443, "http": 80}
#: IPv4 addresses as networks without IPv4 write them (RFC 6052).
_NAT64 = IPv6Network("64:ff9b::/96")


class Closed(Exception):
    """The link does not open; the message says why, in words that go after a colon."""


async def open_all(
    urls: Sequence[str],
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    look_up: Look | None = None,
    all_s: float = ALL_S,
) -> dict[str, str]:
    """What came of each link: empty where it opens, else why not. Links there was no time for are left out.

    Never raises for what is elsewhere. Of more than `MOST` links the first are opened.
    """
    found: dict[str, str] = {}
    places = asyncio.Semaphore(AT_ONCE)

    async with http.client("", transport=transport, timeout=httpx.Timeout(LINK_S)) as client:

        async def one(url: str) -> None:
            async with places:
                found[url] = await _problem(client, url, look_up or _addresses)

        tasks = [asyncio.create_task(one(url)) for url in urls[:MOST]]
        _, late = await asyncio.wait(tasks, timeout=all_s) if tasks else (set(), set())
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return found


async def _problem(client: httpx.AsyncClient, url: str, look_up: Look) -> str:
    try:
        async with asyncio.timeout(LINK_S):
            await _follow(client, url, look_up)
    except Closed as reason:
        return str(reason)
    except TimeoutError:
        return "the website took too long to answer"
    except httpx.TimeoutException:
        return "the website took too long to answer"
    except httpx.ConnectError as error:
        is_certificate = "CERTIFICATE" in str(error).upper()
        return "its certificate is not valid" if is_certificate else "the website did not answer"
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, ValueError):
        return "the website did not answer as websites do"
    return ""


async def _follow(client: httpx.AsyncClient, url: str, look_up: Look) -> None:
    for _ in range(MOST_HOPS + 1):
        status, onwards = await _ask(client, url, look_up)
        if onwards is None:
            if status in (404, 410):
                raise Closed(f"the page is not there ({status})")
            if status >= 400 and status not in _NOT_FOR_PROGRAMS:
                raise Closed(f"the website says that something is wrong ({status})")
            return
        url = urljoin(url, onwards)
    raise Closed("it leads from page to page and does not arrive")


async def _ask(client: httpx.AsyncClient, url: str, look_up: Look) -> tuple[int, str | None]:
    """The status, and where it leads on to when it is a redirect."""
    parts = urlsplit(url)
    host, port = parts.hostname, _port(parts.scheme, parts.port)
    if not host or "@" in parts.netloc:
        raise Closed("it is not a web address that can be opened")
    name = host if _is_number(host) else idna.encode(host, uts46=True).decode()
    address = await _public_address(name, port, look_up)
    literal = f"[{address}]" if isinstance(ip_address(address), IPv6Address) else address
    request = client.build_request(
        "GET",
        f"{parts.scheme}://{literal}:{port}{parts.path or '/'}{'?' + parts.query if parts.query else ''}",
        headers={"host": f"[{name}]" if ":" in name else name, "accept": "text/html,*/*;q=0.5", "range": "bytes=0-0"},
        # The certificate must be that of the name, not of the number that is called.
        extensions={"sni_hostname": name},
    )
    answer = await client.send(request, stream=True)  # the head is enough
    await answer.aclose()
    return answer.status_code, answer.headers.get("location") if answer.is_redirect else None


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _port(scheme: str, given: int | None) -> int:
    usual = _PORTS.get(scheme)
    if usual is None or given not in (None, usual):
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
        raise Closed("it leads to an address that readers cannot reach")
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
    return number.is_global and not number.is_multicast and not number.is_reserved


async def _addresses(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]
