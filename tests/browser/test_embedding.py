"""The sign-up form on another website, as docs/embedding.md has it: posted across origins, finished here."""

import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from sqlmodel import select

from subscribers.models import Subscriber, SubscriberState
from tests.browser.conftest import ROOT, Site, Visitor

ADDRESS = "reader@example.org"


def snippets(base_url: str) -> list[str]:
    """The forms of the document, for this server."""
    text = (ROOT / "docs" / "embedding.md").read_text(encoding="utf-8")
    return [form.replace("https://news.example.org", base_url) for form in re.findall(r"```html\n(.*?)```", text, re.S)]


@pytest.fixture
def elsewhere(site: Site) -> Iterator[str]:
    """Another website, on a port of its own, with the two forms at /0 and /1."""
    forms = snippets(site.base_url)

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            number = self.path.strip("/")
            form = forms[int(number)] if number.isdigit() else ""
            body = f'<!doctype html><html lang="en-GB"><title>Council</title><body><main>{form}</main></body></html>'
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.send_header("content-security-policy", f"form-action 'self' {site.base_url}")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def finish(
    visitor: Visitor, elsewhere: str, *, heading: str = "One more press", button: str = "Yes, sign me up"
) -> Subscriber:
    """From the other site's button to the pending subscriber."""
    visitor.press("Sign up")
    assert visitor.page.url.startswith(visitor.site.base_url)
    assert visitor.heading() == heading
    assert "You can stop at any time" in visitor.page.content()
    assert ADDRESS in visitor.page.content()
    visitor.look(f"embedded-{heading.lower().replace(' ', '-')}")
    visitor.press(button)
    assert visitor.heading() == "Check your email"
    assert ADDRESS in visitor.page.content()
    visitor.complaints[:] = [text for text in visitor.complaints if elsewhere not in text]  # its own page, as it should
    with visitor.site.runtime.db.reading() as session:
        row = session.exec(select(Subscriber)).one()
        session.expunge(row)
    assert row.state is SubscriberState.PENDING
    return row


@pytest.mark.parametrize("scripts", [True, False])
def test_a_parent_signs_up_from_the_councils_page(visit: Callable[..., Visitor], elsewhere: str, scripts: bool) -> None:
    visitor = visit()
    if not scripts:
        visitor = visit(java_script_enabled=False)
        visitor.look = lambda name: None  # type: ignore[method-assign]  # axe is a script
    visitor.page.goto(f"{elsewhere}/0")
    visitor.page.get_by_label("Email address").fill(ADDRESS)
    finish(visitor, elsewhere)


def test_a_professional_signs_up_from_a_schools_page(visitor: Visitor, elsewhere: str) -> None:
    visitor.page.goto(f"{elsewhere}/1")
    visitor.page.get_by_label("Email address").fill(ADDRESS)
    visitor.page.get_by_label("What do you do?").select_option("SENCO or inclusion lead")
    visitor.page.get_by_label("Where do you work?").fill("Ashfield & Birch “Nursery”")
    button = "Sign up for SEND news for professionals"
    row = finish(visitor, elsewhere, heading="Check your answers", button=button)
    assert (row.role, row.setting_name) == ("senco", "Ashfield & Birch “Nursery”")


def test_a_typing_error_on_the_councils_page_is_asked_about_here(visitor: Visitor, elsewhere: str) -> None:
    visitor.page.goto(f"{elsewhere}/0")
    visitor.page.get_by_label("Email address").fill("reader@gmial.com")
    visitor.press("Sign up")
    visitor.press("Yes, use reader@gmail.com")
    assert visitor.heading() == "Check your email"
    visitor.complaints[:] = [text for text in visitor.complaints if elsewhere not in text]
