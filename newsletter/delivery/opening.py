"""Opening an edition: released and written into the ledger in one step; and closing it when nothing is left to send."""

from datetime import datetime

from sqlmodel import Session

from newsletter.delivery import ledger
from newsletter.editions import publishing
from newsletter.editions.models import EditionState


def release_and_open(session: Session, edition_id: int, *, now: datetime) -> bool:
    """Let an approved or scheduled edition go, to everybody who is confirmed at this moment.

    False when somebody else had let it go already. Repeatable: the same people, once each.
    """
    won = publishing.release(session, edition_id, now=now)
    ledger.open_edition(session, edition_id, now=now)
    return won


def open_due(session: Session, *, now: datetime) -> list[int]:
    """Open every scheduled edition whose time has come; their ids. Repeatable."""
    released = publishing.take_due(session, now=now)
    for edition_id in released:
        ledger.open_edition(session, edition_id, now=now)
    return released


def close_finished(session: Session, *, now: datetime) -> list[int]:
    """Editions of which nothing is queued, being sent or deferred become `sent`; their ids.

    What a cancelled edition left waiting (a copy that was in a worker's hands at that moment) is skipped.
    """
    for edition_id, number in ledger.open_counts(session, EditionState.CANCELLED).items():
        if number:
            ledger.skip_edition(session, edition_id, now=now)
    finished = [
        edition_id for edition_id, number in ledger.open_counts(session, EditionState.SENDING).items() if not number
    ]
    for edition_id in finished:
        publishing.finish(session, edition_id, now=now)
    return finished
