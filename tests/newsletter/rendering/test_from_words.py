"""Plain words as restricted Markdown: what was pasted is what is read, and it can always be read."""

import re
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from newsletter.rendering import from_words, markup

#: What Markdown, HTML and our own marks are made of, with words and addresses between.
HARD = st.lists(
    st.sampled_from(
        [
            *"*_`#>+-=~^|\\!&;:.,()[]<>/'\"\t\n ", "\r\n", "[[", "]]", "](", "[[leave_url]]", "<b>", "</b>", "<!--",
            "&amp;", "&#60;", "&lt;", "1.", "2)", "http", "https://", "http://", "www.", "www", "mailto:",
            "https://example.org/a_b(c)", "www.example.org", "mailto:send@example.org",
            "<https://example.org>", "word", "Größe", "\u00ad", "\u200b",
            "\u202e", "\u00a0", "\u2028", "\x00", "\x85", "•", "–", "“", "”", "🙂", "a", "1",
        ]
    ),
    max_size=25,
).map("".join)  # fmt: skip


def words(text: str) -> list[str]:
    """The letters and digits that are read; an address is no word, whether it is a link or not."""
    text = re.sub(r"(https?://|www\.)+", " ", from_words.seen(text), flags=re.IGNORECASE)
    return re.findall(r"[^\W_]+", text)


@pytest.mark.parametrize(
    ("pasted", "expected"),
    [
        ("Plain words.", "Plain words."),
        ("It\u2019s a co\u00adordinator\u00a0now \u200b", "It’s a coordinator now"),
        ("See the figures: https://www.example.org/f.", "[See the figures](https://www.example.org/f)."),
        ("Read our report <https://example.org/r>, please", "[Read our report](https://example.org/r), please"),
        ("Read our report (https://example.org/r(1)).", "[Read our report](https://example.org/r%281%29)."),
        ("It is at https://www.example.org/r/?a=1 now", "It is at [example.org/r](https://www.example.org/r/?a=1) now"),
        ("Go to www.example.org", "Go to [example.org](https://www.example.org)"),
        ("Go to www.example.org <https://www.example.org>!", "Go to [example.org](https://www.example.org)!"),
        ("Write to send@example.org<mailto:send@example.org>", "Write to [send@example.org](mailto:send@example.org)"),
        ("Read [the report](https://example.org/r) now", "Read [the report](https://example.org/r) now"),
        ("Look at http://old.example.org/x", "Look at old.example.org/x"),
        ("- not a list", "\\- not a list"),
        ("2026. A year", "2026\\. A year"),
        ("^ not set in", "\\^ not set in"),
        ("# not a heading", "\\# not a heading"),
        ("48% > 40%, -5 degrees", "48% > 40%, -5 degrees"),
        ("[[leave_url]]", "\\[ \\[leave\\_url]]"),
        ("a b c d e f g h i (https://example.org/r)", "a b c d e f g h i [example.org/r](https://example.org/r)"),
    ],
)  # fmt: skip
def test_what_is_pasted_and_what_is_written(pasted: str, expected: str) -> None:
    written = from_words.written(pasted)
    assert written == expected
    markup.validate(written)


@given(st.text(max_size=200) | HARD)
@example("![https://example.org/a")
@example("<https://example.org>b>")
@example("www https://example.org .")
def test_whatever_is_pasted_can_be_read_and_no_word_is_lost(pasted: str) -> None:
    written = from_words.written(pasted)
    markup.validate(written)
    assert markup.to_html(written, heading_level=3, for_mail=True) is not None
    read = markup.to_text(written)
    assert "\n" not in read
    targets = [unquote(target) for target in re.findall(r"\]\((.*?)\)", written)]
    left = words(read + " " + " ".join(targets))
    for word in words(pasted):
        assert word in left or any(word in each for each in (*left, *targets)), (word, written)


@given(st.text(max_size=200) | HARD)
def test_a_title_is_one_line(pasted: str) -> None:
    title = from_words.one_line(pasted)
    assert "[[" not in title
    assert title == " ".join(title.split())
    assert words(title) == words(pasted) or "http" in pasted.lower() or "www" in pasted.lower()


@given(st.lists(st.tuples(HARD, st.sampled_from(["", "https://example.org/a"]) | HARD), max_size=6))
@example([("!", ""), ("words", "https://example.org/a")])
def test_words_with_links_can_be_read_and_no_word_is_lost(runs: list[tuple[str, str]]) -> None:
    written = from_words.written_with_links(runs)
    markup.validate(written)
    read = "".join(words(markup.to_words(written)))
    for word in words("".join(text for text, _ in runs)):
        assert word in read


def test_a_long_line_of_addresses_is_done_in_no_time() -> None:
    assert from_words.written("https://example.org/a(" * 400)
    assert from_words.written("[a](" * 2_000)
