"""What the pages about one edition share: who may look at it, change it and let it go, where roles can be held for one
mailing list alone."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from sqlmodel import Session

from newsletter.core.errors import NotAllowed
from newsletter.core.runtime import Runtime
from newsletter.editions import moves
from newsletter.editions.models import Edition, EditionState
from newsletter.staff import audit
from newsletter.staff.models import StaffRole
from newsletter.staff.sessions import Officer
from newsletter.web.staff.guard import may
from subscribers import lists
from subscribers.models import MailingList

#: Who writes and arranges.
WRITERS = (StaffRole.AUTHOR, StaffRole.ADMIN)
#: Who may look at an edition.
READERS = (StaffRole.AUTHOR, StaffRole.APPROVER, StaffRole.PARTNER_APPROVER, StaffRole.ADMIN)
#: Who may let it go out, hold it or give it up.
SENDERS = (StaffRole.AUTHOR, StaffRole.APPROVER, StaffRole.ADMIN)

#: Who decides about copies that may have arrived.
DECIDERS = (StaffRole.APPROVER, StaffRole.ADMIN)

TheReader = Annotated[Officer, may(*READERS)]
TheSender = Annotated[Officer, may(*SENDERS)]
TheDecider = Annotated[Officer, may(*DECIDERS)]

#: Before an edition has gone out or was given up.
OPEN = frozenset({EditionState.DRAFT, EditionState.REVIEW, EditionState.APPROVED, EditionState.SCHEDULED})


def find(session: Session, officer: Officer, edition_id: int, *roles: StaffRole) -> tuple[Edition, MailingList]:
    """The edition and its mailing list, for somebody who holds one of the roles for that list.

    Raises `NotFound`, `NotAllowed`.
    """
    edition = moves.read(session, edition_id)
    if not officer.has(*roles, mailing_list_id=edition.mailing_list_id):
        raise NotAllowed("Your account may not do this for this mailing list. Ask an administrator for the role.")
    return edition, lists.by_id(session, edition.mailing_list_id)


def roles_for(officer: Officer, edition: Edition) -> set[StaffRole]:
    """The roles somebody holds for the edition's mailing list."""
    return {held.role for held in officer.roles if held.mailing_list_id in (None, edition.mailing_list_id)}


def may_change(officer: Officer, edition: Edition) -> bool:
    return officer.has(*WRITERS, mailing_list_id=edition.mailing_list_id)


def revision(form: Mapping[str, str]) -> int:
    """The revision that the page was made from; one that nothing has when it was not sent."""
    typed = form.get("revision", "")
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else -1


def note(
    session: Session,
    runtime: Runtime,
    officer: Officer,
    action: str,
    edition_id: int,
    detail: str = "",
    *,
    now: datetime,
) -> None:
    """Write into the audit log what an officer did with an edition."""
    about = f"edition {edition_id}"
    audit.note(session, runtime.crypto, action, staff_id=officer.id, about=about, detail=detail, now=now)
