"""Change what an edition is made of: add an update, drop one, move one. Each is an edit, so an approval is undone.

An update that is dropped stays on record with the reason, as those do that were never in.
"""

from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from newsletter.content import updates
from newsletter.content.lines import one_line
from newsletter.content.models import PriorityArea, Update
from newsletter.core.errors import InvalidInput, NotFound, WrongState
from newsletter.editions import freezing, moves
from newsletter.editions.models import Edition, EditionChoice
from newsletter.editions.moves import Move


def choices(session: Session, edition_id: int) -> list[tuple[EditionChoice, Update]]:
    """Every update that was considered, those in first and in their order."""
    rows = session.exec(
        select(EditionChoice, Update)
        .join(Update, col(Update.id) == col(EditionChoice.update_id))
        .where(EditionChoice.edition_id == edition_id)
        .order_by(col(EditionChoice.is_in).desc(), col(EditionChoice.position), col(EditionChoice.id))
    )
    return list(rows.all())


def inside(session: Session, edition_id: int) -> dict[int, EditionChoice]:
    """The choices that are in, by update."""
    found = session.exec(select(EditionChoice).where(EditionChoice.edition_id == edition_id, col(EditionChoice.is_in)))
    return {choice.update_id: choice for choice in found}


def add(
    session: Session,
    edition_id: int,
    update_id: int,
    *,
    now: datetime,
    staff_id: int | None = None,
    because: str = "Added by hand",
) -> Edition:
    """Put an update in, after the others of its priority area. One that is in already stays where it is.

    Raises `NotFound`, `WrongState` (the edition has gone out), `InvalidInput` (no wording for this audience, or it is
    archived).
    """
    update = updates.by_id(session, update_id)
    edition = open_again(session, edition_id, now, staff_id, f"Added update {update_id}")
    if not updates.wording(update, edition.audience)[1]:
        raise InvalidInput(f"“{_title(update)}” has no wording for {edition.audience}. Write one first.")
    choice = _choice(session, edition_id, update_id)
    if choice is not None and choice.is_in:
        return edition
    if update.archived_at is not None:
        raise InvalidInput(f"“{_title(update)}” is archived. Bring it back first.")
    order = _order(session, edition_id)
    areas = _area_numbers(session)
    place = sum(1 for one in order if areas[one.update_id] <= areas[update_id])
    if choice is None:
        choice = EditionChoice(edition_id=edition_id, update_id=update_id, is_in=True, reason="")
    choice.is_in = True
    choice.reason = reason_line(because)
    order.insert(place, choice)
    _number(session, order)
    return edition


def drop(
    session: Session,
    edition_id: int,
    update_id: int,
    *,
    now: datetime,
    staff_id: int | None = None,
    because: str = "Left out by hand",
) -> Edition:
    """Take an update out; it will be offered for the next edition again. One that is out already stays out.

    Raises `NotFound` (also when the edition never considered it), `WrongState`.
    """
    edition = open_again(session, edition_id, now, staff_id, f"Left out update {update_id}")
    choice = _choice(session, edition_id, update_id)
    if choice is None:
        raise NotFound(f"Edition {edition.number} has no update {update_id}.")
    if choice.is_in:
        choice.is_in, choice.position, choice.reason = False, None, reason_line(because)
        session.add(choice)
        session.flush()
        _number(session, _order(session, edition_id))
    return edition


def move(
    session: Session, edition_id: int, update_id: int, *, position: int, now: datetime, staff_id: int | None = None
) -> Edition:
    """Give an update another place, counted from 1; beyond the ends means first or last.

    Updates of one priority area stay together: an area stands where its first update stands.
    Raises `NotFound` when the update is not in the edition, `WrongState`.
    """
    edition = open_again(session, edition_id, now, staff_id, f"Moved update {update_id}")
    order = _order(session, edition_id)
    moving = next((choice for choice in order if choice.update_id == update_id), None)
    if moving is None:
        raise NotFound(f"Update {update_id} is not in edition {edition.number}.")
    order.remove(moving)
    order.insert(min(max(position, 1), len(order) + 1) - 1, moving)
    _number(session, order)
    return edition


def chosen(session: Session, edition: Edition, update_id: int) -> EditionChoice:
    """The choice of an update that is in. Raises `NotFound`."""
    assert edition.id is not None
    choice = _choice(session, edition.id, update_id)
    if choice is None or not choice.is_in:
        raise NotFound(f"Update {update_id} is not in edition {edition.number}.")
    return choice


def open_again(session: Session, edition_id: int, now: datetime, staff_id: int | None, note: str) -> Edition:
    """Win the edition for this change first: two changes at once are then made one after the other.

    Raises `NotFound`, `WrongState` (it has gone out, or it is a correction mail, which carries words alone).
    """
    if moves.read(session, edition_id).corrects_id is not None:
        raise WrongState("This edition puts another one right and carries nothing else. Use the next edition.")
    nothing: dict[str, Any] = freezing.NOTHING
    return moves.make(session, edition_id, Move.EDIT, now=now, staff_id=staff_id, note=note, **nothing)


def _choice(session: Session, edition_id: int, update_id: int) -> EditionChoice | None:
    statement = select(EditionChoice).where(
        EditionChoice.edition_id == edition_id, EditionChoice.update_id == update_id
    )
    return session.exec(statement.execution_options(populate_existing=True)).one_or_none()


def _order(session: Session, edition_id: int) -> list[EditionChoice]:
    statement = (
        select(EditionChoice)
        .where(EditionChoice.edition_id == edition_id, col(EditionChoice.is_in))
        .order_by(col(EditionChoice.position), col(EditionChoice.id))
    )
    return list(session.exec(statement.execution_options(populate_existing=True)))


def _number(session: Session, order: list[EditionChoice]) -> None:
    for position, choice in enumerate(order, start=1):
        choice.position = position
        session.add(choice)
    session.flush()


def _area_numbers(session: Session) -> dict[int, int]:
    rows = session.exec(
        select(Update.id, PriorityArea.number).join(PriorityArea, col(PriorityArea.id) == col(Update.priority_area_id))
    )
    return {update_id: number for update_id, number in rows if update_id is not None}


def reason_line(text: str) -> str:
    """A reason as it is kept. Raises `InvalidInput`."""
    try:
        reason = one_line(text)
    except ValueError as error:
        raise InvalidInput(f"Reason: {error}", field="because") from None
    if not reason or len(reason) > 300:
        raise InvalidInput("Give the reason in one sentence of up to 300 characters", field="because")
    return reason


def _title(update: Update) -> str:
    return update.parent_title or update.professional_title
