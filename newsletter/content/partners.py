"""Who the newsletters come from: the partnership, its partners and the priority areas of its action plan.

All of it is dated data: councils and health boards are renamed, merged and replaced, and action plans end. Nothing here
knows editions; what an edition was approved with stays in the edition.
"""

from datetime import date
from typing import Self

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlmodel import Session, col, select

from newsletter.content.fields import Line
from newsletter.content.models import Partner, Partnership, PriorityArea
from newsletter.core.errors import InvalidInput, NotFound
from newsletter.core.texts import short_name


class _Dated(BaseModel):
    """From when to when something stands; without a last day it still does."""

    model_config = ConfigDict(extra="forbid")

    from_date: date
    until_date: date | None = None

    @model_validator(mode="after")
    def _ends_after_it_began(self) -> Self:
        if self.until_date and self.until_date < self.from_date:
            raise ValueError("The last day must be on or after the first day")
        return self


class PartnerDraft(_Dated):
    """What a person typed about a partner."""

    name: Line = Field(min_length=1, max_length=160)
    approves_texts: bool = False


class AreaDraft(_Dated):
    """What a person typed about a priority area."""

    number: int = Field(ge=1, le=99)
    name: Line = Field(min_length=1, max_length=160)
    description: Line = Field(min_length=1, max_length=500)


def partnership(session: Session) -> Partnership:
    """The partnership this installation belongs to.

    Raises `NotFound` when none has been entered yet.
    """
    row = session.exec(select(Partnership).order_by(col(Partnership.id))).first()
    if row is None:
        raise NotFound("There is no partnership yet. Run `newsletter demo` to load a sample one.")
    return row


def partners(session: Session, on: date | None = None) -> list[Partner]:
    """Every partner by name; with `on`, only those that existed on that day."""
    statement = select(Partner).order_by(col(Partner.name))
    if on is not None:
        statement = statement.where(_stands(Partner, on))
    return list(session.exec(statement))


def partner_by_id(session: Session, partner_id: int) -> Partner:
    """Raises `NotFound`."""
    row = session.get(Partner, partner_id)
    if row is None:
        raise NotFound(f"There is no partner {partner_id}.")
    return row


def partner_by_slug(session: Session, slug: str) -> Partner:
    """Raises `NotFound`."""
    row = session.exec(select(Partner).where(Partner.slug == slug)).one_or_none()
    if row is None:
        raise NotFound(f"There is no partner called {slug}.")
    return row


def add_partner(session: Session, draft: PartnerDraft) -> Partner:
    """Enter a partner. Raises `InvalidInput` when one of that name stands already on one of its days."""
    _refuse_same_name(session, draft)
    wanted = short_name(draft.name, at_most=36, otherwise="partner")
    taken = set(session.exec(select(Partner.slug).where(col(Partner.slug).startswith(wanted))))
    slug = next(name for count in range(1, 1000) if (name := f"{wanted}-{count}" if count > 1 else wanted) not in taken)
    partner = Partner(slug=slug, **draft.model_dump())
    session.add(partner)
    session.flush()
    return partner


def edit_partner(session: Session, partner_id: int, draft: PartnerDraft) -> Partner:
    """Replace what a partner is called and when it was one. Raises `NotFound`, `InvalidInput`."""
    partner = partner_by_id(session, partner_id)
    _refuse_same_name(session, draft, other_than=partner_id)
    for name, value in draft.model_dump().items():
        setattr(partner, name, value)
    session.add(partner)
    session.flush()
    return partner


def add_area(session: Session, draft: AreaDraft) -> PriorityArea:
    """Enter a priority area. Raises `InvalidInput` when its number is taken on one of its days."""
    _refuse_same_number(session, draft)
    area = PriorityArea(**draft.model_dump())
    session.add(area)
    session.flush()
    return area


def edit_area(session: Session, area_id: int, draft: AreaDraft) -> PriorityArea:
    """Replace what a priority area says and when it stands. Raises `NotFound`, `InvalidInput`."""
    area = area_by_id(session, area_id)
    _refuse_same_number(session, draft, other_than=area_id)
    for name, value in draft.model_dump().items():
        setattr(area, name, value)
    session.add(area)
    session.flush()
    return area


def area_by_id(session: Session, area_id: int) -> PriorityArea:
    """Raises `NotFound`."""
    row = session.get(PriorityArea, area_id)
    if row is None:
        raise NotFound(f"There is no priority area {area_id}.")
    return row


def priority_areas(session: Session, on: date | None = None) -> list[PriorityArea]:
    """The priority areas in order of their number; with `on`, only those that stood on that day."""
    statement = select(PriorityArea).order_by(col(PriorityArea.number), col(PriorityArea.from_date))
    if on is not None:
        statement = statement.where(_stands(PriorityArea, on))
    return list(session.exec(statement))


def _stands(model: type[Partner] | type[PriorityArea], on: date) -> sa.ColumnElement[bool]:
    return sa.and_(col(model.from_date) <= on, sa.or_(col(model.until_date).is_(None), col(model.until_date) >= on))


def _refuse_same_name(session: Session, draft: PartnerDraft, *, other_than: int | None = None) -> None:
    for partner in partners(session):
        same = partner.id != other_than and partner.name.casefold() == draft.name.casefold()
        if same and _overlap(partner, draft):
            raise InvalidInput(f"“{draft.name}” is a partner on some of these days already", field="name")


def _refuse_same_number(session: Session, draft: AreaDraft, *, other_than: int | None = None) -> None:
    for area in priority_areas(session):
        if area.id != other_than and area.number == draft.number and _overlap(area, draft):
            raise InvalidInput(
                f"“{area.name}” has this number on some of these days. Give it a last day before this one begins",
                field="number",
            )


def _overlap(row: Partner | PriorityArea, draft: _Dated) -> bool:
    begins_before_end = draft.until_date is None or row.from_date <= draft.until_date
    return begins_before_end and (row.until_date is None or row.until_date >= draft.from_date)
