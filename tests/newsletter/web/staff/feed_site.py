"""Another website that has a feed: a real server on this machine, reached through the seam where names become addresses
and addresses are called. Nothing else of the call is replaced."""

import gzip
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

from newsletter.content import reading_feeds

#: What the names of the tests lead to, and where it is really answered.
PUBLIC = "93.184.215.14"
URL = "https://www.example.org/feed.xml"

RSS = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>
<title>News of the council</title><link>https://www.example.org/</link>
<item><title>Plans on time</title><link>https://www.example.org/news/plans</link><guid isPermaLink="false">one</guid>
<pubDate>Mon, 02 Nov 2026 10:00:00 GMT</pubDate><description>We finished more plans.</description>
<content:encoded><![CDATA[<p>We finished <b>62%</b> of plans. <a href="/figures">See the figures</a>.</p>
<ul><li>One</li><li>Two</li></ul><script>alert(1)</script>]]></content:encoded></item>
<item><title>&lt;script&gt;alert(2)&lt;/script&gt;A new room &amp;amp; garden</title>
<link>javascript:alert(3)</link><guid isPermaLink="false">two</guid>
<pubDate>Tue, 03 Nov 2026 08:00:00 GMT</pubDate>
<description>&lt;p onclick="alert(4)"&gt;It is &lt;img src=x onerror=alert(5)&gt;open.&lt;/p&gt;</description></item>
</channel></rss>"""


@dataclass
class FeedSite:
    """What the website answers, and what it was asked."""

    port: int
    status: int = 200
    body: bytes = RSS.encode()
    headers: dict[str, str] = field(default_factory=lambda: {"content-type": "application/rss+xml"})
    names: dict[str, list[str]] = field(default_factory=lambda: {"www.example.org": [PUBLIC]})
    asked: list[dict[str, str]] = field(default_factory=list)

    async def look_up(self, host: str, port: int) -> Sequence[str]:
        if host not in self.names:
            raise OSError("no such name")
        return self.names[host]

    def says(self, body: str | bytes, status: int = 200, **headers: str) -> None:
        self.body, self.status = body.encode() if isinstance(body, str) else body, status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()} or {
            "content-type": "text/xml"
        }

    def packed(self, body: bytes) -> None:
        self.says(gzip.compress(body), content_type="text/xml", content_encoding="gzip")

    @property
    def fetch(self) -> "partial[object]":
        return partial(reading_feeds.fetch, transport=_Onto(self.port), look_up=self.look_up)


class _Onto(httpx.AsyncBaseTransport):
    """Calls this machine where the public address of the tests was to be called, and no other."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._real = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert request.url.host == PUBLIC, f"{request.url.host} was called"
        request.url = request.url.copy_with(scheme="http", host="127.0.0.1", port=self._port)
        return await self._real.handle_async_request(request)

    async def aclose(self) -> None:
        await self._real.aclose()


@contextmanager
def serve() -> Iterator[FeedSite]:
    """The website, until the end of the block."""
    site: FeedSite

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append({"path": self.path, **{name.lower(): value for name, value in self.headers.items()}})
            unchanged = site.status == 200 and site.headers.get("etag") == self.headers.get("if-none-match", "none")
            self.send_response(304 if unchanged else site.status)
            for name, value in site.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "0" if unchanged else str(len(site.body)))
            self.end_headers()
            if not unchanged:
                self.wfile.write(site.body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    site = FeedSite(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
