"""Who the newsletters come from: the partnership, its partners and the priority areas of its action plan.

All of it is dated data: councils and health boards are renamed, merged and replaced, and action plans end. Nothing here
knows editions; what an edition was approved with stays in the edition.
"""

from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.content.models import Partner, Partnership, PriorityArea
from newsletter.core.errors import NotFound


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


def priority_areas(session: Session, on: date | None = None) -> list[PriorityArea]:
    """The priority areas in order of their number; with `on`, only those that stood on that day."""
    statement = select(PriorityArea).order_by(col(PriorityArea.number), col(PriorityArea.from_date))
    if on is not None:
        statement = statement.where(_stands(PriorityArea, on))
    return list(session.exec(statement))


def _stands(model: type[Partner] | type[PriorityArea], on: date) -> sa.ColumnElement[bool]:
    return sa.and_(col(model.from_date) <= on, sa.or_(col(model.until_date).is_(None), col(model.until_date) >= on))
