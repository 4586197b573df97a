"""Mail filters open every link before people do, in a whole browser and a hundred times: nothing may come of it.

Every kind of mail is sent, read from the outbox, and scanned as filters do: its links, and the links on the pages these
lead to; what is personal a hundred times by a program and a hundred times in a browser. Then the database is what it
was, and each link still does what it is for.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
import sqlalchemy as sa
from playwright.sync_api import Browser, Page
from sqlmodel import select

from newsletter import sample
from newsletter.core.clock import ManualClock
from newsletter.delivery import letters
from newsletter.delivery.models import DeliveryKind
from newsletter.tables import metadata
from scheduler import jobs
from subscribers import preferences, reminding
from subscribers.models import Subscriber, SubscriberState
from tests.conftest import make_runtime
from tests.journeys.conftest import House, Reader, listening, serving
from tests.journeys.test_publish_and_leave import publish
from tests.mails import Mail
from tests.newsletter.web import town

T = TypeVar("T")

#: How often a filter opens each personal link, and in how many windows at the same time.
TIMES, WINDOWS = 100, 2

#: A link for one person carries a token, whatever else it says.
PERSONAL = re.compile(r"/[\w-]{43}(?![\w-])")

#: What is counted and swept, and says nothing about anybody.
MARKS = {"attempt", "pulse", "pace"}


def aside(work: Callable[[], T]) -> T:
    """Do it in a thread of its own: the browser's driver has the event loop of this one."""
    with ThreadPoolExecutor(1) as one:
        return one.submit(work).result()


@dataclass
class Scanned(House):
    """A house whose mail stays in the outbox."""

    def send(self) -> None:
        aside(super().send)

    def mails(self) -> dict[Path, Mail]:
        """Everything in the outbox, by file."""
        files = sorted((self.runtime.settings.data_dir / "outbox").glob("*.eml"))
        return {file: Mail("", (), file.read_bytes()) for file in files}

    def mail_of(self, kind: DeliveryKind) -> Mail:
        """Let one mail of this kind be sent to somebody, and fetch it."""
        address = f"{kind.name.lower()}@example.org"
        before = set(self.mails())
        confirmed = kind not in PENDING
        subscriber_id = town.subscriber(self.runtime, address, confirmed=confirmed)
        with self.runtime.db.transaction() as session:
            list_id, now = town.parents_id(session), self.clock.now()
            if kind in (DeliveryKind.GOODBYE, DeliveryKind.ADDRESS_CHANGED):
                preferences.leave(session, mailing_list_id=list_id, subscriber_id=subscriber_id, how="button", now=now)
            if kind not in (DeliveryKind.EDITION, DeliveryKind.REMINDER):
                letters.queue(session, kind, mailing_list_id=list_id, subscriber_id=subscriber_id, now=now)
        if kind is DeliveryKind.EDITION:
            publish(self, "parents")
        if kind is DeliveryKind.REMINDER:
            self.clock.move(reminding.EARLIEST)
            jobs.remind(self.runtime)
        self.send()
        self.send()  # and the edition is finished
        (made,) = set(self.mails()) - before
        return self.mails()[made]

    def dump(self) -> dict[str, list[Any]]:
        with self.runtime.db.reading() as session:
            return {
                name: sorted(map(repr, session.connection().execute(sa.select(table))))
                for name, table in metadata.tables.items()
                if name not in MARKS
            }

    def state(self) -> SubscriberState:
        """Of the only subscriber there is."""
        with self.runtime.db.reading() as session:
            return session.exec(select(Subscriber)).one().state


@pytest.fixture
def house(sqlite_url: str, clock: ManualClock, tmp_path: Path) -> Iterator[Scanned]:
    listener, base_url = listening()
    runtime = make_runtime(sqlite_url, clock, tmp_path, base_url=base_url)
    sample.load(runtime, with_people=False)
    with ExitStack() as stack:
        stack.enter_context(serving(runtime, listener))
        reader = stack.enter_context(Reader(base_url=base_url, follow_redirects=True))
        reader.runtime = runtime
        yield Scanned(runtime, clock, reader, None)  # type: ignore[arg-type]
    runtime.db.dispose()


def links_to_us(mail: Mail, base_url: str) -> list[str]:
    """In both parts, and in the headers that mail programs act upon."""
    found = {*mail.links, *re.findall(r"https?://[^\s<>]+", mail.text)}
    found |= set(re.findall(r"<(https?://[^>]+)>", str(mail.parsed["List-Unsubscribe"] or "")))
    return sorted({link.partition("#")[0] for link in found if link.startswith(base_url)})


def links_on(page: str, url: str, base_url: str) -> set[str]:
    """Where the page leads by GET: its links, and, as careless filters do, the targets of its forms."""
    targets = re.findall(r'(?:href|action|src)="([^"#]+)"', page)
    return {link for target in targets if (link := urljoin(url, target.replace("&amp;", "&"))).startswith(base_url)}


