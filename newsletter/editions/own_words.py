"""Another wording of an update for one edition alone: the update itself, and other editions with it, stay as they are.

It is an edit of the edition, so an approval is undone, and the history says that it was made.
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field
from sqlmodel import Session

from newsletter.content import fields, updates
from newsletter.content.fields import Line, Prose
from newsletter.core.errors import InvalidInput
from newsletter.editions import choosing
from newsletter.editions.models import Edition


class Wording(BaseModel):
    """What was typed. Refuses, with a sentence for the form, what no edition could carry."""

    model_config = ConfigDict(extra="forbid")

    title: Line = Field(min_length=1, max_length=120)
    body: Prose = Field(min_length=1)


def write(
    session: Session,
    edition_id: int,
    update_id: int,
    *,
    title: str,
    body: str,
    now: datetime,
    staff_id: int | None = None,
) -> Edition:
    """Use this wording here. The update's own wording, typed again, takes an earlier one away.

    Raises `NotFound` when the update is not in the edition, `WrongState`, and `InvalidInput` with the field.
    """
    given = {"title": title.strip(), "body": body.strip()}
    for name, words in (("title", "Enter a title"), ("body", "Enter the text")):
        if not given[name]:
            raise InvalidInput(words, field=name)
    wording = fields.read(Wording, given)
    edition = choosing.open_again(session, edition_id, now, staff_id, f"Changed the wording of update {update_id} here")
    choice = choosing.chosen(session, edition, update_id)
    own = updates.wording(updates.by_id(session, update_id), edition.audience)
    is_own = (wording.title, wording.body) == own
    choice.own_title, choice.own_body = ("", "") if is_own else (wording.title, wording.body)
    session.add(choice)
    session.flush()
    return edition


def forget(session: Session, edition_id: int, update_id: int, *, now: datetime, staff_id: int | None = None) -> Edition:
    """Use the update's own wording again. Raises `NotFound`, `WrongState`."""
    edition = choosing.open_again(session, edition_id, now, staff_id, f"Took back the wording of update {update_id}")
    choice = choosing.chosen(session, edition, update_id)
    choice.own_title = choice.own_body = ""
    session.add(choice)
    session.flush()
    return edition
