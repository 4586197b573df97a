"""Add a mailing list and change what it says of itself, who it writes as, and what it does when sending is not smooth.

Why it may write at all (its lawful basis) is changed by itself: that is for the data protection officer (REQ-31).
"""

import re
from typing import Annotated

import sqlalchemy as sa
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from sqlmodel import Session, col, select

from newsletter.core import addresses
from newsletter.core.audience import Audience
from newsletter.core.errors import InvalidInput
from subscribers import lists
from subscribers.models import MailingList

#: UK GDPR, article 6(1)(a) and (e).
LAWFUL_BASES = ("consent", "public task")

#: The hours a mailing list may choose, both included: a mail server puts nothing off for longer than five days.
HOURS = range(1, 121)

_SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", re.ASCII)


def _line(text: str) -> str:
    line = " ".join(text.split())
    if not line.isprintable() or "[[" in line:
        raise ValueError("Write this on one line, using letters, numbers and punctuation")
    return line


def _address(text: str) -> str:
    try:
        return addresses.parse(text)
    except InvalidInput as problem:
        raise ValueError(str(problem)) from None


Line = Annotated[str, AfterValidator(_line)]
Address = Annotated[str, AfterValidator(_address)]


class ListDraft(BaseModel):
    """What a person typed about a mailing list."""

    model_config = ConfigDict(extra="forbid")

    name: Line = Field(min_length=1, max_length=120)
    summary: Annotated[Line, StringConstraints(min_length=1, max_length=500)]
    frequency: Line = Field(min_length=1, max_length=120)
    sender_name: Line = Field(min_length=1, max_length=120)
    sender_email: Address
    reply_to: Address
    position: int = Field(ge=0, le=999)
    keep_trying_hours: int = Field(ge=HOURS.start, lt=HOURS.stop)
    late_after_hours: int = Field(ge=HOURS.start, lt=HOURS.stop)
    resend_once: bool


def add(
    session: Session, slug: str, audience: Audience, draft: ListDraft, *, lawful_basis: str = LAWFUL_BASES[0]
) -> MailingList:
    """Add a mailing list; `slug` becomes its web address. Nobody can sign up before it has a wording.

    Raises `InvalidInput` when the short name is none or is taken.
    """
    if not _SLUG.fullmatch(slug) or len(slug) > 40:
        raise InvalidInput("Short name must be small letters, digits and dashes, like early-years", field="slug")
    if session.exec(select(MailingList.id).where(col(MailingList.slug) == slug)).first() is not None:
        raise InvalidInput("Another mailing list has this short name. Choose a different one", field="slug")
    mailing_list = MailingList(
        slug=slug, audience=audience, lawful_basis=_checked_basis(lawful_basis), **draft.model_dump()
    )
    session.add(mailing_list)
    session.flush()
    return mailing_list


def edit(session: Session, mailing_list_id: int, draft: ListDraft) -> MailingList:
    """Change a mailing list. Copies that wait already go out as the list is when they go. Raises `NotFound`."""
    mailing_list = lists.by_id(session, mailing_list_id)
    for name, value in draft.model_dump().items():
        setattr(mailing_list, name, value)
    session.add(mailing_list)
    session.flush()
    return mailing_list


def change_basis(session: Session, mailing_list_id: int, lawful_basis: str) -> MailingList:
    """Decide why this list may write to people. Raises `NotFound`, `InvalidInput`."""
    mailing_list = lists.by_id(session, mailing_list_id)
    mailing_list.lawful_basis = _checked_basis(lawful_basis)
    session.add(mailing_list)
    session.flush()
    return mailing_list


def next_position(session: Session) -> int:
    """The place after the last mailing list of the home page."""
    return (session.scalar(sa.select(sa.func.max(col(MailingList.position)))) or 0) + 1


def _checked_basis(lawful_basis: str) -> str:
    if lawful_basis not in LAWFUL_BASES:
        raise InvalidInput("Choose consent or public task", field="lawful_basis")
    return lawful_basis
