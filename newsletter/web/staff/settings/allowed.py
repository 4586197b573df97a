"""Who may change which settings: what concerns everybody is not for somebody whose role is for one list."""

from typing import Annotated

from fastapi import Path

from newsletter.core.errors import NotAllowed
from newsletter.staff.models import StaffRole
from newsletter.staff.sessions import Officer

#: A number in an address, as large as the databases have them.
Id = Annotated[int, Path(ge=1, le=2**31 - 1)]


def everywhere(officer: Officer, role: StaffRole = StaffRole.ADMIN) -> None:
    """Raises `NotAllowed` unless they hold the role for every mailing list."""
    if not holds_everywhere(officer, role):
        raise NotAllowed("This concerns every mailing list, and your role is for one of them.")


def holds_everywhere(officer: Officer, role: StaffRole) -> bool:
    return any(held.role is role and held.mailing_list_id is None for held in officer.roles)


def of_list(officer: Officer, mailing_list_id: int, *roles: StaffRole) -> None:
    """Raises `NotAllowed` unless they hold one of the roles for this mailing list."""
    if not officer.has(*roles, mailing_list_id=mailing_list_id):
        raise NotAllowed("Your role is for another mailing list.")
