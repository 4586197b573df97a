"""Updates found among all others: by their words, what they are about, whom they are for and when they are news."""

import enum
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.content.models import Update
from newsletter.core.audience import Audience

#: Words of a search that count; more narrow nothing down.
MOST_WORDS = 8


class Standing(enum.StrEnum):
    """Whether an update is news on a day."""

    DUE = "due"
    COMING = "coming"
    OVER = "over"
    ARCHIVED = "archived"


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for; what is empty does not matter. Without a `standing`, archived updates are not shown."""

    words: str = ""
    priority_area_id: int | None = None
    partner_id: int | None = None
    audience: Audience | None = None  # it has a wording for them
    standing: Standing | None = None
    author_id: int | None = None


def standing(update: Update, on: date) -> Standing:
    """How an update stands on that day."""
    if update.archived_at is not None:
        return Standing.ARCHIVED
    if update.from_date > on:
        return Standing.COMING
    return Standing.OVER if update.until_date is not None and update.until_date < on else Standing.DUE


def count(session: Session, search: Search, *, on: date) -> int:
    """How many there are."""
    return session.scalar(sa.select(sa.func.count()).select_from(Update).where(*_like(search, on))) or 0


def found(session: Session, search: Search, *, on: date, limit: int, offset: int = 0) -> list[Update]:
    """Some of them, the newest news first."""
    newest = select(Update).where(*_like(search, on)).order_by(col(Update.from_date).desc(), col(Update.id).desc())
    return list(session.exec(newest.limit(limit).offset(offset)))


def authors(session: Session) -> list[int]:
    """Who has written any update."""
    wrote = select(Update.author_id).where(col(Update.author_id).is_not(None)).distinct()
    return [staff_id for staff_id in session.exec(wrote) if staff_id is not None]


def _like(search: Search, on: date) -> list[sa.ColumnElement[bool]]:
    wanted = [_says(word) for word in search.words.split()[:MOST_WORDS]]
    for column, value in (
        (col(Update.priority_area_id), search.priority_area_id),
        (col(Update.partner_id), search.partner_id),
        (col(Update.author_id), search.author_id),
    ):
        if value is not None:
            wanted.append(column == value)
    if search.audience is not None:
        body = Update.parent_body if search.audience is Audience.PARENTS else Update.professional_body
        wanted.append(col(body) != "")
    return [*wanted, *_stands(search.standing, on)]


def _says(word: str) -> sa.ColumnElement[bool]:
    """Whether the word is in any title or text, capitals or not."""
    texts = (Update.parent_title, Update.parent_body, Update.professional_title, Update.professional_body)
    return sa.or_(*(col(text).icontains(word, autoescape=True) for text in texts))


def _stands(standing: Standing | None, on: date) -> list[sa.ColumnElement[bool]]:
    if standing is Standing.ARCHIVED:
        return [col(Update.archived_at).is_not(None)]
    current: list[sa.ColumnElement[bool]] = [col(Update.archived_at).is_(None)]
    match standing:
        case Standing.DUE:
            still = sa.or_(col(Update.until_date).is_(None), col(Update.until_date) >= on)
            return [*current, col(Update.from_date) <= on, still]
        case Standing.COMING:
            return [*current, col(Update.from_date) > on]
        case Standing.OVER:
            return [*current, col(Update.from_date) <= on, col(Update.until_date) < on]
    return current
