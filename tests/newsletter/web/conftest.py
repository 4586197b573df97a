"""A door to knock at: requests go straight into the application, without a network."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import anyio
import httpx
import pytest

from newsletter.core.runtime import Runtime
from newsletter.main import create_app
from newsletter.web import robots
from scheduler import jobs
from subscribers import lists
from tests.newsletter.web import town

#: Where a test's requests come from, unless it says otherwise.
PEER = "192.0.2.10"


def typed_in(runtime: Runtime, path: str, data: Any) -> Any:
    """The fields of a form; those of a sign-up form with the stamp that it has carried for a while."""
    with runtime.db.reading() as session:
        ids = {f"/{mailing_list.slug}": mailing_list.id for mailing_list in lists.all_lists(session)}
    list_id = ids.get(path)
    if list_id is None:
        return data
    shown_at = runtime.clock.now() - 5 * robots.TYPING
    return {robots.STAMP: robots.stamp(runtime.crypto, list_id, now=shown_at), **(data or {})}


class Door:
    """A client without cookies that follows redirects only when told to. After each form that is sent the clock ticks,
    so that a sign-up is dealt with."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.app = create_app(runtime)

    def ask(
        self, method: str, path: str, *, peer: str = PEER, follow: bool = False, tick: bool = True, **more: Any
    ) -> httpx.Response:
        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False, client=(peer, 50_000))
            async with httpx.AsyncClient(
                transport=transport, base_url="http://news.example.org", follow_redirects=follow
            ) as client:
                return await client.request(method, path, **more)

        answer = anyio.run(once)
        if tick and method == "POST":
            jobs.answer_sign_ups(self.runtime)
        return answer

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.ask("GET", path, **more)

    def post(self, path: str, data: Mapping[str, Any] | None = None, **more: Any) -> httpx.Response:
        """Send a form; a sign-up form as a person does who had it before them for a while."""
        return self.ask("POST", path, data=typed_in(self.runtime, path, data), **more)

    def register(self, form: Mapping[str, Any]) -> httpx.Response:
        """The form for professionals and the button of the page that shows the answers once more."""
        checked = self.get(self.post("/professionals", form).headers["location"])
        return self.post("/professionals/check-your-answers", {"to": hidden(checked)["to"]})


def hidden(response: httpx.Response) -> dict[str, str]:
    """The hidden fields of a page."""
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', response.text))


@pytest.fixture
def door(runtime: Runtime) -> Door:
    """On SQLite and on PostgreSQL."""
    town.build(runtime)
    return Door(runtime)


@pytest.fixture
def sqlite_door(sqlite_runtime: Runtime) -> Door:
    """On SQLite alone."""
    town.build(sqlite_runtime)
    return Door(sqlite_runtime)


@pytest.fixture
def door_with(sqlite_runtime: Runtime) -> Callable[..., Door]:
    """A door with other settings."""

    def make(**settings: object) -> Door:
        town.build(sqlite_runtime)
        return Door(replace(sqlite_runtime, settings=sqlite_runtime.settings.model_copy(update=settings)))

    return make
