"""A whole house for the stories: a real web server, a real mail server, the clock moved by hand."""

import contextlib
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from newsletter import sample
from newsletter.core import loops
from newsletter.core.clock import ManualClock
from newsletter.core.runtime import Runtime
from newsletter.delivery.sending import Sender
from newsletter.main import create_app
from newsletter.providers import registry
from newsletter.providers.base import ProviderContext
from scheduler import jobs
from tests.conftest import make_runtime
from tests.fakes import MailServer
from tests.mails import Mail
from tests.newsletter.web.conftest import typed_in


class Reader(httpx.Client):
    """A browser whose owner fills in sign-up forms as people do: on our own page, and not in no time."""

    runtime: Runtime

    def post(self, url: Any, *, data: Any = None, **more: Any) -> httpx.Response:
        return super().post(url, data=typed_in(self.runtime, str(url), data), **more)


@dataclass
class House:
    """The product, running: what a story does, it does through these."""

    runtime: Runtime
    clock: ManualClock
    browser: httpx.Client
    mail_server: MailServer

    def tick(self, **later: float) -> None:
        """Let time pass (keywords of `timedelta`), then let the clock's jobs and the worker do what is due."""
        self.clock.move(timedelta(**later))
        jobs.assemble_due(self.runtime)
        jobs.open_due(self.runtime)
        jobs.remind(self.runtime)
        jobs.sweep(self.runtime)
        self.send()

    def send(self) -> None:
        """Let the sign-ups that have come in be dealt with, and a worker send until nothing is due."""
        jobs.answer_sign_ups(self.runtime)
        loops.run(self._send())

    async def _send(self) -> None:
        settings = self.runtime.settings
        context = ProviderContext(
            config=settings.provider(settings.mail_provider), data_dir=settings.data_dir, clock=self.clock
        )
        provider = registry.make(settings.mail_provider, context)
        try:
            await Sender(self.runtime, provider).send_until_idle()
        finally:
            await provider.aclose()

    def inbox(self, address: str) -> list[Mail]:
        """What the mail server has received for an address, oldest first."""
        return [mail for mail in self.mail_server.received if mail.recipients == (address,)]

    def sign_up_as_parent(self, address: str) -> None:
        """From the form to the confirmed welcome, as a person would."""
        assert self.browser.post("/parents", data={"email": address}).status_code == 200
        self.send()
        link = self.inbox(address)[-1].link("/confirm/")
        assert self.browser.get(link).status_code == 200
        assert self.browser.post(link).status_code == 200
        self.send()

    def register(self, form: Mapping[str, str]) -> httpx.Response:
        """The form for professionals, and the page that shows the answers once more."""
        checked = self.browser.post("/professionals", data=dict(form))
        sealed = re.search(r'name="to" value="([^"]+)"', checked.text)
        assert sealed
        return self.browser.post("/professionals/check-your-answers", data={"to": sealed.group(1)})


def listening() -> tuple[socket.socket, str]:
    """A socket that listens on a free port, and the address of the site there."""
    listener = socket.create_server(("127.0.0.1", 0))
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextlib.contextmanager
def serving(runtime: Runtime, listener: socket.socket) -> Iterator[None]:
    """A real uvicorn on the listening socket, in a thread, until the block ends."""
    server = uvicorn.Server(uvicorn.Config(create_app(runtime), log_config=None, access_log=False, lifespan="on"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        listener.close()


@pytest.fixture
def house(database_url: str, clock: ManualClock, tmp_path: Path, mail_server: MailServer) -> Iterator[House]:
    """The sample's lists and content without its subscribers, mail through SMTP, on each kind of database."""
    listener, base_url = listening()
    runtime = make_runtime(
        database_url,
        clock,
        tmp_path,
        base_url=base_url,
        mail_provider="smtp",
        provider_values={"smtp_host": "127.0.0.1", "smtp_port": str(mail_server.port), "smtp_tls": "none"},
    )
    sample.load(runtime, with_people=False)
    with serving(runtime, listener), Reader(base_url=base_url, follow_redirects=True) as browser:
        browser.runtime = runtime
        yield House(runtime, clock, browser, mail_server)
    runtime.db.dispose()
