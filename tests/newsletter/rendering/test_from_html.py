"""HTML of other websites as restricted Markdown: its words, and nothing else of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.rendering import from_html, markup

BASE = "https://www.example.org/news/"


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>One</p><p>Two<br>three</p>", "One\n\nTwo\n\nthree"),
        ("<h3>Head</h3>text", "## Head\n\ntext"),
        ("<ul><li>a<li><p>b</p></ul>c", "- a\n- b\n\nc"),
        ("<ol><li>a</li><li>b</li></ol>", "1. a\n2. b"),
        ("<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>", "- a\n- b\n- c"),
        ("<ul><li>a</li></ul><ol><li>b</li></ol>", "- a\n\n1. b"),
        ("<ul><li><h2>a</h2></li></ul>", "- a"),
        ("<p>See <a href='a?b=1&amp;c=2'>the <b>figures</b></a>.</p>", f"See [the figures]({BASE}a?b=1&c=2)."),
        ("<p>See<a href='/a'> the figures </a>now</p>", "See [the figures](https://www.example.org/a) now"),
        ("<a href='http://old.example.org'>old</a> <a href='javascript:alert(1)'>bad</a>", "old bad"),
        ("<a href='mailto:send@example.org'>Write</a>", "[Write](mailto:send@example.org)"),
        ("<a href='https://example.org'><img src=x alt=y></a>words", "words"),
        ("<script>alert(1)</script><style>p{}</style><p onclick=x>words</p><iframe>no</iframe>", "words"),
        ("<table><tr><th>Area</th><td>1</td></tr><tr><td>2</td></tr></table>", "Area 1\n\n2"),
        ("1. no list<br># no heading<br>* a star", "1\\. no list\n\n\\# no heading\n\n\\* a star"),
        ("[[leave_url]] &amp;amp; &lt;b&gt;", "\\[ \\[leave\\_url]] & amp; \\< b>"),
        ("Look at https://example.org/a", "Look at example.org/a"),
        ("", ""),
        ("plain", "plain"),
    ],
)
def test_what_becomes_of_it(html: str, expected: str) -> None:
    written = from_html.written(html, base=BASE)
    assert written == expected
    markup.validate(written)


def test_the_words_alone() -> None:
    assert from_html.words("<p>One <b>two</b></p><script>no</script><p>three &amp; <a href='x'>four</a></p>") == (
        "One two three & four"
    )


def test_what_is_much_too_long_ends_with_a_sign() -> None:
    assert from_html.written("<p>word</p>" * 5_000).endswith("word\n\n…")
    assert not from_html.written("<p>word</p>" * 50).endswith("…")


@given(
    st.lists(
        st.sampled_from(
            ["<p>", "</p>", "<ul>", "<ol>", "<li>", "</ul>", "<a href='/x'>", "<a href=\"javascript:x\">", "</a>",
             "<h1>", "</h1>", "<br>", "<!--", "-->", "<script>", "</script>", "&lt;", "&amp;", "<b>", "x", "1.", "- ",
             "\n", "<table>", "<td>", "<svg>", "<![CDATA[", "http://", "[[leave_url]]", "\x00", "<"]
        ),
        max_size=30,
    ).map("".join)
    | st.text(max_size=100)
)  # fmt: skip
def test_whatever_comes_can_be_read(html: str) -> None:
    written = from_html.written(html, base=BASE)
    markup.validate(written)
    assert "javascript" not in written
    assert "\n" not in from_html.words(html)
