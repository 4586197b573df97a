"""The words and acronyms that readers should not have to know: written, imported from a spreadsheet, listed.

Terms are dated, because names change: `standing` gives those of a day. Editions write a term out at its first use
(`newsletter.editions.expanding`).
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Self

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from sqlmodel import Session, col, select

from newsletter.content import fields
from newsletter.content.fields import Line, Prose
from newsletter.content.models import GlossaryTerm
from newsletter.core.errors import InvalidInput, NotFound

#: A term goes into running text and into a pattern: letters and digits, with marks and single spaces between them.
_TERM = re.compile(r"[^\W_]+(?:[ &/’'.-][^\W_]+)*")

#: What would change the text around it, which is restricted Markdown, or end a link.
_MARKS = re.compile(r"[\\`*_{}\[\]()<>#^|~&]|://")


class TermDraft(BaseModel):
    """What a person typed for a term. Refuses, with a sentence for the form, what a text could not carry."""

    model_config = ConfigDict(extra="forbid")

    term: Line = Field(min_length=2, max_length=40)
    expansion: Line = Field(default="", max_length=200)
    explanation: Prose = Field(min_length=1)
    from_date: date
    until_date: date | None = None

    @field_validator("term")
    @classmethod
    def _is_a_word(cls, term: str) -> str:
        if not _TERM.fullmatch(term):
            raise ValueError("Must be letters and digits, like “EHCP” or “annual review”")
        return term

    @field_validator("expansion")
    @classmethod
    def _is_plain(cls, expansion: str) -> str:
        if found := _MARKS.search(expansion):
            raise ValueError(f"Must be plain words, without “{found[0]}”")
        return " ".join(expansion.split())

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.until_date and self.until_date < self.from_date:
            raise ValueError("The last day must be on or after the first day")
        return self


def write(session: Session, draft: TermDraft) -> GlossaryTerm:
    """Keep a new term. Raises `InvalidInput` when the same term stands in the glossary on one of its days already."""
    _refuse_twice(session, draft)
    term = GlossaryTerm(**draft.model_dump())
    session.add(term)
    session.flush()
    return term


def edit(session: Session, term_id: int, draft: TermDraft) -> GlossaryTerm:
    """Replace what a term says. Editions that were approved keep their words. Raises `NotFound`, `InvalidInput`."""
    term = by_id(session, term_id)
    _refuse_twice(session, draft, other_than=term_id)
    for name, value in draft.model_dump().items():
        setattr(term, name, value)
    session.add(term)
    session.flush()
    return term


def import_rows(session: Session, rows: Iterable[tuple[int, Mapping[str, str] | None]], *, on: date) -> tuple[int, int]:
    """Take over a spreadsheet with the columns term, expansion and explanation: how many were added, how many changed.

    A term that stands already gets the new words. All or nothing: raises `InvalidInput` naming the line.
    """
    standing_ids = {term.term.casefold(): term.id for term in standing(session, on)}
    added = changed = 0
    for line, row in rows:
        if row is None:
            raise InvalidInput(f"Line {line} has more cells than there are columns. Put texts with commas in quotes.")
        values = {name: row.get(name, "") for name in ("term", "expansion", "explanation")}
        try:
            term_id = standing_ids.get(values["term"].casefold())
            if term_id is not None:
                first = by_id(session, term_id).from_date
                edit(session, term_id, fields.read(TermDraft, {**values, "from_date": first}))
                changed += 1
            else:
                term = write(session, fields.read(TermDraft, {**values, "from_date": on}))
                standing_ids[term.term.casefold()] = term.id
                added += 1
        except InvalidInput as error:
            raise InvalidInput(f"Line {line}: {error}", field=error.field) from None
    return added, changed


def by_id(session: Session, term_id: int) -> GlossaryTerm:
    """Raises `NotFound`."""
    term = session.get(GlossaryTerm, term_id)
    if term is None:
        raise NotFound(f"There is no term {term_id}.")
    return term


def all_terms(session: Session) -> list[GlossaryTerm]:
    """Every term there is or was, from A to Z."""
    return sorted(session.exec(select(GlossaryTerm)), key=lambda term: (term.term.casefold(), term.from_date, term.id))


def standing(session: Session, on: date) -> list[GlossaryTerm]:
    """The glossary of that day, from A to Z."""
    statement = select(GlossaryTerm).where(
        col(GlossaryTerm.from_date) <= on,
        sa.or_(col(GlossaryTerm.until_date).is_(None), col(GlossaryTerm.until_date) >= on),
    )
    return sorted(session.exec(statement), key=lambda term: (term.term.casefold(), term.id))


def _refuse_twice(session: Session, draft: TermDraft, *, other_than: int | None = None) -> None:
    for term in session.exec(select(GlossaryTerm)):
        same = term.id != other_than and term.term.casefold() == draft.term.casefold()
        begins_before_end = draft.until_date is None or term.from_date <= draft.until_date
        ends_after_start = term.until_date is None or term.until_date >= draft.from_date
        if same and begins_before_end and ends_after_start:
            raise InvalidInput(f"“{draft.term}” is in the glossary already. Change it there.", field="term")
