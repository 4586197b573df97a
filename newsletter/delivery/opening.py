"""Opening an edition: released, written into the ledger and put into the workers' queue in one step."""

from datetime import datetime

from sqlmodel import Session

from newsletter.delivery import batches, dispatching, lateness, ledger
from newsletter.editions import publishing

#: Batches put into the queue in the transaction of the opening; the reconciler brings the others.
FIRST = 50


def release_and_open(session: Session, edition_id: int, *, now: datetime) -> bool:
    """Let an approved or scheduled edition go, to everybody who is confirmed at this moment.

    False when somebody else had let it go already. Repeatable: the same people, once each.
    """
    won = publishing.release(session, edition_id, now=now)
    _open(session, edition_id, now)
    return won


def open_due(session: Session, *, now: datetime) -> list[int]:
    """Open every scheduled edition whose time has come, and hold those that come too late; the ids of the opened.

    Repeatable.
    """
    lateness.hold_scheduled(session, now=now)
    released = publishing.take_due(session, now=now)
    for edition_id in released:
        _open(session, edition_id, now)
    return released


def _open(session: Session, edition_id: int, now: datetime) -> None:
    if ledger.open_edition(session, edition_id, now=now):
        # At once, so that the first copy does not wait for the reconciler's next look.
        dispatching.push(session, batches.due(session, now=now, limit=FIRST))
