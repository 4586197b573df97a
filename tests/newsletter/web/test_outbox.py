"""The outbox can be read in development, and nowhere else."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.newsletter.web.conftest import Door

MESSAGE = b"""Subject: =?utf-8?q?Caf=C3=A9_news?=\r\nFrom: news@example.org\r\nTo: reader@example.org\r
Date: Tue, 03 Nov 2026 09:00:00 +0000\r\nMIME-Version: 1.0\r
Content-Type: multipart/alternative; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r
Open http://news.example.org/confirm/abc.\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r
<html><head></head><body><script>alert(1)</script><a href="http://news.example.org/">Home</a></body></html>\r
--b--\r\n"""


def keep(door: Door, name: str, content: bytes = MESSAGE) -> None:
    directory: Path = door.runtime.settings.data_dir / "outbox"
    directory.mkdir(exist_ok=True)
    (directory / name).write_bytes(content)


def test_messages_are_listed_newest_first_and_can_be_read(sqlite_door: Door) -> None:
    assert "No messages yet" in sqlite_door.get("/outbox").text
    keep(sqlite_door, "20261103T090000000000-1-aa.eml")
    keep(sqlite_door, "20261103T100000000000-2-bb.eml")
    (sqlite_door.runtime.settings.data_dir / "outbox" / ".half.eml.part").write_bytes(b"")
    page = sqlite_door.get("/outbox").text
    assert page.index("-2-bb.eml") < page.index("-1-aa.eml")
    assert "2 messages" in page
    assert "Café news" in page
    message = sqlite_door.get("/outbox/20261103T090000000000-1-aa.eml").text
    assert '<a class="govuk-link" href="http://news.example.org/confirm/abc">' in message
    assert "sandbox=" in message
    html = sqlite_door.get("/outbox/20261103T090000000000-1-aa.eml/html")
    policy = html.headers["content-security-policy"]
    assert policy.startswith("sandbox ")
    assert "allow-scripts" not in policy
    assert "default-src 'none'" in policy
    assert '<base target="_blank">' in html.text


def test_a_long_outbox_is_paged(sqlite_door: Door) -> None:
    for number in range(51):
        keep(sqlite_door, f"20261103T090000{number:06d}-{number}-aa.eml")
    assert "Older messages" in sqlite_door.get("/outbox").text
    assert "-0-aa.eml" in sqlite_door.get("/outbox?page=2").text
    for page in ("0", "x", "-1", "99999999999999"):
        assert sqlite_door.get(f"/outbox?page={page}").status_code == 200


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00nonsense", b"Subject: x\r\nContent-Type: text/plain\r\n\r\nhi"])
def test_an_odd_file_does_not_break_the_page(content: bytes, sqlite_door: Door) -> None:
    keep(sqlite_door, "odd.eml", content)
    assert sqlite_door.get("/outbox").status_code == 200
    assert sqlite_door.get("/outbox/odd.eml").status_code == 200
    assert sqlite_door.get("/outbox/odd.eml/html").status_code == 404


@pytest.mark.parametrize("name", ["..%2fsecret.key", "%2e%2e%2fnewsletter.db", "none.eml", "a.txt", ".eml"])
def test_only_kept_messages_can_be_read(name: str, sqlite_door: Door) -> None:
    assert sqlite_door.get(f"/outbox/{name}").status_code == 404


@pytest.mark.parametrize("settings", [{"environment": "production"}, {"mail_provider": "smtp"}])
def test_elsewhere_there_is_no_outbox(settings: dict[str, str], door_with: Callable[..., Door]) -> None:
    door = door_with(**settings)
    keep(door, "20261103T090000000000-1-aa.eml")
    for path in ("/outbox", "/outbox/20261103T090000000000-1-aa.eml", "/outbox/20261103T090000000000-1-aa.eml/html"):
        assert door.get(path).status_code == 404
