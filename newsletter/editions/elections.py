"""The weeks before elections, which staff enter: what an edition may say in them is for `newsletter.editions.checks`.

A council's publicity then follows stricter rules (Code of Recommended Practice on Local Authority Publicity, 2011,
paragraphs 33 to 35; REQ-60).
"""

from datetime import date

from sqlmodel import Session, col, select

from newsletter.core.errors import InvalidInput, NotFound
from newsletter.editions.models import ElectionPeriod

NAME_LENGTH = 120


def at(session: Session, day: date) -> ElectionPeriod | None:
    """The period that this day lies in; of several, the one that ends last."""
    return session.exec(
        select(ElectionPeriod)
        .where(col(ElectionPeriod.starts_on) <= day, col(ElectionPeriod.ends_on) >= day)
        .order_by(col(ElectionPeriod.ends_on).desc(), col(ElectionPeriod.id))
        .limit(1)
    ).first()


def all_periods(session: Session) -> list[ElectionPeriod]:
    """Every period that was entered, the latest first."""
    return list(
        session.exec(select(ElectionPeriod).order_by(col(ElectionPeriod.starts_on).desc(), col(ElectionPeriod.id)))
    )


def add(session: Session, name: str, starts_on: date, ends_on: date) -> ElectionPeriod:
    """Enter a period; both days belong to it. Repeatable: the same one is entered once. Raises `InvalidInput`."""
    name = checked_name(name)
    if ends_on < starts_on:
        raise InvalidInput("The last day must be on or after the first day", field="ends_on")
    known = session.exec(
        select(ElectionPeriod).where(
            ElectionPeriod.name == name, ElectionPeriod.starts_on == starts_on, ElectionPeriod.ends_on == ends_on
        )
    ).first()
    period = known or ElectionPeriod(name=name, starts_on=starts_on, ends_on=ends_on)
    session.add(period)
    session.flush()
    return period


def by_id(session: Session, period_id: int) -> ElectionPeriod:
    """Raises `NotFound`."""
    period = session.get(ElectionPeriod, period_id)
    if period is None:
        raise NotFound("There is no such election period.")
    return period


def remove(session: Session, period_id: int) -> ElectionPeriod:
    """Take a period out, as when an election is called off. Raises `NotFound`."""
    period = by_id(session, period_id)
    session.delete(period)
    session.flush()
    return period


def checked_name(name: str) -> str:
    """The name of a period on one line. Raises `InvalidInput`."""
    name = " ".join(name.split())
    if not name or len(name) > NAME_LENGTH or not name.isprintable():
        raise InvalidInput(f"Enter a name of 1 to {NAME_LENGTH} characters", field="name")
    return name
