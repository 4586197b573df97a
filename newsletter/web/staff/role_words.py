"""Roles as people read them."""

from collections.abc import Sequence

from sqlmodel import Session

from newsletter.content import partners
from newsletter.staff.accounts import Held
from newsletter.staff.models import StaffRole
from subscribers import lists

#: Each role, its name, and what it is for.
ROLES = (
    (StaffRole.AUTHOR, "Author", "Writes updates and puts editions together"),
    (StaffRole.APPROVER, "Approver", "Agrees that an edition may go, and sends it"),
    (StaffRole.PARTNER_APPROVER, "Partner approver", "Agrees to the texts of one partner"),
    (StaffRole.ADMIN, "Administrator", "Sets up lists, partners and accounts"),
    (StaffRole.DPO, "Data protection officer", "Looks up and erases people, reads the log"),
)

_NAMES = {role: name for role, name, _ in ROLES}


def of(session: Session, held: Sequence[Held]) -> list[str]:
    """Each role with what it is for: "Author, only SEND news for parents"."""
    list_names = {one.id: one.name for one in lists.all_lists(session)}
    partner_names = {one.id: one.name for one in partners.partners(session)}
    return [
        _NAMES[one.role]
        + (f", only {list_names.get(one.mailing_list_id)}" if one.mailing_list_id else "")
        + (f", only texts of {partner_names.get(one.partner_id)}" if one.partner_id else "")
        for one in held
    ]
