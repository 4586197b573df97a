"""A real Chromium on a real server, with a small partnership behind it.

`visitor` opens pages as people do and fails a test when a page asks another host for anything, breaks its own content
security policy or throws. With NEWSLETTER_SCREENSHOTS set, every page looked at is kept in `screenshots/`.
"""

import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pytest
import uvicorn
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from newsletter.core.clock import ManualClock
from newsletter.core.runtime import Runtime
from newsletter.main import create_app
from newsletter.staff.models import StaffRole
from newsletter.web import robots
from scheduler import jobs
from tests import chromium
from tests.conftest import make_runtime
from tests.newsletter.web import town
from tests.newsletter.web.staff.conftest import sign_in

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
SCREENSHOTS = ROOT / "screenshots"

DESKTOP = {"width": 1280, "height": 900}
#: The width of a small phone, and of 1280 pixels at 400 % zoom.
NARROW = {"width": 320, "height": 640}

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

_WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = chromium.find()
    assert path, "No Chromium was found. Run: make browser"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=chromium.ARGUMENTS)
        yield running
        running.close()


@dataclass
class Site:
    """The running product."""

    runtime: Runtime
    base_url: str


@pytest.fixture
def site(sqlite_url: str, clock: ManualClock, tmp_path: Path) -> Iterator[Site]:
    listener = socket.create_server(("127.0.0.1", 0))
    base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    runtime = make_runtime(sqlite_url, clock, tmp_path, base_url=base_url)
    town.build(runtime)
    config = uvicorn.Config(create_app(runtime), log_config=None, access_log=False, proxy_headers=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield Site(runtime, base_url)
    server.should_exit = True
    thread.join(timeout=20)
    listener.close()
    runtime.db.dispose()


@dataclass
class Visitor:
    """Somebody with a browser."""

    site: Site
    page: Page
    context: BrowserContext
    complaints: list[str] = field(default_factory=list)
    is_staff: bool = False  # whoever signs in gets a cookie, and nobody else

    def sign_in(
        self, *roles: StaffRole, email: str = "officer@example.org", name: str = "Communications officer"
    ) -> int:
        """Be somebody with these roles, signed in; their account's id."""
        staff_id, cookie = sign_in(self.site.runtime, *roles, email=email, name=name)
        self.context.add_cookies([{"name": "staff", "value": cookie, "url": self.site.base_url}])
        self.is_staff = True
        return staff_id

    def open(self, path: str) -> None:
        self.page.goto(f"{self.site.base_url}{path}")

    def press(self, name: str) -> None:
        """Press a button that leads to another page, by what is written on it. Reading and typing took a while, and the
        clock ticks soon after."""
        self.site.runtime.clock.move(5 * robots.TYPING)  # type: ignore[attr-defined]
        with self.page.expect_navigation():
            self.page.get_by_role("button", name=name, exact=True).click()
        self.tick()

    def tick(self) -> None:
        """Let the clock deal with the sign-ups that have come in."""
        jobs.answer_sign_ups(self.site.runtime)

    def heading(self) -> str:
        return self.page.get_by_role("heading", level=1).inner_text()

    def look(self, name: str, *, is_mail: bool = False) -> None:
        """Nothing axe knows to be wrong and no sideways scrolling: on a desktop and a small phone, light and dark.
        A mail is shown within a page, so that it has no landmarks."""
        for width, viewport in (("desktop", DESKTOP), ("narrow", NARROW)):
            self.page.set_viewport_size(viewport)  # type: ignore[arg-type]
            wide = self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            assert wide <= 0, f"{name} scrolls sideways by {wide} pixels at {viewport['width']}"
            for scheme in SCHEMES:
                self.page.emulate_media(color_scheme=scheme)
                if os.environ.get("NEWSLETTER_SCREENSHOTS"):
                    SCREENSHOTS.mkdir(exist_ok=True)
                    self.page.screenshot(path=SCREENSHOTS / f"{name}-{width}-{scheme}.png", full_page=True)
                rules = [*_WCAG] if is_mail else [*_WCAG, "best-practice"]
                self._examine(f"{name}-{width}-{scheme}", rules if scheme == "light" else ["color-contrast"])
        self.page.emulate_media(color_scheme="light")

    def _examine(self, name: str, rules: list[str]) -> None:
        """In the dark only the colours differ."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text(encoding="utf-8"))
        # Only what is wrong comes out of the browser: bringing out all that is right takes several times as long as
        # looking at it.
        wrong = self.page.evaluate(
            """options => axe.run(document, options).then(found => found.violations.map(
                violation => `${violation.id}: ${violation.help} ${violation.nodes.map(node => node.html)}`))""",
            {"runOnly": rules, "resultTypes": ["violations"]},
        )
        assert not wrong, f"{name}:\n" + "\n".join(wrong)


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Callable[..., Visitor]]:
    """Open a browser window; `java_script_enabled=False` and the like as Playwright has them."""
    opened: list[Visitor] = []

    def begin(**options: object) -> Visitor:
        context = browser.new_context(viewport=DESKTOP, **options)  # type: ignore[arg-type]
        context.set_default_timeout(10_000)
        visitor = Visitor(site, context.new_page(), context)
        visitor.page.on("pageerror", lambda error: visitor.complaints.append(f"script error: {error}"))
        visitor.page.on(
            "console",
            lambda message: (
                visitor.complaints.append(message.text)
                if message.type == "error" and not re.search("the server responded with a status of 4", message.text)
                else None
            ),
        )
        visitor.page.on(
            "request",
            lambda request: (
                visitor.complaints.append(f"foreign request: {request.url}")
                if not request.url.startswith((site.base_url, "data:"))
                else None
            ),
        )
        opened.append(visitor)
        return visitor

    yield begin
    for visitor in opened:
        cookies = visitor.context.cookies()
        visitor.context.close()
        assert visitor.complaints == []
        assert [cookie.get("name") for cookie in cookies] in ([], ["staff"] if visitor.is_staff else [])


@pytest.fixture
def visitor(visit: Callable[..., Visitor]) -> Visitor:
    return visit()
