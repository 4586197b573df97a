"""Feeds of other websites, whole, odd and hostile."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.content import feed_entries
from newsletter.content.feed_entries import LONGEST_SUMMARY, LONGEST_TITLE, MOST_ENTRIES, Entry
from newsletter.core.errors import InvalidInput
from newsletter.rendering import markup

URL = "https://www.example.org/news/feed.xml"


def read(text: str | bytes) -> list[Entry]:
    return feed_entries.read(text.encode() if isinstance(text, str) else text, url=URL)


def rss(items: str, *, more: str = "") -> str:
    return (
        f'<?xml version="1.0" encoding="utf-8"?>{more}<rss version="2.0" '
        'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:media="http://search.yahoo.com/mrss/" '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>News</title>{items}</channel></rss>'
    )


def one(items: str) -> Entry:
    (entry,) = read(rss(items))
    return entry


def test_rss() -> None:
    entry = one(
        "<item><title>Plans on time</title><link>https://www.example.org/a?b=1&amp;c=2</link><guid>7</guid>"
        "<pubDate>Tue, 03 Nov 2026 10:00:00 +0100</pubDate><description>&lt;p&gt;Short.&lt;/p&gt;</description>"
        "<content:encoded><![CDATA[<h2>More</h2><p>All <a href='../b'>of it</a>.</p>]]></content:encoded></item>"
    )
    assert (entry.title, entry.url) == ("Plans on time", "https://www.example.org/a?b=1&c=2")
    assert entry.text == "## More\n\nAll [of it](https://www.example.org/b)."
    assert entry.summary == "Short."
    assert entry.at == datetime(2026, 11, 3, 9, tzinfo=UTC)


def test_atom_with_html_written_as_xml() -> None:
    entry, plain = read(
        '<feed xmlns="http://www.w3.org/2005/Atom"><title>x</title>'
        '<entry><id>urn:1</id><title>One&nbsp;&amp; two</title><link rel="self" href="https://example.org/self"/>'
        '<link href="/one"/><author><name>Nobody</name></author><updated>2026-11-03T10:00:00Z</updated>'
        '<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Hello <b>there</b> &lt;b&gt;</p>'
        "<ul><li>a</li><li>b</li></ul></div></content></entry>"
        "<entry><id>urn:2</id><title>A &lt;b&gt; B</title><summary>plain &lt;i&gt;</summary>"
        "<updated>2026-11-02T10:00:00Z</updated></entry></feed>"
    )
    assert (entry.title, entry.url) == ("One & two", "https://www.example.org/one")
    assert markup.to_text(entry.text) == "Hello there < b>\n\n* a\n* b"
    assert plain.title == "A <b> B"
    assert markup.to_text(plain.text) == "plain < i>"


def test_rdf_and_dublin_core() -> None:
    (entry,) = read(
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>x</title></channel><item><title>One</title>'
        "<link>https://www.example.org/1</link><dc:date>2026-11-03</dc:date></item></rdf:RDF>"
    )
    assert (entry.title, entry.url, entry.at) == (
        "One", "https://www.example.org/1", datetime(2026, 11, 3, tzinfo=UTC),
    )  # fmt: skip


def test_the_newest_is_first_and_what_has_no_date_is_last() -> None:
    def item(name: str, day: str) -> str:
        return f"<item><title>{name}</title><dc:date>{day}</dc:date></item>"

    found = read(rss(item("old", "2025-01-01") + item("never", "soon") + item("new", "2026-01-01")))
    assert [entry.title for entry in found] == ["new", "old", "never"]


def test_the_same_entry_has_the_same_key_and_is_there_once() -> None:
    first = one("<item><guid>1</guid><title>One</title></item>")
    (again,) = read(rss("<item><guid>1</guid><title>One, changed</title></item>" * 2))
    assert again.key == first.key
    assert len({entry.key for entry in read(rss("<item><title>a</title></item><item><title>b</title></item>"))}) == 2


def test_elements_of_others_are_not_ours() -> None:
    entry = one(
        "<item><media:title>Picture</media:title><title>News</title><media:description>x</media:description></item>"
    )
    assert (entry.title, entry.text) == ("News", "")


@pytest.mark.parametrize(
    ("link", "kept"),
    [
        ("https://www.example.org/a", "https://www.example.org/a"),
        ("/a", "https://www.example.org/a"),
        ("http://www.example.org/a", ""),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("https://www.example.org/a b", ""),
        ("https://www.example.org/&quot;&gt;&lt;script&gt;", ""),
        ("https://[", ""),
        (f"https://www.example.org/{'a' * 500}", ""),
    ],
)
def test_only_a_whole_https_address_is_a_link(link: str, kept: str) -> None:
    assert one(f"<item><title>x</title><link>{link}</link></item>").url == kept


def test_what_is_too_long_ends_sooner() -> None:
    entry = one(f"<item><title>{'word ' * 9_000}</title><description>{'more ' * 9_000}</description></item>")
    assert len(entry.title) <= LONGEST_TITLE
    assert entry.title.endswith("word…")
    assert len(entry.summary) <= LONGEST_SUMMARY
    assert len(read(rss("".join(f"<item><title>{n}</title></item>" for n in range(500))))) == MOST_ENTRIES


def test_an_entry_without_a_title_is_called_by_its_first_words() -> None:
    assert one("<item><description>It is open.</description></item>").title == "It is open."
    assert read(rss("<item></item><item><title> </title></item>")) == []


LAUGHS = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(9))


@pytest.mark.parametrize(
    "declared",
    [
        f'<!DOCTYPE r [<!ENTITY l0 "ha">{LAUGHS}]>',
        '<!DOCTYPE r [<!ENTITY l9 SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE r [<!ENTITY % p SYSTEM "https://example.org/x.dtd"> %p;]>',
        f'<!DOCTYPE r [<!ENTITY l9 "{"a" * 50_000}">]>',
    ],
)
def test_entities_are_refused(declared: str) -> None:
    with pytest.raises(InvalidInput, match="could make it swell"):
        read(rss("<item><title>&l9;</title></item>", more=declared))


def test_a_document_type_alone_does_no_harm_and_is_not_fetched() -> None:
    declared = '<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "https://example.org/rss.dtd">'
    (entry,) = read(rss("<item><title>A&nbsp;title</title></item>", more=declared))
    assert entry.title == "A title"


@pytest.mark.parametrize(
    "text", ["", " ", "words", "<html><body>x</body></html>", "{}", "<svg/>", "<opml><body/></opml>"]
)
def test_what_is_no_feed_is_said_to_be_none(text: str) -> None:
    with pytest.raises(InvalidInput, match="There is no feed at this address"):
        read(text)


def test_a_damaged_feed_gives_what_came_before_the_damage() -> None:
    whole = rss("<item><title>one</title></item><item><title>two</title></item>")
    assert [entry.title for entry in read(whole[: whole.index("two")])] == ["one"]
    with pytest.raises(InvalidInput, match="damaged"):
        read(whole[: whole.index("one")])
    with pytest.raises(InvalidInput, match="damaged"):
        read("<rss>" + "<a>" * 5_000)


def test_other_encodings() -> None:
    words = "<rss><channel><item><title>Caf\u00e9 \u2019s</title></item></channel></rss>"
    text = f'<?xml version="1.0" encoding="windows-1252"?>{words}'
    assert [entry.title for entry in read(text.encode("windows-1252"))] == ["Café ’s"]
    assert [entry.title for entry in read(text.replace("windows-1252", "utf-16").encode("utf-16"))] == ["Café ’s"]
    with pytest.raises(InvalidInput):
        read(text.replace("windows-1252", "klingon").encode())


def test_hostile_html_takes_no_time_and_leaves_no_markup() -> None:
    for html in (
        "<div>" * 8_000,
        "<ul><li>" * 5_000,
        "<![CDATA[" * 4_000,
        "<a href='https://e.org'>" * 1_500,
        "<!--" * 999,
    ):
        escaped = html.replace("&", "&amp;").replace("<", "&lt;")
        entry = one(f"<item><title>x</title><description>{escaped}words</description></item>")
        markup.validate(entry.text)


PIECES = st.lists(
    st.sampled_from(
        ["<item>", "</item>", "<title>", "</title>", "<description>", "</description>", "<![CDATA[", "]]>", "<link/>",
         "<link>", "</link>", "<content:encoded>", "</content:encoded>", "&nbsp;", "&lt;p&gt;", "&#0;", "<p>", "x",
         "&lt;a href=&quot;javascript:alert(1)&quot;&gt;", "&lt;script&gt;", "2026-11-03", "<dc:date>", "</dc:date>"]
    ),
    max_size=30,
).map("".join)  # fmt: skip


@given(PIECES | st.text(max_size=100))
def test_whatever_comes_is_read_or_refused(items: str) -> None:
    try:
        found = read(rss(items))
    except InvalidInput:
        return
    for entry in found:
        markup.validate(entry.text)
        assert "\n" not in entry.title + entry.summary + entry.url
        assert "javascript:" not in entry.text


@given(st.binary(max_size=200))
def test_whatever_bytes_come_are_read_or_refused(content: bytes) -> None:
    with pytest.raises(InvalidInput):
        feed_entries.read(content, url=URL)
