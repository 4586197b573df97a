"""Asking for an approved edition to go out: never sooner than in ten minutes, in which "Stop" works (REQ-48).

The clock lets it go when its time has come (`publishing.take_due`). Here too is what an approver answers for when that
time lies in a pre-election period.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.core.errors import InvalidInput, NotAllowed, WrongState
from newsletter.editions import election_rule, moves, publishing
from newsletter.editions.models import Edition, EditionState
from newsletter.editions.moves import Move

#: How long everybody has to notice a mistake.
WAIT = timedelta(minutes=10)
#: Nobody knows today what will be right then.
FURTHEST = timedelta(days=366)


def ask(session: Session, edition_id: int, *, send_at: datetime | None, now: datetime, staff_id: int | None) -> Edition:
    """Let it go out at that moment; None: as soon as may be. Raises as `publishing.schedule` does."""
    soonest = now + WAIT
    if send_at is not None and send_at < soonest:
        raise InvalidInput(
            "Choose a time at least 10 minutes from now, so that there is time to stop it", field="send_at"
        )
    if send_at is not None and send_at > now + FURTHEST:
        raise InvalidInput("Choose a time within a year from now", field="send_at")
    return publishing.schedule(session, edition_id, send_at=send_at or soonest, now=now, staff_id=staff_id)


def stop(session: Session, edition_id: int, *, now: datetime, staff_id: int | None) -> bool:
    """It does not go out at its time: it keeps its approval and loses its date. False when it had none.

    Raises `NotFound`, `WrongState` (it has begun to go out: pause it).
    """
    edition = moves.read(session, edition_id)
    if edition.state in (EditionState.SENDING, EditionState.PAUSED, EditionState.SENT):
        raise WrongState(
            f"Edition {edition.number} has begun to go out. Pause it or cancel it on the page about its sending."
        )
    return moves.make_or_stay(
        session,
        edition_id,
        Move.HOLD,
        now=now,
        staff_id=staff_id,
        note="Stopped before it went out",
        send_at=None,
        paused_because=None,
    )


def answer_for(
    session: Session, edition_id: int, *, reason: str, approver_id: int, roles: Collection[str], now: datetime
) -> None:
    """Write down why an approved edition may go out in a pre-election period, and who agreed.

    Raises `NotFound`, `NotAllowed`, `WrongState`, `InvalidInput`.
    """
    edition = moves.read(session, edition_id)
    if edition.state not in (EditionState.APPROVED, EditionState.SCHEDULED):
        raise WrongState(f"Edition {edition.number} has to be approved first.")
    if publishing.APPROVER not in roles:
        raise NotAllowed("Only an approver may answer for an edition in a pre-election period.")
    line = election_rule.reason_line(reason)
    if not line:
        raise InvalidInput("Write why this edition may go out then, and who agreed", field="election_reason")
    won = session.exec(
        sa.update(Edition)
        .where(col(Edition.id) == edition_id, col(Edition.revision) == edition.revision)
        .values(election_reason=line, revision=edition.revision + 1)
        .execution_options(synchronize_session=False)
    ).rowcount
    if won != 1:
        raise WrongState(f"Edition {edition.number} was changed at this moment. Look at it again, and then decide.")
    session.refresh(edition)
    moves.note(session, edition, "election", line, now=now, staff_id=approver_id)
