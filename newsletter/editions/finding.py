"""Find editions that went out: by words, mailing list, priority area and date, newest first, a page at a time.

All the words have to be in the edition, each as it is written or as a part of a longer word ("plan" finds "plans").
Signs that databases take for wildcards are looked for as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy.orm import defer
from sqlmodel import Session, col, func, select

from newsletter.editions.archive import NOT_LISTED
from newsletter.editions.models import Edition, EditionArea, EditionText
from newsletter.editions.search_text import fold

#: How many editions a page of the archive shows.
PAGE_LENGTH = 20

#: The most words that one search looks for.
MOST_WORDS = 10


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for. Nothing given finds every edition that went out."""

    words: tuple[str, ...] = ()
    mailing_list_id: int | None = None
    area: str | None = None  # the heading of a priority area, as editions print it
    since: date | None = None  # first and last date printed on the edition, both included
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """One page of what was found."""

    editions: list[Edition]
    texts: Mapping[int, str]  # what each says, by its id; empty when no words were looked for
    total: int  # on all pages
    page: int  # from 1
    pages: int  # at least 1


def words(text: str) -> tuple[str, ...]:
    """The words somebody typed, folded, each once."""
    return tuple(dict.fromkeys(fold(text).split()))[:MOST_WORDS]


def find(session: Session, search: Search, *, page: int = 1) -> Found:
    """The editions that match, `PAGE_LENGTH` of them; a page beyond the last is the last."""
    conditions = _conditions(search)
    total = session.exec(select(func.count()).select_from(Edition).where(*conditions)).one()
    pages = max(1, -(-total // PAGE_LENGTH))
    page = min(max(1, page), pages)
    editions = session.exec(
        select(Edition)
        .where(*conditions)
        .order_by(col(Edition.released_at).desc(), col(Edition.id).desc())
        .offset((page - 1) * PAGE_LENGTH)
        .limit(PAGE_LENGTH)
        .options(*(defer(column) for column in NOT_LISTED))
    ).all()
    texts: dict[int, str] = {}
    if search.words:
        ids = [edition.id for edition in editions]
        rows = session.exec(
            select(EditionText.edition_id, EditionText.text).where(col(EditionText.edition_id).in_(ids))
        )
        texts = dict(rows.all())
    return Found(list(editions), texts, total, page, pages)


def is_anything_public(session: Session, mailing_list_id: int | None) -> bool:
    """Whether there is any edition to search for."""
    found = select(Edition.id).where(*_conditions(Search(mailing_list_id=mailing_list_id))).limit(1)
    return session.exec(found).first() is not None


def areas(session: Session) -> list[str]:
    """The headings of priority areas that editions have news of, in the order of their numbers."""
    rows = session.exec(
        select(EditionArea.heading)
        .group_by(EditionArea.heading)
        .order_by(func.min(EditionArea.number), EditionArea.heading)
    )
    return list(rows)


def _conditions(search: Search) -> list[Any]:
    conditions: list[Any] = [col(Edition.released_at).is_not(None)]
    if search.mailing_list_id is not None:
        conditions.append(Edition.mailing_list_id == search.mailing_list_id)
    if search.since is not None:
        conditions.append(col(Edition.date) >= search.since)
    if search.until is not None:
        conditions.append(col(Edition.date) <= search.until)
    if search.area is not None:
        conditions.append(
            select(EditionArea.edition_id)
            .where(EditionArea.edition_id == Edition.id, EditionArea.heading == search.area)
            .exists()
        )
    if search.words:
        conditions.append(
            select(EditionText.edition_id)
            .where(
                EditionText.edition_id == Edition.id,
                *(col(EditionText.folded).contains(word, autoescape=True) for word in search.words),
            )
            .exists()
        )
    return conditions
