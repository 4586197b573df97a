"""What a draft gets of what was brought in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.content.bringing_in import MOST_OF_AN_ENTRY, Chosen, ForWhom, link_words, shortened, typed
from newsletter.content.documents import LONGEST_TITLE, Piece
from newsletter.content.updates import UpdateDraft

URL = "https://www.example.org/news/plans"


@pytest.mark.parametrize("for_whom", [ForWhom.PARENTS, ForWhom.PROFESSIONALS, ForWhom.BOTH])
def test_the_fields_are_those_of_the_form_of_updates(for_whom: ForWhom) -> None:
    fields = typed(Piece("Title", "Text"), Chosen(for_whom, 1, 2, "3/11/2026"), url=URL)
    assert set(fields) <= set(UpdateDraft.model_fields)
    finished = {**fields, "owner": "Head of SEND", "from_date": "2026-11-03"}
    update = UpdateDraft.model_validate(finished)
    assert bool(update.parent_body) == (for_whom is not ForWhom.PROFESSIONALS)
    assert bool(update.professional_body) == (for_whom is not ForWhom.PARENTS)


@given(st.text(max_size=300).map(lambda text: " ".join(text.split())), st.sampled_from(["a", "a" * 63, "ab." * 40]))
def test_the_words_of_the_link_fit_and_say_where_it_leads(title: str, name: str) -> None:
    words = link_words(title[:LONGEST_TITLE], f"https://www.{name}example.org/x")
    assert len(words) <= LONGEST_TITLE
    assert words.startswith(("Read “", "Read this on"))


def test_a_long_entry_is_cut_between_paragraphs() -> None:
    text = "\n\n".join(["word " * 50] * 40)
    short = shortened(text)
    assert len(short) <= MOST_OF_AN_ENTRY + 3
    assert short.endswith("word \n\n…")
    assert shortened("short") == "short"
    assert shortened("word " * 2_000).startswith("word word")
    UpdateDraft.model_validate(
        {"priority_area_id": 1, "partner_id": 1, "owner": "x", "parent_title": "x", "parent_body": short,
         "from_date": "2026-11-03"}
    )  # fmt: skip
