"""What an administrator has still to do before a first edition can go out. Nothing of it is left on most days."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from newsletter.content.models import Partner, Partnership, PriorityArea
from newsletter.staff.models import Staff, StaffRole, StaffRoleHeld
from subscribers.models import MailingList, Wording

#: Step by step, in the order in which one needs the other: what is missing, what to do, where, and what for.
_STEPS = (
    (
        "partnership",
        "Say who publishes the newsletters",
        "/staff/settings/partnership",
        "Every email and every page says it.",
    ),
    ("partners", "Add the partners", "/staff/settings/partners", "The organisations that news comes from."),
    (
        "areas",
        "Add the priority areas",
        "/staff/settings/priority-areas",
        "The parts of your action plan. Editions put news in their order.",
    ),
    ("lists", "Add a mailing list", "/staff/settings/lists/new", "Who it is for, and who the emails come from."),
    ("author", "Invite somebody who writes", "/staff/colleagues", "They write updates and put editions together."),
    (
        "approver",
        "Invite somebody who approves",
        "/staff/colleagues",
        "Nobody can approve an edition that they wrote themselves, so it has to be somebody else.",
    ),
)


def steps(session: Session) -> Iterator[tuple[str, str, str]]:
    """What is still to be done: words, page, and why. Two queries."""
    there = _there(session)
    for name, words, page, why in _STEPS:
        if not there[name]:
            yield words, page, why
        if name == "lists":
            yield from _without_wording(session)


def _there(session: Session) -> dict[str, bool]:
    questions: dict[str, Any] = {
        "partnership": sa.exists(sa.select(col(Partnership.id))),
        "partners": sa.exists(sa.select(col(Partner.id))),
        "areas": sa.exists(sa.select(col(PriorityArea.id))),
        "lists": sa.exists(sa.select(col(MailingList.id))),
    }
    author, other = aliased(StaffRoleHeld), aliased(StaffRoleHeld)
    writes = sa.exists(_held(author, StaffRole.AUTHOR))
    questions["author"] = writes
    by_another = sa.exists(_held(other, StaffRole.AUTHOR).where(col(other.staff_id) != col(StaffRoleHeld.staff_id)))
    questions["approver"] = sa.exists(_held(StaffRoleHeld, StaffRole.APPROVER).where(sa.or_(~writes, by_another)))
    row = session.execute(sa.select(*(question.label(name) for name, question in questions.items()))).one()
    return {name: bool(answer) for name, answer in row._mapping.items()}


def _held(held: type[StaffRoleHeld], role: StaffRole) -> "sa.Select[int | None]":
    """A role in the hands of people whose accounts are active."""
    member = aliased(Staff)
    return (
        sa.select(col(held.id))
        .join(member, col(member.id) == col(held.staff_id))
        .where(col(held.role) == role, col(member.is_active).is_(True))
    )


def _without_wording(session: Session) -> Iterator[tuple[str, str, str]]:
    has_wording = sa.exists(sa.select(col(Wording.id)).where(col(Wording.mailing_list_id) == col(MailingList.id)))
    found = sa.select(col(MailingList.id), col(MailingList.name)).where(~has_wording).order_by(col(MailingList.id))
    for list_id, name in session.execute(found):
        words, page = f"Write what people agree to for {name}", f"/staff/settings/lists/{list_id}/wording"
        yield words, page, "The sign-up form shows it. Nobody can sign up before that."
