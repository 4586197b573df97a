"""What may stand in the glossary, and when."""

from datetime import date
from io import StringIO

import pytest
from sqlmodel import Session

from newsletter.content import glossary
from newsletter.core.errors import InvalidInput, NotFound
from subscribers import spreadsheets
from tests.newsletter.content.conftest import term_draft

DAY = date(2026, 11, 3)


def test_terms_stand_from_a_to_z_on_their_days(session: Session) -> None:
    glossary.write(session, term_draft(until_date=date(2026, 12, 31)))
    glossary.write(session, term_draft(expansion="something else", from_date=date(2027, 1, 1)))
    glossary.write(session, term_draft(term="annual review", expansion=""))
    assert [(term.term, term.expansion) for term in glossary.standing(session, DAY)] == [
        ("annual review", ""),
        ("EHCP", "education, health and care plan"),
    ]
    assert glossary.standing(session, date(2027, 1, 1))[1].expansion == "something else"


def test_a_term_stands_once(session: Session) -> None:
    first = glossary.write(session, term_draft())
    with pytest.raises(InvalidInput, match="“ehcp” is in the glossary already") as refused:
        glossary.write(session, term_draft(term="ehcp"))
    assert refused.value.field == "term"
    other = glossary.write(session, term_draft(term="ICB"))
    with pytest.raises(InvalidInput, match="already"):
        glossary.edit(session, other.id or 0, term_draft())
    assert glossary.edit(session, first.id or 0, term_draft(explanation="A plan.")).explanation == "A plan."
    with pytest.raises(NotFound, match="no term 99"):
        glossary.edit(session, 99, term_draft(term="X1"))


def test_a_spreadsheet_adds_and_changes(session: Session) -> None:
    glossary.write(session, term_draft())
    file = StringIO(
        'Term,Expansion,Explanation\nehcp,plan,"A plan, in law."\nICB,integrated care board,It buys care.\n'
    )
    rows = spreadsheets.read(file, required=("term", "expansion", "explanation"))
    assert glossary.import_rows(session, rows, on=DAY) == (1, 1)
    standing = glossary.standing(session, DAY)
    assert [(term.term, term.explanation) for term in standing] == [
        ("ehcp", "A plan, in law."),
        ("ICB", "It buys care."),
    ]
    assert [term.from_date for term in standing] == [date(2020, 1, 1), DAY]
    for text, line in (
        ("term,explanation\nA*,B\n", "Line 2: Term:"),
        ("term,explanation\nAB,\n", "Line 2: Explanation:"),
    ):
        with pytest.raises(InvalidInput, match=line):
            glossary.import_rows(session, spreadsheets.read(StringIO(text), required=("term",)), on=DAY)
    with pytest.raises(InvalidInput, match="Line 2 has more cells"):
        glossary.import_rows(session, [(2, None)], on=DAY)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"term": "E"}, "at least 2"),
        ({"term": "[EHCP]"}, "letters and digits"),
        ({"term": "EHCP "*9}, "at most 40"),
        ({"expansion": "a **plan**"}, "without “\\*”"),
        ({"expansion": "a [plan](https://example.org)"}, "without “\\["),
        ({"explanation": ""}, "Explanation"),
        ({"explanation": "<b>"}, "Line 1"),
        ({"until_date": date(2019, 1, 1)}, "on or after the first day"),
    ],
)  # fmt: skip
def test_what_a_text_could_not_carry_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        term_draft(**changes)


@pytest.mark.parametrize("term", ["EHCP", "SEND", "DfE", "annual review", "Ofsted", "P&O", "16-19", "children’s plan"])
def test_words_that_people_use_are_let_in(term: str) -> None:
    assert term_draft(term=term).term == term
