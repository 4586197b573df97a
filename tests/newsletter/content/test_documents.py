"""Pasted texts, split into what updates can be made of."""

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.content import documents
from newsletter.content.documents import LONGEST_TITLE, MOST_CHARACTERS, MOST_PIECES, split
from newsletter.content.lines import one_line
from newsletter.core.errors import InvalidInput
from newsletter.rendering import markup
from tests.newsletter.rendering.test_from_words import HARD, words

FROM_WORD = """More plans on time
We finished 62% of plans within 20 weeks in October. That is better than last year, when it was 48%.\r
Every plan is now read by two people before it goes out, so that fewer of them have to be changed.\r
What has changed\r
•\tA new phone line opens at 8am\r
•\tA co\u00adordinator\u00a0for each school\r
o\tOne more below it\r
1)\tCall us\r
2)\tWe call back\r
"""

FROM_AN_EMAIL = """Dear all,

New sensory room
----------------
This is a paragraph that was broken by an email program after about
seventy letters, so that its lines have to be put together again to
make one.

*Parking*

– There is room for ten cars,
  two of them for blue badges
– It is free

Kind regards
The team
"""


def test_a_text_from_word_has_its_headings_and_lists() -> None:
    first, second = split(FROM_WORD)
    assert (first.title, second.title) == ("More plans on time", "What has changed")
    assert first.text.count("\n\n") == 1
    assert second.text == (
        "- A new phone line opens at 8am\n- A coordinator for each school\n- One more below it\n\n"
        "1. Call us\n2. We call back"
    )


def test_an_email_has_its_lines_put_together_again() -> None:
    before, room, parking = split(FROM_AN_EMAIL)
    assert (before.title, before.text) == ("", "Dear all,")
    assert room.title == "New sensory room"
    assert "\n" not in room.text
    assert (parking.title, parking.text) == (
        "Parking",
        "- There is room for ten cars, two of them for blue badges\n- It is free\n\nKind regards\n\nThe team",
    )


def test_markdown_and_numbered_headings() -> None:
    text = "## One\n\nThe first.\n\n2. Two\n\nThe second, which is long enough to be no title, as everybody can see."
    assert [piece.title for piece in split(text)] == ["One", "2. Two"]


def test_a_text_without_headings_is_one_piece() -> None:
    (only,) = split("The phone line is open for longer.\n\nYou can call from 8am to 6pm.")
    assert only.title == ""
    assert only.text == "The phone line is open for longer.\n\nYou can call from 8am to 6pm."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Paste the text"),
        (" \r\n\u00ad\t\u200b", "Paste the text"),
        ("o\thttps://\n1. www.", "Paste the text"),
        ("a" * (MOST_CHARACTERS + 1), "must be 20,000 characters or fewer. This has 20,001"),
        ("# A heading\n\nText.\n\n" * (MOST_PIECES + 1), f"has {MOST_PIECES + 1} headings"),
    ],
)
def test_what_is_refused(text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=re.escape(said)):
        split(text)


#: Lines of all kinds, one below the other.
TEXTS = st.lists(
    st.tuples(
        st.sampled_from(["", "• ", "- ", "* ", "o\t", "1. ", "2) ", "(3) ", "# ", "## ", "   ", "\t", "**", "> ", "—"]),
        HARD | st.text(max_size=60) | st.sampled_from(["", "---", "===", "Heading", "a wrapped line " * 5, "* * *"]),
        st.sampled_from(["\n", "\r\n", "\n\n", "**\n", "\r", "\u2028"]),
    ),
    max_size=12,
).map(lambda lines: "".join("".join(line) for line in lines))


def is_mark(word: str) -> bool:
    """Whether it may be what a list begins its items with, and so no word."""
    return word == "o" or re.fullmatch(r"\d{1,2}", word) is not None


@given(TEXTS)
def test_no_word_is_lost_and_every_piece_can_be_used(text: str) -> None:
    try:
        pieces = split(text)
    except InvalidInput as refused:
        assert all(map(is_mark, words(text))) or "headings" in str(refused)  # noqa: PT017
        return
    left = ""
    for piece in pieces:
        assert piece.title or piece.text
        assert one_line(piece.title) == piece.title
        assert len(piece.title) <= LONGEST_TITLE + 5
        markup.validate(piece.text)
        targets = re.findall(r"\]\((.*?)\)", piece.text)
        left += " ".join(["", piece.title, markup.to_words(piece.text), *map(unquote, targets), ""])
    read = "".join(words(left))
    for word in words(text):
        assert word in read or is_mark(word), (word, pieces)


def test_the_longest_text_is_split_in_no_time() -> None:
    for line in ("a", "- ", "1. x\n", "word\n", "# ", "*_", "https://e.org ", "((", "o\t"):
        text = (line * MOST_CHARACTERS)[:MOST_CHARACTERS]
        try:
            split(text)
        except InvalidInput as refused:
            assert "headings" in str(refused) or not words(text)  # noqa: PT017


def test_the_end_of_a_line_counts_once() -> None:
    text = "a line\r\n" * (MOST_CHARACTERS // 7)
    assert len(text) > MOST_CHARACTERS
    assert len(split(text)) == 1


def test_what_a_title_may_be_is_what_an_update_takes() -> None:
    from newsletter.content.updates import UpdateDraft

    [limit] = [
        each.max_length for each in UpdateDraft.model_fields["parent_title"].metadata if hasattr(each, "max_length")
    ]
    assert limit == documents.LONGEST_TITLE
