"""What the pages about one edition share: finding it for somebody who may see it, and saying how it stands."""

from datetime import datetime
from typing import Annotated

from sqlmodel import Session

from newsletter.content.dates import london_date, time_in_words, with_weekday
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

#: Who may look at an edition.
READERS = (StaffRole.AUTHOR, StaffRole.APPROVER, StaffRole.PARTNER_APPROVER, StaffRole.ADMIN)
#: Who may let it go out, hold it or give it up.
SENDERS = (StaffRole.AUTHOR, StaffRole.APPROVER, StaffRole.ADMIN)

#: Who decides about copies that may have arrived.
DECIDERS = (StaffRole.APPROVER, StaffRole.ADMIN)

TheReader = Annotated[Officer, may(*READERS)]
TheSender = Annotated[Officer, may(*SENDERS)]
TheDecider = Annotated[Officer, may(*DECIDERS)]

#: What the tag of a state says, and its colour.
TAGS = {
    EditionState.DRAFT: ("Draft", "govuk-tag--grey"),
    EditionState.REVIEW: ("In review", "govuk-tag--yellow"),
    EditionState.APPROVED: ("Approved", "govuk-tag--green"),
    EditionState.SCHEDULED: ("Scheduled", "govuk-tag--blue"),
    EditionState.SENDING: ("Being sent", "govuk-tag--blue"),
    EditionState.PAUSED: ("Paused", "govuk-tag--red"),
    EditionState.SENT: ("Sent", "govuk-tag--green"),
    EditionState.CANCELLED: ("Cancelled", "govuk-tag--grey"),
}


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


def standing(edition: Edition) -> str:
    """Where it stands, in a sentence."""
    match edition.state:
        case EditionState.DRAFT:
            return "It is being written. Ask for approval when it is ready."
        case EditionState.REVIEW:
            return "It waits for approval."
        case EditionState.APPROVED if edition.paused_because:
            return f"It is approved and was held back: {edition.paused_because}"
        case EditionState.APPROVED:
            return "It is approved, and nobody has said yet when it goes out."
        case EditionState.SCHEDULED if edition.send_at is not None:
            return f"It goes out on {moment_in_words(edition.send_at)}."
        case EditionState.PAUSED:
            return f"It is paused: {edition.paused_because or 'nobody said why.'}"
        case EditionState.SENDING:
            return "It is being sent."
        case EditionState.SENT:
            return "It has been sent."
        case _:
            return "It was cancelled."


def moment_in_words(moment: datetime) -> str:
    """Tuesday 10 November 2026 at 10am."""
    return f"{with_weekday(london_date(moment))} at {time_in_words(moment)}"


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
