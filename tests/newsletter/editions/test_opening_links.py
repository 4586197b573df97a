"""Opening links: what counts as open, and whom we never call."""

from collections.abc import Sequence

import anyio
import httpx
import pytest

from newsletter.editions import opening_links

PUBLIC = "93.184.215.14"


class Web:
    """A web of names and pages, and what was asked of it."""

    def __init__(self, names: dict[str, list[str]], pages: dict[str, httpx.Response]) -> None:
        self.names, self.pages = names, pages
        self.asked: list[tuple[str, str, str]] = []

    async def look_up(self, host: str, port: int) -> Sequence[str]:
        if host not in self.names:
            raise OSError("no such name")
        return self.names[host]

    def answer(self, request: httpx.Request) -> httpx.Response:
        host = request.headers["host"]
        self.asked.append((request.url.host, host, str(request.extensions["sni_hostname"])))
        return self.pages.get(f"{host}{request.url.path}", httpx.Response(404))

    def open(self, *urls: str) -> dict[str, str]:
        async def go() -> dict[str, str]:
            transport = httpx.MockTransport(self.answer)
            return await opening_links.open_all(urls, transport=transport, look_up=self.look_up)

        return anyio.run(go)


def one(url: str, names: dict[str, list[str]], pages: dict[str, httpx.Response]) -> tuple[str, Web]:
    web = Web(names, pages)
    return web.open(url)[url], web


NAMES = {"www.example.org": [PUBLIC], "inside.example.org": ["10.0.0.7"], "both.example.org": [PUBLIC, "127.0.0.1"]}


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (200, ""), (206, ""), (204, ""), (403, ""), (429, ""), (503, ""), (405, ""),
        (404, "the page is not there (404)"), (410, "the page is not there (410)"),
        (500, "the website says that something is wrong (500)"),
        (400, "the website says that something is wrong (400)"),
    ],
)  # fmt: skip
def test_what_the_website_answers(status: int, said: str) -> None:
    found, web = one("https://www.example.org/a?b=1", NAMES, {"www.example.org/a": httpx.Response(status)})
    assert found == said
    # The address that was looked up is called, under the name of the site.
    assert web.asked == [(PUBLIC, "www.example.org", "www.example.org")]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://nowhere.example.org/", "there is no website of that name"),
        ("https://inside.example.org/", "it leads to an address that readers cannot reach"),
        ("https://both.example.org/", "it leads to an address that readers cannot reach"),
        ("https://www.example.org:8443/", "it is not a web address that can be opened"),
        ("https://name:secret@www.example.org/", "it is not a web address that can be opened"),
        ("ftp://www.example.org/", "it is not a web address that can be opened"),
        ("https:///a", "it is not a web address that can be opened"),
        ("https://www.example.org:port/", "the website did not answer as websites do"),
    ],
)
def test_what_is_never_called(url: str, said: str) -> None:
    found, web = one(url, NAMES, {})
    assert found == said
    assert web.asked == []


def redirect(to: str) -> httpx.Response:
    return httpx.Response(302, headers={"location": to})


def test_a_redirect_is_followed_and_looked_at_as_the_link_was() -> None:
    pages = {
        "www.example.org/a": redirect("/b"),
        "www.example.org/b": httpx.Response(200),
        "www.example.org/trap": redirect("https://inside.example.org/admin"),
        "www.example.org/number": redirect("http://169.254.169.254/latest/meta-data"),
        "www.example.org/loop": redirect("/loop"),
    }
    web = Web(NAMES | {"169.254.169.254": ["169.254.169.254"]}, pages)
    found = web.open(*(f"https://www.example.org/{name}" for name in ("a", "trap", "number", "loop")))
    assert [said for _, said in sorted(found.items())] == [
        "",
        "it leads from page to page and does not arrive",
        "it leads to an address that readers cannot reach",
        "it leads to an address that readers cannot reach",
    ]
    assert {address for address, _, _ in web.asked} == {PUBLIC}


def test_a_website_that_fails_is_said_to() -> None:
    def fail(error: Exception) -> str:
        def answer(_request: httpx.Request) -> httpx.Response:
            raise error

        async def go() -> dict[str, str]:
            web = Web(NAMES, {})
            return await opening_links.open_all(
                ["https://www.example.org/"], transport=httpx.MockTransport(answer), look_up=web.look_up
            )

        return anyio.run(go)["https://www.example.org/"]

    assert fail(httpx.ConnectError("refused")) == "the website did not answer"
    assert fail(httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED]")) == "its certificate is not valid"
    assert fail(httpx.ReadTimeout("slow")) == "the website took too long to answer"
    assert fail(httpx.RemoteProtocolError("nonsense")) == "the website did not answer as websites do"


def test_no_more_than_so_many_are_opened() -> None:
    web = Web(NAMES, {})
    urls = [f"https://www.example.org/{number}" for number in range(opening_links.MOST + 5)]
    assert len(web.open(*urls)) == opening_links.MOST
    assert web.open() == {}
