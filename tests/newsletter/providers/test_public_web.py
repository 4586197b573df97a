"""Calling addresses that somebody typed: whom we never call, and how much we take."""

import gzip
import zlib
from collections.abc import AsyncIterator, Sequence

import anyio
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.providers import public_web
from newsletter.providers.public_web import Answer, Closed, Look, NotPublic, TooLarge, is_public

PUBLIC = "93.184.215.14"


class Pieces(httpx.AsyncByteStream):
    """A body that comes in pieces, and how many were taken."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces, self.taken = pieces, 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            self.taken += 1
            yield piece


def reach(
    *answers: httpx.Response,
    url: str = "https://www.example.org/a",
    look_up: Look | None = None,
    schemes: Sequence[str] = ("https", "http"),
    most_bytes: int = 100,
) -> tuple[Answer, list[httpx.Request]]:
    """What comes of a call to websites that give these answers, one after the other."""
    waiting, asked = list(answers), list[httpx.Request]()

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return waiting.pop(0)

    async def public(host: str, port: int) -> Sequence[str]:
        return [PUBLIC]

    async def go() -> Answer:
        async with public_web.client(within_s=5, transport=httpx.MockTransport(answer)) as client:
            return await public_web.reach(
                client, url, within_s=5, look_up=look_up or public, schemes=schemes, most_bytes=most_bytes
            )

    return anyio.run(go), asked


def redirect(to: str) -> httpx.Response:
    return httpx.Response(302, headers={"location": to})


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1", "2002:7f00:1::", "2002:a00:1::", "2001:db8::1",
        "fec0::1", "feff::1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, "2606:4700::6810:84e5", "8.8.8.8"])
def test_addresses_that_are(address: str) -> None:
    assert is_public(address)


def test_a_proxy_of_the_environment_sees_none_of_it() -> None:
    assert not public_web.client(within_s=1).trust_env


@given(st.ip_addresses(v=4))
def test_an_address_is_the_same_however_it_is_written(address: object) -> None:
    assert is_public(f"::ffff:{address}") == is_public(str(address))


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost", "[::1]", "[::ffff:169.254.169.254]",
     "[64:ff9b::a9fe:a9fe]", "169.254.169.254", "2852039166", "[fd00::1]", "0"],
)  # fmt: skip
def test_this_machine_is_never_called_however_it_is_written(host: str) -> None:
    """With the look-up of the system itself, which knows every way to write a number."""
    with pytest.raises(Closed):
        reach(httpx.Response(200), url=f"https://{host}/", look_up=public_web._addresses)
    with pytest.raises(Closed):
        reach(redirect(f"https://{host}/"), httpx.Response(200), look_up=_only_first(public_web._addresses))


def _only_first(then: Look) -> Look:
    """The first name is public; the next ones are looked up."""
    asked: list[str] = []

    async def look_up(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return [PUBLIC] if len(asked) == 1 else await then(host, port)

    return look_up


def test_a_name_that_means_another_machine_the_second_time_is_called_at_the_first() -> None:
    """DNS rebinding: one look-up for each call, and the call goes to what it gave."""
    answers = [[PUBLIC], ["127.0.0.1"]]

    async def look_up(host: str, port: int) -> Sequence[str]:
        return answers.pop(0)

    found, asked = reach(httpx.Response(200, stream=Pieces(b"x")), look_up=look_up)
    assert found.body == b"x"
    assert [(request.url.host, request.headers["host"]) for request in asked] == [(PUBLIC, "www.example.org")]
    # A redirect to the same name is another call, and is looked up anew.
    answers = [[PUBLIC], ["127.0.0.1"]]
    with pytest.raises(NotPublic):
        reach(redirect("/b"), httpx.Response(200), look_up=look_up)


def test_one_address_that_is_not_public_is_enough() -> None:
    async def look_up(host: str, port: int) -> Sequence[str]:
        return [PUBLIC, "::1"]

    with pytest.raises(NotPublic):
        reach(httpx.Response(200), look_up=look_up)


def test_an_address_of_version_6_is_called_as_one() -> None:
    async def look_up(host: str, port: int) -> Sequence[str]:
        return ["2606:4700::6810:84e5"]

    _, asked = reach(httpx.Response(200, stream=Pieces()), look_up=look_up)
    assert str(asked[0].url) == "https://[2606:4700::6810:84e5]/a"


@pytest.mark.parametrize(
    "to", ["http://www.example.org/", "ftp://www.example.org/", "file:///etc/passwd", "gopher://a"]
)
def test_a_redirect_may_not_leave_what_is_allowed(to: str) -> None:
    with pytest.raises(Closed, match="not a web address that can be opened"):
        reach(redirect(to), httpx.Response(200), schemes=("https",))


def test_where_it_was_found_in_the_end() -> None:
    found, _ = reach(redirect("/b?c=1"), httpx.Response(200, stream=Pieces(b"x")))
    assert found.url == "https://www.example.org/b?c=1"


def test_no_more_is_taken_than_was_wanted() -> None:
    assert reach(httpx.Response(200, stream=Pieces(b"a" * 100)))[0].body == b"a" * 100
    body = Pieces(*[b"a" * 60] * 50)
    with pytest.raises(TooLarge):
        reach(httpx.Response(200, stream=body))
    assert body.taken == 2
    body = Pieces(b"a")
    assert reach(httpx.Response(200, stream=body), most_bytes=0)[0].body == b""
    assert body.taken == 0


def test_what_is_packed_is_unpacked_as_far_as_wanted() -> None:
    packed = {"content-encoding": "gzip"}
    small = gzip.compress(b"words")
    assert reach(httpx.Response(200, headers=packed, stream=Pieces(small[:7], small[7:])))[0].body == b"words"
    bomb = Pieces(gzip.compress(b"\0" * 50_000_000))
    with pytest.raises(TooLarge):
        reach(httpx.Response(200, headers=packed, stream=bomb), most_bytes=60_000)
    # A bomb within a bomb: the outer one alone is unpacked, and is no text.
    twice = gzip.compress(gzip.compress(b"\0" * 5_000_000))
    assert len(reach(httpx.Response(200, headers=packed, stream=Pieces(twice)), most_bytes=60_000)[0].body) < 10_000


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "zstd"])
def test_other_packing_is_refused(encoding: str) -> None:
    with pytest.raises(Closed):
        reach(httpx.Response(200, headers={"content-encoding": encoding}, stream=Pieces(zlib.compress(b"a"))))


def test_what_is_packed_wrongly_is_refused() -> None:
    with pytest.raises(Closed):
        reach(httpx.Response(200, headers={"content-encoding": "gzip"}, stream=Pieces(b"no gzip")))


def test_a_website_that_never_ends_is_left() -> None:
    class Slow(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                await anyio.sleep(0)
                yield b""

    async def go() -> None:
        async def look_up(host: str, port: int) -> Sequence[str]:
            return [PUBLIC]

        transport = httpx.MockTransport(lambda _request: httpx.Response(200, stream=Slow()))
        async with public_web.client(within_s=5, transport=transport) as client:
            await public_web.reach(client, "https://www.example.org/", within_s=0.05, look_up=look_up, most_bytes=100)

    with pytest.raises(Closed, match="took too long"):
        anyio.run(go)
