"""Which open schools somebody reads the professionals' newsletter at: for staff, who want to reach the others.

Of schools it is said whether anybody at them is subscribed, never who or how many: at most schools that would be one
person. People are counted over the whole list alone, and few are not counted exactly. Parents are no part of it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core.audience import Audience
from subscribers import still_you
from subscribers.models import MailingList, School, Subscriber, SubscriberState


@dataclass(frozen=True, slots=True)
class CoveredSchool:
    """One open school, and whether anybody there gets the newsletter."""

    urn: int
    name: str
    phase: str  # in the register's words; special schools by their type, because their phase is "Not applicable"
    town: str
    is_covered: bool
    is_unanswered: bool  # everybody there was asked "still you?" and nobody has answered


@dataclass(frozen=True, slots=True)
class Group:
    """The schools of one phase or town."""

    name: str
    schools: int
    covered: int


def of_schools(session: Session) -> list[CoveredSchool]:
    """Every open school, by name."""
    silent = sa.case((still_you.unanswered(), 1), else_=0)
    there = (
        sa.select(col(Subscriber.school_urn), sa.func.min(silent))
        .where(*_confirmed_professionals(session), col(Subscriber.school_urn).is_not(None))
        .group_by(col(Subscriber.school_urn))
    )
    silent_at: dict[int, int] = dict(iter(session.execute(there)))
    schools = session.exec(select(School).where(col(School.is_open)).order_by(col(School.name), col(School.urn)))
    return [
        CoveredSchool(
            urn=school.urn,
            name=school.name,
            phase=school.type_name if school.phase_name in ("", "Not applicable") else school.phase_name,
            town=school.town,
            is_covered=school.urn in silent_at,
            is_unanswered=bool(silent_at.get(school.urn)),
        )
        for school in schools
    ]


def by_phase(schools: Iterable[CoveredSchool]) -> list[Group]:
    """Groups by phase of education, by name."""
    return _groups(schools, lambda school: school.phase)


def by_town(schools: Iterable[CoveredSchool]) -> list[Group]:
    """Groups by town, by name."""
    return _groups(schools, lambda school: school.town or "No town")


def by_role(session: Session) -> dict[str, int]:
    """How many confirmed professionals there are of each role, anywhere; show them by `core.small_numbers`."""
    found = session.execute(
        sa.select(col(Subscriber.role), sa.func.count())
        .where(*_confirmed_professionals(session))
        .group_by(col(Subscriber.role))
    )
    return dict(sorted((role.value if role else "not said", count) for role, count in found))


def _confirmed_professionals(session: Session) -> tuple[sa.ColumnElement[bool], ...]:
    """By the ids of their lists: PostgreSQL looks at every subscriber of all lists when it has to find those first."""
    lists = session.exec(select(MailingList.id).where(MailingList.audience == Audience.PROFESSIONALS)).all()
    return (
        col(Subscriber.mailing_list_id).in_(lists),
        col(Subscriber.state) == SubscriberState.CONFIRMED,
    )


def _groups(schools: Iterable[CoveredSchool], name_of: Callable[[CoveredSchool], str]) -> list[Group]:
    grouped: defaultdict[str, list[CoveredSchool]] = defaultdict(list)
    for school in schools:
        grouped[name_of(school)].append(school)
    return [Group(name, len(those), sum(one.is_covered for one in those)) for name, those in sorted(grouped.items())]
