"""Groups what readers told us into themes, and counts it: what "You said, we did" and its yearly report start from.

Regulation 56 of the SEND Regulations 2014 lets comments be grouped, and wants nobody to be identifiable. So whatever is
public says a small number as "fewer than 5".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core import small_numbers
from newsletter.core.errors import InvalidInput, NotFound
from newsletter.feedback.models import Feedback, FeedbackKind, FeedbackState, Theme

NAME_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Counted:
    """How many times something was said about a theme in a priority area, in a period."""

    priority_area_id: int | None
    theme: str
    number: int
    response_id: int | None  # what answers it; None: nothing does yet

    @property
    def in_public(self) -> str:
        return small_numbers.in_public(self.number)


def file(session: Session, ids: Sequence[int], theme: str, *, now: datetime) -> Theme:
    """Put these pieces of feedback under a theme, which is made when it is new. Repeatable; moves what had another.

    Raises `InvalidInput` for the name, `NotFound` naming ids that are not there.
    """
    name = " ".join(theme.split())
    if not name:
        raise InvalidInput("Enter a theme.", field="theme")
    if len(name) > NAME_LENGTH:
        raise InvalidInput(f"A theme must be {NAME_LENGTH} characters or fewer.", field="theme")
    rows = _rows(session, ids)
    found = session.exec(select(Theme).where(sa.func.lower(Theme.name) == name.lower())).first()
    if found is None:
        found = Theme(name=name, created_at=now)
        session.add(found)
        session.flush()
    for row in rows:
        row.theme_id, row.state = found.id, FeedbackState.FILED
    session.flush()
    return found


def answer(session: Session, theme: str, response_id: int) -> Theme:
    """Say which "You said, we did" answers a theme. Repeatable. Raises `NotFound`; that the response is there is for
    the caller to know."""
    found = by_name(session, theme)
    found.response_id = response_id
    session.flush()
    return found


def open_again(session: Session, theme_id: int, response_id: int) -> bool:
    """Say that this response does not answer a theme after all. False when it did not. Raises `NotFound`."""
    found = by_id(session, theme_id)
    if found.response_id != response_id:
        return False
    found.response_id = None
    session.flush()
    return True


def by_id(session: Session, theme_id: int) -> Theme:
    """Raises `NotFound`."""
    found = session.get(Theme, theme_id)
    if found is None:
        raise NotFound("There is no such theme.")
    return found


def unanswered(session: Session) -> list[Theme]:
    """The themes that something is filed under and nothing answers, from A to Z."""
    is_used = sa.select(sa.literal(1)).where(col(Feedback.theme_id) == col(Theme.id)).exists()
    found = select(Theme).where(col(Theme.response_id).is_(None), is_used).order_by(sa.func.lower(Theme.name))
    return list(session.exec(found))


def answered_by(session: Session, response_id: int) -> list[Theme]:
    """The themes that a response answers, from A to Z."""
    found = select(Theme).where(col(Theme.response_id) == response_id).order_by(sa.func.lower(Theme.name))
    return list(session.exec(found))


def by_name(session: Session, theme: str) -> Theme:
    """The theme of this name, however it is spaced and in whatever case. Raises `NotFound`."""
    name = " ".join(theme.split())
    found = session.exec(select(Theme).where(sa.func.lower(Theme.name) == name.lower())).first()
    if found is None:
        raise NotFound("There is no theme of this name. “newsletter feedback themes” lists them.")
    return found


def set_aside(session: Session, ids: Sequence[int]) -> None:
    """Count these nowhere: vexatious, or about the service one person gets. Raises `NotFound`."""
    for row in _rows(session, ids):
        row.theme_id, row.state = None, FeedbackState.SET_ASIDE
    session.flush()


def delete(session: Session, ids: Sequence[int]) -> None:
    """Delete these for good: they were kept twice, or somebody stands in them. Of an answer to "Was this useful?" the
    words go and the answer stays counted. Raises `NotFound`."""
    for row in _rows(session, ids):
        if row.kind is FeedbackKind.USEFUL:
            row.text, row.theme_id, row.state = None, None, FeedbackState.NEW
        else:
            session.delete(row)
    session.flush()


def listed(
    session: Session, *, priority_area_ids: Sequence[int] | None = None, since: date | None = None
) -> list[tuple[Feedback, str | None]]:
    """Everything with words, oldest first, with the name of its theme."""
    query = select(Feedback, Theme.name).outerjoin(Theme, col(Theme.id) == col(Feedback.theme_id))
    query = query.where(col(Feedback.text).is_not(None))
    if priority_area_ids is not None:
        query = query.where(col(Feedback.priority_area_id).in_(priority_area_ids))
    if since is not None:
        query = query.where(col(Feedback.day) >= since)
    return [(row, name) for row, name in session.exec(query.order_by(col(Feedback.id)))]


def counts(session: Session, *, since: date, until: date) -> list[Counted]:
    """How much was filed under each theme, by priority area, of what came on these days (both included)."""
    number = sa.func.count()
    query = (
        sa.select(col(Feedback.priority_area_id), col(Theme.name), number, col(Theme.response_id))
        .join(Theme, col(Theme.id) == col(Feedback.theme_id))
        .where(col(Feedback.day) >= since, col(Feedback.day) <= until)
        .group_by(col(Feedback.priority_area_id), col(Theme.name), col(Theme.response_id))
        .order_by(number.desc(), col(Theme.name))
    )
    return [Counted(*row) for row in session.execute(query)]


def usefulness(session: Session, edition_id: int) -> dict[str | None, tuple[int, int]]:
    """How many found an edition useful and how many did not: by update (its anchor), None for all of it."""
    yes = sa.func.sum(sa.case((col(Feedback.is_useful).is_(True), 1), else_=0))
    query = (
        sa.select(col(Feedback.anchor), yes, sa.func.count())
        .where(
            col(Feedback.edition_id) == edition_id,
            col(Feedback.kind) == FeedbackKind.USEFUL,
            col(Feedback.is_useful).is_not(None),
        )
        .group_by(col(Feedback.anchor))
    )
    return {anchor: (found, total - found) for anchor, found, total in session.execute(query)}


def _rows(session: Session, ids: Sequence[int]) -> list[Feedback]:
    rows = list(session.exec(select(Feedback).where(col(Feedback.id).in_(ids))))
    missing = sorted(set(ids) - {row.id for row in rows if row.id is not None})
    if missing:
        raise NotFound(f"There is no feedback {', '.join(map(str, missing))}.")
    return rows
