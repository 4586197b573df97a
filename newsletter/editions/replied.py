"""Which edition a reply answers, and which part of it: the report of an edition counts replies by part."""

from collections.abc import Collection
from datetime import date

import sqlalchemy as sa
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from newsletter.content.models import Update
from newsletter.core.errors import InvalidInput, WrongState
from newsletter.editions.archive import NOT_LISTED
from newsletter.editions.composing import page_from_json
from newsletter.editions.models import Edition
from newsletter.feedback import subjects, taking
from newsletter.feedback.models import Feedback, FeedbackSource

#: Editions that somebody chooses among; hardly anybody answers an older one.
OFFERED = 12


def latest(session: Session, mailing_list_ids: Collection[int]) -> list[Edition]:
    """The last editions of these lists that went out, newest first; their pages are read when first touched."""
    return list(
        session.exec(
            select(Edition)
            .where(col(Edition.released_at).is_not(None), col(Edition.mailing_list_id).in_(sorted(mailing_list_ids)))
            .order_by(col(Edition.released_at).desc(), col(Edition.id).desc())
            .limit(OFFERED)
            .options(*(defer(column) for column in NOT_LISTED))
        )
    )


def by_subject(session: Session, subject: str, mailing_list_ids: Collection[int] | None = None) -> list[int]:
    """The ids of the editions that a mail with this subject may answer: of each list the newest that has it."""
    wanted = subjects.may_answer(subject)
    if not wanted:
        return []
    went_out = (
        sa.select(col(Edition.id), col(Edition.mailing_list_id), col(Edition.frozen_subject))
        .where(col(Edition.released_at).is_not(None))
        .order_by(col(Edition.released_at).desc(), col(Edition.id).desc())
    )
    if mailing_list_ids is not None:
        went_out = went_out.where(col(Edition.mailing_list_id).in_(sorted(mailing_list_ids)))
    newest: dict[str, dict[int, int]] = {}
    for id_, list_id, its_subject in session.execute(went_out):
        newest.setdefault(subjects.comparable(its_subject or ""), {}).setdefault(list_id, id_)
    return next((sorted(newest[each].values()) for each in wanted if each in newest), [])


def parts(edition: Edition) -> list[tuple[str, str]]:
    """Anchor and title of what a reply may be about, if it is not about all of it."""
    return page_from_json(edition.frozen_page).parts if edition.frozen_page is not None else []


def part(edition: Edition, about: str) -> str:
    """The anchor of the part that is called this, or is titled so.

    Raises `WrongState` before it went out, `InvalidInput`, which lists them all.
    """
    _check_went_out(edition)
    found = parts(edition)
    wanted = about.strip()
    if wanted in dict(found):
        return wanted
    titled = [anchor for anchor, title in found if title.casefold() == wanted.casefold()]
    if len(titled) == 1:
        return titled[0]
    there = "; ".join(f"{anchor} ({title})" for anchor, title in found)
    raise InvalidInput(
        f"Edition {edition.number} has no part “{wanted}”. It has: {there or 'none'}.",
        field="about",
    )


def take(
    session: Session,
    edition: Edition,
    *,
    text: str,
    day: date,
    anchor: str | None = None,
    priority_area_id: int | None = None,
) -> Feedback:
    """Keep a reply to an edition that went out, or (with `anchor`) to one part of it.

    Without a priority area it has that of the update it is about. Raises `WrongState`, `InvalidInput`.
    """
    _check_went_out(edition)
    if anchor is not None and anchor not in dict(parts(edition)):
        raise InvalidInput("Choose a part of this edition", field="about")
    return taking.view(
        session,
        text=text,
        day=day,
        source=FeedbackSource.REPLY,
        edition_id=edition.id,
        anchor=anchor,
        priority_area_id=priority_area_id if priority_area_id is not None else _area_of(session, anchor),
    )


def _check_went_out(edition: Edition) -> None:
    if edition.released_at is None:
        raise WrongState(f"Edition {edition.number} has not gone out: nobody can have answered it.")


def _area_of(session: Session, anchor: str | None) -> int | None:
    kind, _, number = (anchor or "").partition("-")
    update = session.get(Update, int(number)) if kind == "update" and number.isdecimal() else None
    return update.priority_area_id if update is not None else None
