"""Fetches a feed from its website, politely: not at all when it has not changed since, and never much of it.

Where it may lead is `newsletter.providers.public_web`; what is in it, `newsletter.content.feed_entries`.
"""

from dataclasses import dataclass
from email.message import Message

import httpx

from newsletter.content import feed_entries
from newsletter.content.feed_entries import Entry
from newsletter.core.errors import InvalidInput
from newsletter.providers import public_web
from newsletter.providers.public_web import Closed, Look, NotPublic, TooLarge

#: The size of a feed, unpacked, and how long all of it may take.
MOST_BYTES, WITHIN_S = 2 * 1024 * 1024, 15.0

_ACCEPT = "application/atom+xml, application/rss+xml, application/xml;q=0.9, text/xml;q=0.8"
_LONGEST_ETAG, _LONGEST_DATE = 300, 100


@dataclass(frozen=True, slots=True)
class Fetched:
    """What the website sent. `entries` is None when nothing has changed since it was read before."""

    entries: list[Entry] | None
    etag: str = ""
    last_modified: str = ""


async def fetch(
    url: str,
    *,
    etag: str = "",
    last_modified: str = "",
    transport: httpx.AsyncBaseTransport | None = None,
    look_up: Look | None = None,
) -> Fetched:
    """The feed at this address. `etag` and `last_modified`: what came with it before.

    Raises `InvalidInput` with a sentence for the page, whatever is wrong elsewhere.
    """
    asked = {"accept": _ACCEPT, "if-none-match": etag, "if-modified-since": last_modified}
    try:
        async with public_web.client(within_s=WITHIN_S, transport=transport) as client:
            answer = await public_web.reach(
                client,
                url,
                within_s=WITHIN_S,
                headers={name: value for name, value in asked.items() if value},
                schemes=("https",),
                most_bytes=MOST_BYTES,
                look_up=look_up,
            )
    except NotPublic:
        raise InvalidInput("The address leads to a machine that is not on the public internet. Check it") from None
    except TooLarge:
        raise InvalidInput("The feed is larger than 2 MB. Ask its website for a shorter one") from None
    except Closed as reason:
        raise InvalidInput(f"The feed did not open: {reason}") from None
    if answer.status == 304 and (etag or last_modified):
        return Fetched(None, etag, last_modified)
    if answer.status in (404, 410):
        raise InvalidInput(f"The feed is not there ({answer.status}). Ask its website for the new address")
    if answer.status != 200:
        raise InvalidInput(f"The website did not give the feed ({answer.status}). Try again later")
    if not _may_be_feed(answer.headers.get("content-type", "")):
        raise InvalidInput(feed_entries.NOT_A_FEED)
    return Fetched(
        feed_entries.read(answer.body, url=answer.url),
        _kept(answer.headers.get("etag", ""), _LONGEST_ETAG),
        _kept(answer.headers.get("last-modified", ""), _LONGEST_DATE),
    )


def _may_be_feed(content_type: str) -> bool:
    """Many websites say “text/plain”, or nothing; none that says “a page” or “a picture” means a feed."""
    header = Message()
    header["content-type"] = content_type or "text/xml"
    kind = header.get_content_type()
    return kind.endswith(("/xml", "+xml")) or kind in ("text/plain", "application/octet-stream")


def _kept(value: str, at_most: int) -> str:
    """As it came, or not at all: half of one is none."""
    return value if len(value) <= at_most and value.isascii() and value.isprintable() else ""
