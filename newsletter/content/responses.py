"""“You said, we did”: write down what people told the partnership and what it does about it, and find what is late.

The Special Educational Needs and Disability Regulations 2014, regulation 56, ask for comments to be published with the
response and the action, at least once a year, in a form from which nobody can be recognised. So a text here names
nobody, and a count below five is never shown.
"""

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Self

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator
from sqlmodel import Session, col, select

from newsletter.content.fields import Id, Line, Misfit, Prose
from newsletter.content.models import Partner, PriorityArea, Response, ResponseOutcome
from newsletter.core import small_numbers
from newsletter.core.audience import Audience
from newsletter.core.errors import InvalidInput, NotFound

#: What would tell who said something, and what it is called in the refusal.
_TELLS = (
    (re.compile(r"\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Cllr)\.?\s+[A-Z]\w*"), "a name"),
    (re.compile(r"[^\s@]+@[^\s@]+\.\w+"), "an email address"),
    (re.compile(r"(?<![\d-])(?:\+|0)\d[\d ()-]{7,}\d"), "a phone number"),
    (
        re.compile(
            r"\b(?:[1-4]|one|two|three|four)\s+(?:people|persons?|parents?|carers?|famil(?:y|ies)|mothers?|fathers?|mums?|"
            r"dads?|child(?:ren)?|young\s+(?:people|person)|pupils?|students?|professionals?|sencos?)\b",
            re.IGNORECASE,
        ),
        "a number so small that it could point at people",
    ),
)


class ResponseDraft(BaseModel):
    """What a person typed for a response. Refuses, with a sentence for the form, what is no answer or tells on
    somebody."""

    model_config = ConfigDict(extra="forbid")

    theme: Line = Field(min_length=1, max_length=120)
    said: Prose = Field(min_length=1)
    people: int = Field(ge=1, le=1_000_000)
    period_from: date
    period_until: date
    did: Prose = Field(min_length=1)
    outcome: ResponseOutcome
    doing_by: date | None = None
    reason: Line = Field(default="", max_length=300)
    decision_owner: Line = Field(min_length=1, max_length=120)
    partner_id: Id
    priority_area_id: Id
    for_parents: bool = False
    for_professionals: bool = False
    from_date: date
    until_date: date | None = None

    @field_validator("theme", "said")
    @classmethod
    def _points_at_nobody(cls, text: str) -> str:
        return _without(text, _TELLS)

    @field_validator("did", "reason")
    @classmethod
    def _names_nobody(cls, text: str) -> str:
        return _without(text, _TELLS[:1])

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if not (self.for_parents or self.for_professionals):
            raise Misfit("Choose who it is for: parents and carers, professionals, or both", field="for_parents")
        if self.period_until < self.period_from:
            raise Misfit("The last day on which people said it must be on or after the first", field="period_until")
        if (self.doing_by is not None) != (self.outcome is ResponseOutcome.DOING):
            raise Misfit("Say by when it will be done if it is being done, and only then", field="doing_by")
        if not self.reason and self.outcome in (ResponseOutcome.WILL_NOT, ResponseOutcome.NOT_OURS):
            raise Misfit("Give the reason why it will not be done, or cannot be decided by us", field="reason")
        if self.until_date and self.until_date < self.from_date:
            raise Misfit("The last day must be on or after the first day", field="until_date")
        return self


def write(session: Session, draft: ResponseDraft, *, now: datetime, author_id: int | None = None) -> Response:
    """Keep a new response. Raises `InvalidInput` when its priority area or organisation does not exist."""
    _check_references(session, draft)
    response = Response(**draft.model_dump(), author_id=author_id, created_at=now, updated_at=now)
    session.add(response)
    session.flush()
    return response


def edit(
    session: Session, response_id: int, draft: ResponseDraft, *, now: datetime, editor_id: int | None = None
) -> Response:
    """Replace what a response says, as when what was promised is done. Raises as `write` does, and `NotFound`."""
    response = by_id(session, response_id)
    _check_references(session, draft)
    for name, value in draft.model_dump().items():
        setattr(response, name, value)
    response.updated_at = now
    response.editor_id = editor_id
    session.add(response)
    session.flush()
    return response


def by_id(session: Session, response_id: int) -> Response:
    """Raises `NotFound`."""
    response = session.get(Response, response_id)
    if response is None:
        raise NotFound(f"There is no response {response_id}.")
    return response


def draft_of(response: Response) -> ResponseDraft:
    """The response as a person would have typed it: what an edit starts from."""
    return ResponseDraft.model_validate({name: getattr(response, name) for name in ResponseDraft.model_fields})


def all_responses(session: Session) -> list[Response]:
    """Every response, newest first."""
    return list(session.exec(select(Response).order_by(col(Response.from_date).desc(), col(Response.id).desc())))


def due(session: Session, *, on: date, audience: Audience | None = None) -> list[Response]:
    """The responses that are due on that day, by priority area, oldest first."""
    conditions = [
        col(Response.from_date) <= on,
        sa.or_(col(Response.until_date).is_(None), col(Response.until_date) >= on),
    ]
    if audience is not None:
        for_them = Response.for_parents if audience is Audience.PARENTS else Response.for_professionals
        conditions.append(col(for_them).is_(True))
    return _by_area(session, *conditions)


def of_year(session: Session, year: int, *, on: date) -> list[Response]:
    """What was published in that calendar year until that day, by priority area, oldest first."""
    first, last = date(year, 1, 1), min(date(year, 12, 31), on)
    return _by_area(session, col(Response.from_date) >= first, col(Response.from_date) <= last)


def years(session: Session, *, on: date) -> list[int]:
    """The calendar years in which something was published, newest first."""
    published = session.scalars(sa.select(col(Response.from_date)).where(col(Response.from_date) <= on))
    return sorted({day.year for day in published}, reverse=True)


def overdue(session: Session, *, on: date) -> list[Response]:
    """The red list: what was promised for a day that has passed and is still not done, longest waiting first."""
    late = [response for response in due(session, on=on) if is_overdue(response, on)]
    return sorted(late, key=lambda response: response.doing_by or on)


def is_overdue(response: Response, on: date) -> bool:
    """Whether it is being done and its date has passed."""
    return response.outcome is ResponseOutcome.DOING and response.doing_by is not None and response.doing_by < on


def people_in_words(people: int) -> str:
    """14 people; "fewer than 5 people" for a count that could point at them."""
    return f"{small_numbers.in_public(people)} people"


def _without(text: str, tells: Sequence[tuple[re.Pattern[str], str]]) -> str:
    for pattern, what in tells:
        if found := pattern.search(text):
            raise ValueError(
                f"“{found[0].strip()}” looks like {what}; nobody may be recognised, so write it differently"
            )
    return text


def _by_area(session: Session, *conditions: sa.ColumnElement[bool]) -> list[Response]:
    statement = (
        select(Response)
        .join(PriorityArea, col(PriorityArea.id) == col(Response.priority_area_id))
        .where(*conditions)
        .order_by(col(PriorityArea.number), col(Response.from_date), col(Response.id))
    )
    return list(session.exec(statement))


def _check_references(session: Session, draft: ResponseDraft) -> None:
    if session.get(PriorityArea, draft.priority_area_id) is None:
        raise InvalidInput("Choose a priority area from the list", field="priority_area_id")
    if session.get(Partner, draft.partner_id) is None:
        raise InvalidInput("Choose an organisation from the list", field="partner_id")
