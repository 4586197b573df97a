"""Write and edit progress updates, and find those that are due.

An update has one wording for each audience; `UpdateDraft` holds what a person typed and refuses what an edition could
not carry, with a sentence for the form. Editions are not known here: a frozen edition keeps the words it was approved
with whatever happens to the update, and `newsletter.editions.publishing` notices that the two differ.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, Self

import sqlalchemy as sa
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlmodel import Session, col, select

from newsletter.content.fields import Line, Prose, SecureUrl
from newsletter.content.models import Partner, PriorityArea, Update
from newsletter.core.audience import Audience
from newsletter.core.db import insert
from newsletter.core.errors import InvalidInput, NotFound, WrongState

_Id = Annotated[int, Field(ge=1, le=2**31 - 1)]  # what the column holds

#: Link words that do not say where the link goes.
_EMPTY_LABEL = re.compile(r"^(click\s+)?here$|^(read\s+)?more$|^link$|^https?://|^www\.", re.IGNORECASE)


class ChangedMeanwhile(WrongState):
    """Somebody else changed the update after it was shown."""


class UpdateDraft(BaseModel):
    """What a person typed for an update. Refuses, with a sentence for the form, what no edition could carry."""

    model_config = ConfigDict(extra="forbid")

    priority_area_id: _Id
    partner_id: _Id
    owner: Line = Field(min_length=1, max_length=120)
    evidence_url: SecureUrl = ""
    evidence_label: Line = Field(default="", max_length=120)
    parent_title: Line = Field(default="", max_length=120)
    parent_body: Prose = ""
    professional_title: Line = Field(default="", max_length=120)
    professional_body: Prose = ""
    action: Line = Field(default="", max_length=200)
    action_by: date | None = None
    from_date: date
    until_date: date | None = None

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        for _field, sentence in self.clashes():
            raise ValueError(sentence)
        return self

    @property
    def for_parents(self) -> bool:
        return bool(self.parent_body)

    @property
    def for_professionals(self) -> bool:
        return bool(self.professional_body)

    def clashes(self) -> Iterator[tuple[str, str]]:
        """What does not go together: the field to mend, and a sentence for the form."""
        for audience, prefix, title, body in (
            ("parents", "parent", self.parent_title, self.parent_body),
            ("professionals", "professional", self.professional_title, self.professional_body),
        ):
            if bool(title) != bool(body):
                missing, field = ("text", f"{prefix}_body") if title else ("title", f"{prefix}_title")
                yield field, f"Wording for {audience} needs a {missing}, or leave its title and text both empty"
        if not (self.parent_body or self.professional_body):
            yield "parent_title", "Enter a wording for parents, for professionals, or for both"
        if bool(self.evidence_url) != bool(self.evidence_label):
            field = "evidence_label" if self.evidence_url else "evidence_url"
            yield field, "Give the link to the evidence and the words of that link together, or neither"
        if _EMPTY_LABEL.match(self.evidence_label):
            sentence = "The words of the link must say where it goes, like “See the figures on the council site”"
            yield "evidence_label", sentence
        if self.action and not self.professional_body:
            sentence = "An action is for professionals: add a wording for professionals, or remove the action"
            yield "action", sentence
        if self.action_by and not self.action:
            yield "action", "A date for an action needs the action: say what to do by then"
        if self.until_date and self.until_date < self.from_date:
            yield "until_date", "The last day must be on or after the first day"


def write(session: Session, draft: UpdateDraft, *, author_id: int | None, now: datetime) -> Update:
    """Keep a new update. Raises `InvalidInput` when its priority area or organisation does not exist."""
    _check_references(session, draft)
    update = Update(**draft.model_dump(), author_id=author_id, created_at=now, updated_at=now)
    session.add(update)
    session.flush()
    return update


def write_once(
    session: Session, draft: UpdateDraft, *, author_id: int, form_key: str, now: datetime
) -> tuple[Update, bool]:
    """Keep a new update, once for each form that somebody sends; the update, and whether it is new. Raises as `write`.

    What was typed when the form comes again is not looked at.
    """
    _check_references(session, draft)
    update = Update(**draft.model_dump(), author_id=author_id, form_key=form_key, created_at=now, updated_at=now)
    made = insert(session, Update).values(update.model_dump(exclude={"id"}))
    made_id = session.execute(made.on_conflict_do_nothing().returning(col(Update.id))).scalar_one_or_none()
    if made_id is not None:
        return session.get_one(Update, made_id), True
    of_form = select(Update).where(Update.author_id == author_id, Update.form_key == form_key)
    return session.exec(of_form).one(), False


def edit(
    session: Session,
    update_id: int,
    draft: UpdateDraft,
    *,
    now: datetime,
    editor_id: int | None = None,
    revision: int | None = None,
) -> Update:
    """Replace what an update says. Its author stays; editions that were already approved keep their own words.

    `revision` is the one that the editor saw, where there was something to see.
    Raises `NotFound`, `ChangedMeanwhile`, or `InvalidInput` when its priority area or organisation does not exist.
    """
    update = hold(session, update_id)
    if revision is not None and revision != update.revision:
        raise ChangedMeanwhile("This update was changed after you opened it, so yours was not saved.")
    _check_references(session, draft)
    for name, value in draft.model_dump().items():
        setattr(update, name, value)
    update.updated_at = now
    update.editor_id = editor_id
    update.revision += 1
    session.add(update)
    session.flush()
    return update


def archive(session: Session, update_id: int, *, now: datetime) -> Update:
    """Put an update away: no edition is offered it any more, those that have it keep it. Raises `NotFound`.

    Safe to call twice: one that was put away already keeps the day of it.
    """
    update = hold(session, update_id)
    update.archived_at = update.archived_at or now
    session.add(update)
    session.flush()
    return update


def bring_back(session: Session, update_id: int) -> Update:
    """Offer an update again that was put away. Raises `NotFound`. Safe to call twice."""
    update = hold(session, update_id)
    update.archived_at = None
    session.add(update)
    session.flush()
    return update


def by_id(session: Session, update_id: int) -> Update:
    """Raises `NotFound`."""
    update = session.get(Update, update_id)
    if update is None:
        raise NotFound(f"There is no update {update_id}.")
    return update


def hold(session: Session, update_id: int) -> Update:
    """The update, held until the transaction ends. Raises `NotFound`."""
    held = select(Update).where(col(Update.id) == update_id).with_for_update()
    update = session.exec(held.execution_options(populate_existing=True)).one_or_none()
    if update is None:
        raise NotFound(f"There is no update {update_id}.")
    return update


def draft_of(update: Update) -> UpdateDraft:
    """The update as a person would have typed it: what an edit starts from."""
    return UpdateDraft.model_validate({name: getattr(update, name) for name in UpdateDraft.model_fields})


def page(session: Session, *, limit: int, before_id: int | None = None) -> list[Update]:
    """Updates in the order they were written, newest first; with `before_id`, those written before that one."""
    statement = select(Update).order_by(col(Update.id).desc()).limit(limit)
    if before_id is not None:
        statement = statement.where(col(Update.id) < before_id)
    return list(session.exec(statement))


def due(session: Session, *, audience: Audience, on: date) -> list[Update]:
    """The updates that have a wording for the audience and are due on that day, oldest first; none archived."""
    body = Update.parent_body if audience is Audience.PARENTS else Update.professional_body
    statement = (
        select(Update)
        .where(
            col(Update.archived_at).is_(None),
            col(Update.from_date) <= on,
            sa.or_(col(Update.until_date).is_(None), col(Update.until_date) >= on),
            col(body) != "",
        )
        .order_by(col(Update.from_date), col(Update.id))
    )
    return list(session.exec(statement))


def wording(update: Update, audience: Audience) -> tuple[str, str]:
    """Title and body for that audience; both empty when the update is not for it."""
    if audience is Audience.PARENTS:
        return update.parent_title, update.parent_body
    return update.professional_title, update.professional_body


def _check_references(session: Session, draft: UpdateDraft) -> None:
    if session.get(PriorityArea, draft.priority_area_id) is None:
        raise InvalidInput("Choose a priority area from the list", field="priority_area_id")
    if session.get(Partner, draft.partner_id) is None:
        raise InvalidInput("Choose an organisation from the list", field="partner_id")