def scan_by_program(urls: list[str], base_url: str) -> list[str]:
    """Open everything, and where it leads to; what is personal a hundred times, with GET and HEAD, several at once."""
    personal = [url for url in urls if PERSONAL.search(url)]

    async def all_of_it() -> list[str]:
        async with httpx.AsyncClient(follow_redirects=True, timeout=60) as client:
            landed = {url: (await client.get(url)).text for url in urls}
            further = sorted({link for url, page in landed.items() for link in links_on(page, url, base_url)})
            for url in further:
                assert (await client.get(url)).status_code < 500
            for method in ("GET", "HEAD") * (TIMES // 2):
                await asyncio.gather(*(client.request(method, url) for url in personal))
            return further

    return aside(lambda: asyncio.run(all_of_it()))


class BrowsingFilter:
    """Opens pages with scripts running, in several windows at once, and counts how often it did.

    Where they lead to it follows: to what is personal in the same way, to the rest by a plain GET. What is personal it
    opens a hundred times.
    """

    def __init__(self, windows: Sequence[Page], base_url: str) -> None:
        self._windows, self._base_url = windows, base_url
        self.opened: Counter[str] = Counter()
        self.followed: set[str] = set()

    def scan(self, urls: Sequence[str]) -> None:
        while further := self._open(urls):
            self._follow(url for url in further if not PERSONAL.search(url))
            urls = sorted(url for url in further if PERSONAL.search(url) and url not in self.opened)
        personal = sorted(url for url in self.opened if PERSONAL.search(url))
        self._open(personal * (TIMES - 1))

    def _open(self, urls: Sequence[str]) -> set[str]:
        """Wait until each page is whole and its scripts have run. Returns where those lead to that are new."""
        further = set[str]()
        urls = [url for url in urls if not self._is_downloaded(url)]
        for first in range(0, len(urls), len(self._windows)):
            opening = list(zip(self._windows, urls[first:], strict=False))
            for window, url in opening:
                answer = window.goto(url, wait_until="commit")
                assert answer is not None
                assert answer.status < 500, url
            for window, url in opening:
                window.wait_for_load_state("load")
                self.opened[url] += 1
                if self.opened[url] == 1:
                    further |= self._leads_to(window)
        return further

    def _is_downloaded(self, url: str) -> bool:
        """Follow what a browser would not show."""
        downloaded = urlsplit(url).path.endswith((".xml", ".ics"))
        if downloaded:
            self._follow([url])
        return downloaded

    def _follow(self, urls: Iterable[str]) -> None:
        for url in {*urls} - self.followed:
            assert self._windows[0].request.get(url).status < 500, url
            self.followed.add(url)

    def _leads_to(self, window: Page) -> set[str]:
        """What is linked from the page as its scripts have left it, and, as careless filters do, the targets of its
        forms."""
        assert window.evaluate("document.body.classList.contains('js-enabled')"), window.url
        found = window.evaluate(
            "[...document.querySelectorAll('[href], [src], [action]')]"
            ".map(each => new URL(each.getAttribute('href') ?? each.getAttribute('src') ?? each.getAttribute('action'),"
            " document.baseURI).href)"
        )
        return {link.partition("#")[0] for link in found if link.startswith(self._base_url)}


#: Mails to somebody who has not confirmed yet.
PENDING = {DeliveryKind.CONFIRM, DeliveryKind.REMINDER, DeliveryKind.NEW_ADDRESS, DeliveryKind.HAND_OVER}

WORKS = {
    DeliveryKind.CONFIRM: ("/confirm/", SubscriberState.CONFIRMED),
    DeliveryKind.REMINDER: ("/confirm/", SubscriberState.CONFIRMED),
    DeliveryKind.ALREADY: ("/leave/", SubscriberState.LEFT),
    DeliveryKind.WELCOME: ("/leave/", SubscriberState.LEFT),
    DeliveryKind.EDITION: ("/leave/", SubscriberState.LEFT),
    DeliveryKind.NEW_ADDRESS: ("/confirm/", SubscriberState.CONFIRMED),
    DeliveryKind.HAND_OVER: ("/confirm/", SubscriberState.CONFIRMED),
    DeliveryKind.ADDRESS_CHANGED: ("/leave/", SubscriberState.PENDING),  # the way back
    DeliveryKind.STILL_ON: ("/leave/", SubscriberState.LEFT),
    DeliveryKind.STILL_YOU: ("/still-you/", SubscriberState.CONFIRMED),
    DeliveryKind.STILL_YOU_REMINDER: ("/still-you/", SubscriberState.CONFIRMED),
}


@pytest.mark.parametrize("kind", DeliveryKind)
def test_a_filter_that_opens_everything_changes_nothing_and_uses_nothing_up(
    kind: DeliveryKind, house: Scanned, browser: Browser
) -> None:
    base_url = house.runtime.settings.base_url
    mail = house.mail_of(kind)
    urls = links_to_us(mail, base_url)
    assert urls
    before = house.dump()
    further = scan_by_program(urls, base_url)
    with browser.new_context() as context:
        browsing = BrowsingFilter([context.new_page() for _ in range(WINDOWS)], base_url)
        browsing.scan(urls)
    assert further
    assert house.dump() == before
    personal = {url for url in (*urls, *further) if PERSONAL.search(url)}
    assert bool(personal) is (kind in WORKS)
    assert {url: number for url, number in browsing.opened.items() if number > 1} == dict.fromkeys(personal, TIMES)
    assert {*urls, *further} <= {*browsing.opened, *browsing.followed}

    house.clock.move(timedelta(minutes=5))
    if kind in WORKS:
        path, state = WORKS[kind]
        assert house.browser.post(mail.link(path)).status_code == 200
        assert house.state() is state
