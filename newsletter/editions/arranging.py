"""Change the order of an edition as readers see it: an update within its priority area, a priority area among others.

Updates of one area stand together. Each change is an edit, so an approval is undone.
"""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import TypeVar

from sqlmodel import Session, col, select

from newsletter.content.models import PriorityArea, Update
from newsletter.core.errors import InvalidInput, NotFound
from newsletter.editions import choosing
from newsletter.editions.models import Edition, EditionChoice

_T = TypeVar("_T")
_Areas = dict[int, list[EditionChoice]]


def shift(
    session: Session, edition_id: int, update_id: int, *, up: bool, now: datetime, staff_id: int | None = None
) -> Edition:
    """Move an update one place up or down within its area. At the end it stays. Raises `NotFound`, `WrongState`."""
    edition = choosing.open_again(session, edition_id, now, staff_id, f"Moved update {update_id}")
    areas = _areas(session, edition_id)
    for order in areas.values():
        place = next((place for place, choice in enumerate(order) if choice.update_id == update_id), None)
        if place is not None:
            _swap(order, place, up=up)
            _number(session, areas)
            return edition
    raise NotFound(f"Update {update_id} is not in edition {edition.number}.")


def shift_area(
    session: Session, edition_id: int, number: int, *, up: bool, now: datetime, staff_id: int | None = None
) -> Edition:
    """Move a whole priority area one place up or down. At the end it stays. Raises `NotFound`, `WrongState`."""
    edition = choosing.open_again(session, edition_id, now, staff_id, f"Moved priority {number}")
    areas = _areas(session, edition_id)
    order = list(areas)
    if number not in areas:
        raise NotFound(f"Edition {edition.number} has nothing on priority {number}.")
    _swap(order, order.index(number), up=up)
    _number(session, {area: areas[area] for area in order})
    return edition


def put_in_order(
    session: Session, edition_id: int, order: Sequence[int], *, now: datetime, staff_id: int | None = None
) -> Edition:
    """Give the whole edition another order: the ids of all its updates, as they are to be read.

    Raises `NotFound`, `WrongState`, and `InvalidInput` when these are not the updates of the edition, each once, or
    when updates of one priority area would no longer stand together.
    """
    edition = choosing.open_again(session, edition_id, now, staff_id, "Put the updates in another order")
    areas = _areas(session, edition_id)
    inside = {choice.update_id: (number, choice) for number, choices in areas.items() for choice in choices}
    if sorted(order) != sorted(inside):
        raise InvalidInput("These are not the updates that are in this edition, so their order was not changed.")
    wanted = [(number, list(found)) for number, found in groupby((inside[one] for one in order), lambda one: one[0])]
    if len(wanted) != len(areas):
        raise InvalidInput("Updates of one priority area stay together, so their order was not changed.")
    _number(session, {number: [choice for _, choice in found] for number, found in wanted})
    return edition


def _areas(session: Session, edition_id: int) -> _Areas:
    """The updates by the number of their area, both in the order in which they are read."""
    rows = session.exec(
        select(EditionChoice, PriorityArea.number)
        .join(Update, col(Update.id) == col(EditionChoice.update_id))
        .join(PriorityArea, col(PriorityArea.id) == col(Update.priority_area_id))
        .where(EditionChoice.edition_id == edition_id, col(EditionChoice.is_in))
        .order_by(col(EditionChoice.position), col(EditionChoice.id))
        .execution_options(populate_existing=True)
    )
    areas: _Areas = {}
    for choice, number in rows:
        areas.setdefault(number, []).append(choice)
    return areas


def _swap(order: list[_T], place: int, *, up: bool) -> None:
    other = place - 1 if up else place + 1
    if 0 <= other < len(order):
        order[place], order[other] = order[other], order[place]


def _number(session: Session, areas: _Areas) -> None:
    choices = (choice for order in areas.values() for choice in order)
    for position, choice in enumerate(choices, start=1):
        choice.position = position
        session.add(choice)
    session.flush()
