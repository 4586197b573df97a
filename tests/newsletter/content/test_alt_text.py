"""Words that say nothing to whoever hears them are refused, with what to write instead."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.content import alt_text
from newsletter.core.errors import InvalidInput


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Say in words"),
        (" \t ", "Say in words"),
        ("…", "Say in words"),
        ("IMG_2041.jpg", "name of a file"),
        ("School garden 2.PNG", "name of a file"),
        ("IMG_2041", "name of a file"),
        ("DSC00012", "name of a file"),
        ("image1", "name of a file"),
        ("Picture", "name of a file"),
        ("Image of two children", "Leave out “Image of”"),
        ("A photo of two children", "Leave out “A photo of”"),
        ("photograph showing a garden", "Leave out"),
        ("Two children\nin a garden", "one line"),
        ("Children [[leave_url]]", "personal link"),
        ("\u202egarden", "direction"),
        ("A" * 161, "160 characters or fewer; you have used 161"),
    ],
)
def test_what_says_nothing_is_refused(text: str, said: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        alt_text.checked(text)
    assert said in str(refused.value)
    assert refused.value.field == "alt"


@pytest.mark.parametrize(
    "text",
    [
        "A boy and his teaching assistant plant beans in the school garden",
        "Photographers at the open day",
        "Images of the new building hang in the hall",
        "A graph: waits fell from 12 weeks to 8",
        "W" * 160,
    ],
)
def test_what_says_something_is_kept(text: str) -> None:
    assert alt_text.checked(f"  {text} ") == text


@given(st.text(max_size=200))
def test_any_text_is_kept_as_a_line_or_refused(text: str) -> None:
    try:
        words = alt_text.checked(text)
    except InvalidInput:
        return
    assert 0 < len(words) <= alt_text.LONGEST
    assert "\n" not in words
