"""Who sends slowly, too much, or too often at once gets an answer, and holds nobody else up. On a real server."""

import json
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
import uvicorn

from newsletter.core.clock import ManualClock
from newsletter.main import create_app
from newsletter.staff.models import StaffRole
from newsletter.web.limits import MOST_LARGE_BODIES
from newsletter.web.staff import people_import
from tests.conftest import make_runtime
from tests.newsletter.web import town
from tests.newsletter.web.staff.conftest import sign_in

#: Long for a machine, short for a test.
WITHIN_S = 0.2

Serve = Callable[..., tuple[str, int]]


@pytest.fixture
def serve(sqlite_url: str, clock: ManualClock, tmp_path: Path) -> Iterator[Serve]:
    """Start a server with these settings: host and port."""
    ends: list[Callable[[], None]] = []

    def start(**settings: object) -> tuple[str, int]:
        runtime = make_runtime(sqlite_url, clock, tmp_path, **settings)
        town.build(runtime)
        listener = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(create_app(runtime), log_config=None, access_log=False, proxy_headers=False)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()

        def end() -> None:
            server.should_exit = True
            thread.join(timeout=20)
            listener.close()
            runtime.db.dispose()

        ends.append(end)
        host, port = listener.getsockname()
        return host, port

    yield start
    for end in ends:
        end()


def begin(where: tuple[str, int], path: str, *, length: int = 1000, sent: bytes = b"email=") -> socket.socket:
    """A POST whose body has only begun to arrive."""
    connection = socket.create_connection(where, timeout=30)
    connection.sendall(
        f"POST {path} HTTP/1.1\r\nHost: news.example.org\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {length}\r\n\r\n".encode()
        + sent
    )
    return connection


def rest(connection: socket.socket) -> tuple[int, str, str]:
    """All that still comes until the server closes: status, head, body."""
    with closing(connection):
        received = b"".join(iter(lambda: connection.recv(65_536), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.decode().lower(), body.decode()


def test_a_body_that_does_not_arrive_is_waited_for_so_long_and_no_longer(serve: Serve) -> None:
    where = serve(body_within_s=WITHIN_S)
    for path, words in (("/parents", "took too long to arrive"), ("/nothing", "took too long to arrive")):
        status, head, body = rest(begin(where, path))
        assert status == 408
        assert "connection: close" in head
        assert "content-security-policy" in head
        assert words in body
    status, head, body = rest(begin(where, "/api/v1/updates"))
    assert status == 408
    assert "application/problem+json" in head
    assert json.loads(body)["type"].endswith("/api/problems/too-slow")


def test_one_who_sends_byte_by_byte_gains_no_time(serve: Serve) -> None:
    connection = begin(serve(body_within_s=WITHIN_S), "/parents")
    connection.settimeout(0.02)
    received = b""
    while not received:  # a byte every fiftieth of a second, until there is an answer
        try:
            connection.sendall(b"x")
            received = connection.recv(65_536)
        except TimeoutError:
            continue
        except ConnectionError:
            break
    connection.close()
    assert received.startswith(b"HTTP/1.1 408 ") or received == b""


def test_a_body_in_pieces_is_put_together(serve: Serve) -> None:
    where = serve()
    body = b"email=reader%40example.org"
    connection = begin(where, "/parents", length=len(body), sent=body[:7])
    connection.sendall(body[7:])
    received = b""
    while b"</html>" not in received:
        received += connection.recv(65_536)
    connection.close()
    assert received.startswith(b"HTTP/1.1 200 ")
    assert b"reader@example.org" in received


def test_a_body_that_is_too_large_ends_the_connection(serve: Serve) -> None:
    status, head, body = rest(begin(serve(), "/parents", length=10**9, sent=b"x" * 70_000))
    assert status == 413
    assert "connection: close" in head
    assert "too much to send" in body


def test_somebody_who_leaves_in_the_middle_is_no_fault(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    where = serve()
    begin(where, "/parents").close()
    assert httpx.get("http://{}:{}/".format(*where)).status_code == 200
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_when_there_is_too_much_to_do_others_are_asked_to_come_back(serve: Serve, tmp_path: Path) -> None:
    where = serve(concurrent_requests=1)
    base_url = "http://{}:{}".format(*where)
    found: list[int] = []

    def tell() -> None:
        status = 503
        while status == 503:  # the page that is asked for below may have the one place
            form = {"area": "0", "text": "More on Fridays, please."}
            status = httpx.post(f"{base_url}/feedback", data=form, timeout=30).status_code
        found.append(status)

    locker = sqlite3.connect(tmp_path / "newsletter.db", isolation_level=None)
    waiting = threading.Thread(target=tell)
    try:
        locker.execute("BEGIN IMMEDIATE")
        waiting.start()  # it has the one place, and waits for the database
        with httpx.Client(base_url=base_url) as client:
            page = client.get("/")
            while page.status_code == 200 and waiting.is_alive():
                page = client.get("/")
            assert page.status_code == 503
            assert page.headers["retry-after"] == "5"
            assert "Nothing was lost" in page.text
            problem = client.get("/api/v1/lists")
            assert (problem.status_code, problem.headers["content-type"]) == (503, "application/problem+json")
            assert client.get("/healthz").status_code == 200
            assert client.get("/readyz").status_code == 200
    finally:
        locker.close()
        waiting.join(timeout=30)
    assert found == [303]
    assert httpx.get(f"{base_url}/").status_code == 200


def test_few_large_bodies_are_held_at_once(serve: Serve, sqlite_url: str, clock: ManualClock, tmp_path: Path) -> None:
    where = serve(body_within_s=600)
    runtime = make_runtime(sqlite_url, clock, tmp_path)
    _, cookie = sign_in(runtime, StaffRole.DPO, email="dpo@example.org", name="Data protection officer")
    runtime.db.dispose()
    path = people_import.IMPORT
    head = (
        f"POST {path} HTTP/1.1\r\nHost: news.example.org\r\nCookie: staff={cookie}\r\nExpect: 100-continue\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000000\r\n\r\n"
    )
    slow = [socket.create_connection(where, timeout=30) for _ in range(MOST_LARGE_BODIES)]
    for connection in slow:
        connection.sendall(head.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")  # from now on its body is waited for
    base_url = "http://{}:{}".format(*where)
    # In pieces, so that nobody knows how much is to come.
    answer = httpx.post(f"{base_url}{path}", content=iter([b"x"]), headers={"cookie": f"staff={cookie}"}, timeout=30)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    # One that says that it is small takes no place.
    assert httpx.post(f"{base_url}{path}", headers={"cookie": f"staff={cookie}"}, timeout=30).status_code == 422
    assert httpx.post(f"{base_url}{path}", timeout=30).status_code == 303  # whoever may not send much is not counted
    for connection in slow:
        connection.close()


def test_those_who_send_slowly_take_nobodys_place(serve: Serve) -> None:
    where = serve(concurrent_requests=1)
    slow = [begin(where, "/parents") for _ in range(5)]
    assert httpx.get("http://{}:{}/parents".format(*where)).status_code == 200
    for connection in slow:
        connection.close()
