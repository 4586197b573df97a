"""Feeds and plain texts for programs that ask again and again."""

from xml.etree import ElementTree

import pytest

from tests.newsletter.web.conftest import Door

ATOM = "{http://www.w3.org/2005/Atom}"
ADDRESSES = ["/editions/feed.xml", "/editions/parents/feed.xml", "/editions/parents/2026-11-02/text"]


def test_one_feed_has_the_editions_of_all_newsletters(door: Door) -> None:
    feed = ElementTree.fromstring(door.get("/editions/feed.xml").content)
    links = [entry.find(f"{ATOM}link") for entry in feed.findall(f"{ATOM}entry")]
    assert [link.get("href", "").removeprefix("http://news.example.org") for link in links if link is not None] == [
        "/editions/professionals/2026-11-02",
        "/editions/parents/2026-11-02",
        "/editions/parents/2026-10-19",
        "/editions/parents/2026-10-05",
    ]
    assert feed.findtext(f"{ATOM}title") == "Newsletters of the Example SEND partnership"
    assert 'href="/editions/feed.xml"' in door.get("/editions").text


@pytest.mark.parametrize("address", ADDRESSES)
def test_who_has_it_already_gets_nothing_again(sqlite_door: Door, address: str) -> None:
    first = sqlite_door.get(address)
    etag, changed = first.headers["etag"], first.headers["last-modified"]
    assert changed == "Mon, 02 Nov 2026 09:00:00 GMT"
    for condition in (
        {"if-none-match": etag},
        {"if-none-match": f'"another", {etag}'},
        {"if-none-match": etag.removeprefix("W/")},
        {"if-none-match": "*"},
        {"if-modified-since": changed},
        {"if-modified-since": "Tue, 03 Nov 2026 09:00:00 GMT"},
        {"if-none-match": etag, "if-modified-since": "Sun, 01 Nov 2026 09:00:00 GMT"},
    ):
        again = sqlite_door.get(address, headers=condition)
        assert (again.status_code, again.content) == (304, b""), condition
        assert again.headers["etag"] == etag
        assert "cache-control" in again.headers


@pytest.mark.parametrize("address", ADDRESSES)
def test_who_has_an_older_one_or_says_nonsense_gets_it(sqlite_door: Door, address: str) -> None:
    for condition in (
        {"if-none-match": '"another"'},
        {"if-none-match": ""},
        {"if-none-match": '"another"', "if-modified-since": "Tue, 03 Nov 2026 09:00:00 GMT"},
        {"if-modified-since": "Sun, 01 Nov 2026 09:00:00 GMT"},
        {"if-modified-since": "yesterday"},
        {"if-modified-since": "Tue, 03 Nov 2026 09:00:00"},
    ):
        again = sqlite_door.get(address, headers=condition)
        assert again.status_code == 200, condition
        assert again.content


def test_a_feed_without_editions_is_still_a_feed(sqlite_door: Door) -> None:
    with sqlite_door.runtime.db.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE edition SET released_at = NULL")
    feed = ElementTree.fromstring(sqlite_door.get("/editions/feed.xml").content)
    assert feed.findall(f"{ATOM}entry") == []
    assert feed.findtext(f"{ATOM}updated") == "1970-01-01T00:00:00Z"
