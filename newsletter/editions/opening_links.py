"""Opens links to see whether they lead anywhere. The call itself, with whom we never call, is
`newsletter.providers.public_web`; only the head of each answer is read, and nothing is kept."""

import asyncio
from collections.abc import Sequence

import httpx

from newsletter.providers import public_web
from newsletter.providers.public_web import Closed, Look

#: Links that are opened at once, and altogether in one go.
AT_ONCE, MOST = 8, 60
#: The seconds that one link, and all of them, may take.
LINK_S, ALL_S = 8.0, 45.0

#: Answers with which a site keeps programs out that people may well open.
_NOT_FOR_PROGRAMS = frozenset({401, 403, 405, 406, 418, 429, 451, 501, 503, 999})
_HEADERS = {"accept": "text/html,*/*;q=0.5", "range": "bytes=0-0"}


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

    async with public_web.client(within_s=LINK_S, transport=transport) as client:

        async def one(url: str) -> None:
            async with places:
                found[url] = await _problem(client, url, look_up)

        tasks = [asyncio.create_task(one(url)) for url in urls[:MOST]]
        _, late = await asyncio.wait(tasks, timeout=all_s) if tasks else (set(), set())
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return found


async def _problem(client: httpx.AsyncClient, url: str, look_up: Look | None) -> str:
    try:
        answer = await public_web.reach(client, url, within_s=LINK_S, headers=_HEADERS, look_up=look_up)
    except Closed as reason:
        return str(reason)
    if answer.status in (404, 410):
        return f"the page is not there ({answer.status})"
    if answer.status >= 400 and answer.status not in _NOT_FOR_PROGRAMS:
        return f"the website says that something is wrong ({answer.status})"
    return ""
