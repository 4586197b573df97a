"""Whose people somebody may see: roles held for one mailing list reach no further, on any page about people."""

from collections.abc import Mapping

from sqlmodel import Session

from newsletter.core.errors import NotAllowed
from newsletter.staff.models import StaffRole
from newsletter.staff.sessions import Officer
from subscribers import lists
from subscribers.models import MailingList

#: Who sees numbers of people and decides what concerns a whole list.
KEEPERS = (StaffRole.ADMIN, StaffRole.DPO)
#: Who posts copies on paper.
POSTERS = (StaffRole.AUTHOR, StaffRole.ADMIN, StaffRole.DPO)


def lists_of(session: Session, officer: Officer, *roles: StaffRole) -> dict[int, MailingList]:
    """The mailing lists for which somebody holds one of these roles, by id, in the order of the home page."""
    return {
        each.id: each
        for each in lists.all_lists(session)
        if each.id is not None and officer.has(*roles, mailing_list_id=each.id)
    }


def check_list(officer: Officer, mailing_list_id: int, *roles: StaffRole) -> None:
    """Raise `NotAllowed` unless somebody holds one of these roles for this list."""
    if not officer.has(*roles, mailing_list_id=mailing_list_id):
        raise NotAllowed("Your account may not do this for this mailing list.")


def check_every_list(officer: Officer) -> None:
    """Raise `NotAllowed` unless somebody protects the data of every list: an address is looked up on all of them."""
    if not any(held.role is StaffRole.DPO and held.mailing_list_id is None for held in officer.roles):
        raise NotAllowed("This looks at every mailing list. Your account is for some of them only.")


def chosen_list(typed: Mapping[str, str], allowed: Mapping[int, MailingList]) -> MailingList | None:
    """The list whose id stands in the field `list`, when it is one of those allowed."""
    text = typed.get("list", "")
    return allowed.get(int(text)) if text.isascii() and text.isdecimal() and len(text) < 10 else None
