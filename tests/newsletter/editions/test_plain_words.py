"""Style: words about people, sentences, reading age; links and acronyms."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.editions import acronyms, link_words, plain_words

EASY = "We have a new phone line. You can call us from 8 in the morning. A person will pick up. " * 3
HARD = (
    "The multidisciplinary commissioning partnership has systematically reconfigured its statutory assessment "
    "procedures, prioritising intergovernmental accountability and organisational sustainability throughout "
    "implementation. Consequently, interprofessional communication demonstrates considerable improvement. "
    "Representatives continuously evaluate the recommendations, methodologies and administrative requirements. "
    "Participation necessitates comprehensive documentation throughout. "
    "Subsequently, stakeholders anticipate significantly improved satisfaction."
)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("He suffers from epilepsy.", "suffers from"),
        ("A place for SEN kids.", "SEN kids"),
        ("Wheelchair-bound visitors", "Wheelchair-bound"),
        ("Rooms for the disabled", "the disabled"),
        ("A special needs child", "special needs child"),
        ("High functioning pupils", "High functioning"),
        ("We want hard-to-reach families", "hard-to-reach"),
    ],
)
def test_a_person_comes_first(text: str, found: str) -> None:
    assert [f"“{found}”" in message for message in plain_words.findings("The introduction", text)] == [True]


@pytest.mark.parametrize(
    "text",
    ["Children with SEND", "Disabled people", "A kind word", "Other children", "Kidlington"],
)
def test_what_is_well_said_is_let_through(text: str) -> None:
    assert list(plain_words.findings("The introduction", text)) == []


@pytest.mark.parametrize(
    ("word", "count"),
    [("plan", 1), ("little", 2), ("started", 2), ("houses", 2), ("education", 4), ("families", 3), ("EHCP", 4),
     ("time", 1), ("children’s", 2), ("part-time", 2), ("the", 1), ("Mm", 1)],
)  # fmt: skip
def test_syllables(word: str, count: int) -> None:
    assert plain_words.syllables(word) == count


def test_a_hard_text_reads_at_a_greater_age_than_an_easy_one() -> None:
    easy, hard = plain_words.reading_age(EASY), plain_words.reading_age(HARD)
    assert easy is not None
    assert hard is not None
    assert easy < 9 < 20 < hard
    assert plain_words.reading_age("Too short to say.") is None


@given(st.text(max_size=400))
def test_any_text_has_an_age_or_none(text: str) -> None:
    age = plain_words.reading_age(text)
    assert age is None or age >= 5
    list(plain_words.findings("It", text))
    list(acronyms.unexplained(text))
    list(link_words.text_errors("It", [text]))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The MDT meets on Monday.", ["MDT"]),
        ("Two MDTs meet. The MDT.", ["MDT"]),
        ("The multi-disciplinary team (MDT) meets. The MDT.", []),
        ("The MDT (multi-disciplinary team) meets.", []),
        ("The NHS, SEND and the BBC.", []),
        ("READ THIS NOW, ALL OF IT", []),
        ("Write to a@EXAMPLE.org, see EX1 1AA or part A/B.", []),
    ],
)
def test_acronyms_that_nobody_explains(text: str, found: list[str]) -> None:
    assert [message.split("”")[0].removeprefix("“") for message in acronyms.unexplained(text)] == found


def test_links_that_hide_where_they_go() -> None:
    links = link_words.of_markdown("[The plan](https://bit.ly/3xyz) and [figures](https://www.bit.lyon.example.org/a)")
    assert list(link_words.link_errors("News", links)) == [
        "“News” has a link through bit.ly, which hides where it goes: link to the page itself."
    ]
    assert link_words.is_pdf_only([("Plan", "https://www.example.org/plan.PDF#page=2")])
    assert not link_words.is_pdf_only([])
