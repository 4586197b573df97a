"""The picture of an update left out of one edition alone: the update keeps it, and other editions with it show it.

It is an edit of the edition, so an approval is undone, and the history says that it was made. Once left out, an edition
stays without, whichever picture the update has by then.
"""

from datetime import datetime

from sqlmodel import Session, col, select

from newsletter.content import updates
from newsletter.content.models import Update
from newsletter.core.errors import InvalidInput
from newsletter.editions import choosing
from newsletter.editions.models import Edition, EditionChoice


def leave_out(
    session: Session, edition_id: int, update_id: int, *, now: datetime, staff_id: int | None = None
) -> Edition:
    """Show this update without its picture here. Repeatable.

    Raises `NotFound` when the update is not in the edition, `WrongState`, `InvalidInput` when it has no picture.
    """
    edition = choosing.open_again(session, edition_id, now, staff_id, f"Left out the picture of update {update_id}")
    choice = choosing.chosen(session, edition, update_id)
    if updates.by_id(session, update_id).picture_sha256 is None:
        raise InvalidInput("This update has no picture that could be left out.")
    return _set(session, edition, choice, without=True)


def put_back(
    session: Session, edition_id: int, update_id: int, *, now: datetime, staff_id: int | None = None
) -> Edition:
    """Show the picture of this update here again. Repeatable. Raises `NotFound`, `WrongState`."""
    edition = choosing.open_again(session, edition_id, now, staff_id, f"Put back the picture of update {update_id}")
    return _set(session, edition, choosing.chosen(session, edition, update_id), without=False)


def left_out(session: Session, edition_id: int) -> dict[int, str]:
    """What the pictures show that the edition leaves out, by update; an update without a picture leaves out none."""
    rows = session.exec(
        select(Update.id, Update.picture_alt)
        .join(EditionChoice, col(EditionChoice.update_id) == col(Update.id))
        .where(
            EditionChoice.edition_id == edition_id,
            col(EditionChoice.is_in),
            col(EditionChoice.without_picture),
            col(Update.picture_sha256).is_not(None),
        )
    )
    return {update_id: alt for update_id, alt in rows if update_id is not None}


def _set(session: Session, edition: Edition, choice: EditionChoice, *, without: bool) -> Edition:
    choice.without_picture = without
    session.add(choice)
    session.flush()
    return edition
