"""What a pre-election period holds back (REQ-60): nothing is approved or goes out in one unless an approver says in
writing why it may, and who agreed. The reason belongs to the approval and goes with it."""

from datetime import date

from sqlmodel import Session

from newsletter.content.dates import in_words
from newsletter.content.lines import one_line
from newsletter.core.errors import InvalidInput, WrongState
from newsletter.editions import elections
from newsletter.editions.models import Edition

REASON_LENGTH = 300


class HeldByElection(WrongState):
    """It would go out in a pre-election period, and nobody has said why it may."""


def reason_line(text: str) -> str:
    """A reason as it is kept, perhaps empty. Raises `InvalidInput`."""
    try:
        reason = one_line(text)
    except ValueError as error:
        raise InvalidInput(f"Reason: {error}", field="election_reason") from None
    if len(reason) > REASON_LENGTH:
        raise InvalidInput(f"The reason must be {REASON_LENGTH} characters or fewer", field="election_reason")
    return reason


def refusal(session: Session, number: int, reason: str | None, day: date) -> str | None:
    """Why edition `number` may not be approved or go out on that day; None: it may."""
    period = elections.at(session, day)
    if period is None or reason:
        return None
    return (
        f"{in_words(day)} is in the pre-election period “{period.name}”, which ends on {in_words(period.ends_on)}. "
        f"An approver has to write why edition {number} may go out then, and who agreed."
    )


def require(session: Session, edition: Edition, day: date) -> None:
    """Raises `HeldByElection`."""
    if found := refusal(session, edition.number, edition.election_reason, day):
        raise HeldByElection(found)
