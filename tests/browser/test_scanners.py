"""Mail filters open every link before people do, in a whole browser and a hundred times: nothing may come of it.

Every kind of mail is sent, read from the outbox, and scanned as filters do: its links, and the links on the pages these
lead to. Then the database is what it was, and each link still does what it is for.
"""

import asyncio
import re
from collections.abc import Callable, Iterator
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
from playwright.sync_api import Browser
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

#: How often a filter opens each personal link, and how often everything in a browser that runs scripts.
TIMES, IN_A_BROWSER = 100, 2

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
    return sorted(link.partition("#")[0] for link in found if link.startswith(base_url))


def links_on(page: str, url: str, base_url: str) -> set[str]:
    """Where the page leads by GET: its links, and, as careless filters do, the targets of its forms."""
    targets = re.findall(r'(?:href|action|src)="([^"#]+)"', page)
    return {link for target in targets if (link := urljoin(url, target.replace("&amp;", "&"))).startswith(base_url)}


def scan_by_program(urls: list[str], base_url: str) -> list[str]:
    """Open everything, and where it leads to; what is personal a hundred times, with GET and HEAD, several at once."""
    personal = [url for url in urls if re.search(r"/(confirm|leave|manage|still-you)/", url)]

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


def scan_by_browser(browser: Browser, urls: list[str], base_url: str) -> None:
    """Open everything with scripts running, wait until they have done what they do, and follow what is there."""
    context = browser.new_context()
    page = context.new_page()
    for url in urls:
        if urlsplit(url).path.endswith((".xml", ".ics")):  # which a browser downloads
            page.request.get(url)
            continue
        page.goto(url, wait_until="networkidle")
        for link in page.eval_on_selector_all("a[href]", "found => found.map(each => each.href)"):
            if link.startswith(base_url) and "/static/" not in link:
                page.request.get(link.partition("#")[0])
    context.close()


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
    for _ in range(IN_A_BROWSER):
        scan_by_browser(browser, urls, base_url)
    assert further
    assert house.dump() == before

    house.clock.move(timedelta(minutes=5))
    if kind in WORKS:
        path, state = WORKS[kind]
        assert house.browser.post(mail.link(path)).status_code == 200
        assert house.state() is state
