"""Who may look at an edition and who may change it: roles can be held for one mailing list alone."""

from typing import Annotated

from sqlmodel import Session

from newsletter.core.errors import NotAllowed
from newsletter.editions import moves
from newsletter.editions.models import Edition, EditionState
from newsletter.staff.models import StaffRole
from newsletter.staff.sessions import Officer
from newsletter.web.staff.guard import may
from subscribers import lists
from subscribers.models import MailingList

#: Who writes and arranges.
WRITERS = (StaffRole.AUTHOR, StaffRole.ADMIN)
#: Who has a reason to look.
LOOKERS = (*WRITERS, StaffRole.APPROVER, StaffRole.PARTNER_APPROVER)

#: Somebody who may look at editions, of one list at least.
TheLooker = Annotated[Officer, may(*LOOKERS)]

#: Before an edition has gone out or was given up.
OPEN = frozenset({EditionState.DRAFT, EditionState.REVIEW, EditionState.APPROVED, EditionState.SCHEDULED})


def to_look(session: Session, officer: Officer, edition_id: int) -> tuple[Edition, MailingList]:
    """The edition and its list. Raises `NotFound`, and `NotAllowed` when it is of a list that is not theirs."""
    return _edition(session, officer, edition_id, LOOKERS)


def to_change(session: Session, officer: Officer, edition_id: int) -> tuple[Edition, MailingList]:
    """The same, for somebody who wants to change it."""
    return _edition(session, officer, edition_id, WRITERS)


def may_change(officer: Officer, edition: Edition) -> bool:
    return officer.has(*WRITERS, mailing_list_id=edition.mailing_list_id)


def _edition(
    session: Session, officer: Officer, edition_id: int, roles: tuple[StaffRole, ...]
) -> tuple[Edition, MailingList]:
    edition = moves.read(session, edition_id)
    if not officer.has(*roles, mailing_list_id=edition.mailing_list_id):
        raise NotAllowed("Your account has no part in this mailing list. Ask an administrator for the role it needs.")
    return edition, lists.by_id(session, edition.mailing_list_id)


def revision(form: dict[str, str]) -> int:
    """The revision that the page was made from; one that nothing has when it was not sent."""
    typed = form.get("revision", "")
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else -1
