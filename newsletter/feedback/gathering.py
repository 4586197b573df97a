"""What is filed under a theme, gathered for whoever answers it: how much, from when to when, about which priority area.

Numbers here are for staff; `newsletter.core.small_numbers` says them where others look.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core import small_numbers
from newsletter.core.errors import NotFound
from newsletter.feedback.models import Feedback, FeedbackState, Theme


@dataclass(frozen=True, slots=True)
class Gathered:
    """A theme with what is known of it."""

    theme_id: int
    theme: str
    response_id: int | None
    number: int
    first: date | None
    last: date | None

    @property
    def in_public(self) -> str:
        return small_numbers.in_public(self.number)


def themes(session: Session) -> list[Gathered]:
    """Every theme that something is filed under: those that wait for an answer first, the most said first."""
    number = sa.func.count(col(Feedback.id))
    is_answered = sa.case((col(Theme.response_id).is_(None), 0), else_=1)
    query = (
        sa.select(
            col(Theme.id), col(Theme.name), col(Theme.response_id), number,
            sa.func.min(col(Feedback.day)), sa.func.max(col(Feedback.day)),
        )
        .join(Feedback, col(Feedback.theme_id) == col(Theme.id))
        .group_by(col(Theme.id), col(Theme.name), col(Theme.response_id))
        .order_by(is_answered, number.desc(), col(Theme.name))
    )  # fmt: skip
    return [Gathered(*row) for row in session.execute(query)]


def one(session: Session, theme_id: int) -> Gathered:
    """One theme. Raises `NotFound`."""
    theme = session.get(Theme, theme_id)
    if theme is None:
        raise NotFound("There is no such theme.")
    day = col(Feedback.day)
    counted = sa.select(sa.func.count(), sa.func.min(day), sa.func.max(day)).where(col(Feedback.theme_id) == theme_id)
    number, first, last = session.execute(counted).one()
    return Gathered(theme_id, theme.name, theme.response_id, number, first, last)


def area_of(session: Session, theme_id: int) -> int | None:
    """The priority area that most of a theme is about; None when most of it is about none."""
    number = sa.func.count()
    query = (
        sa.select(col(Feedback.priority_area_id))
        .where(col(Feedback.theme_id) == theme_id)
        .group_by(col(Feedback.priority_area_id))
        .order_by(number.desc(), col(Feedback.priority_area_id))
        .limit(1)
    )
    return session.scalar(query)


def texts(session: Session, theme_id: int, *, limit: int) -> Sequence[str]:
    """What was written about a theme, as far as it is still kept, newest first."""
    query = select(Feedback.text).where(col(Feedback.theme_id) == theme_id, col(Feedback.text).is_not(None))
    return [text for text in session.exec(query.order_by(col(Feedback.id).desc()).limit(limit)) if text]


def count(session: Session, state: FeedbackState) -> int:
    """How much with words is in this state."""
    return session.scalar(sa.select(sa.func.count()).select_from(Feedback).where(*_readable(state))) or 0


def page(session: Session, state: FeedbackState, *, number: int, size: int) -> Sequence[tuple[Feedback, str | None]]:
    """What has words and is in this state, oldest first, with the name of its theme: one page of it."""
    query = select(Feedback, Theme.name).outerjoin(Theme, col(Theme.id) == col(Feedback.theme_id))
    query = query.where(*_readable(state)).order_by(col(Feedback.id))
    return [(row, name) for row, name in session.exec(query.limit(size).offset((number - 1) * size))]


def text(session: Session, feedback_id: int) -> Feedback:
    """One that has words. Raises `NotFound`."""
    found = session.get(Feedback, feedback_id) if feedback_id < 2**31 else None  # what databases can compare with
    if found is None or found.text is None:
        raise NotFound("There is no such feedback, or its words have had their time.")
    return found


def still(session: Session, ids: Sequence[int], state: FeedbackState) -> bool:
    """Whether all of these are in that state. They are held until the transaction ends."""
    found = select(Feedback.id).where(col(Feedback.id).in_(ids), col(Feedback.state) == state).with_for_update()
    return len(session.exec(found).all()) == len(set(ids))


def _readable(state: FeedbackState) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return col(Feedback.state) == state, col(Feedback.text).is_not(None)
