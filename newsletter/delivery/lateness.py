"""The late guard: what could not go in time does not go at three in the morning, but is held, and a person is asked.

Two things can be late: a scheduled edition whose moment passed while no clock ran, and an edition on its way when the
machine (or every worker) stopped. How late is too late is the mailing list's choice. A database that was put back from
a copy looks the same, and is held in the same way (REQ-86).
"""

from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from newsletter.content.dates import LONDON
from newsletter.core.db import insert
from newsletter.delivery.models import Pulse
from newsletter.editions import publishing
from newsletter.editions.models import Edition, EditionState
from subscribers.models import MailingList

#: The pulse is written no more often than this.
BEAT = timedelta(minutes=1)


def hold_scheduled(session: Session, *, now: datetime) -> list[int]:
    """Take the date from every scheduled edition that is too late; their ids. Repeatable."""
    held = []
    for edition, tolerance in _with_tolerance(session, EditionState.SCHEDULED):
        if edition.id is not None and edition.send_at is not None and edition.send_at + tolerance < now:
            because = (
                f"It should have gone at {_at(edition.send_at)} and could not. Send it now, or choose another time."
            )
            publishing.hold(session, edition.id, because=because, now=now)
            held.append(edition.id)
    return held


def hold_interrupted(session: Session, *, now: datetime) -> list[int]:
    """Pause every edition on its way that nobody has worked on for too long; their ids. Called by workers, before they
    take anything up; it also notes that there is a worker. Repeatable."""
    pulse = session.get(Pulse, 1)
    seen_at = pulse.seen_at if pulse is not None else None
    if seen_at is not None and now - seen_at < BEAT:
        return []
    held = []
    if seen_at is not None:
        for edition, tolerance in _with_tolerance(session, EditionState.SENDING):
            since = max(seen_at, edition.released_at or seen_at)
            if edition.id is not None and since + tolerance < now:
                because = (
                    f"Nothing was sent since {_at(since)}, because no worker was running. Resume it, or cancel it."
                )
                publishing.pause(session, edition.id, because=because, now=now)
                held.append(edition.id)
    beat = insert(session, Pulse).values(id=1, seen_at=now)
    session.execute(beat.on_conflict_do_update(index_elements=["id"], set_={"seen_at": now}))
    return held


def _with_tolerance(session: Session, state: EditionState) -> list[tuple[Edition, timedelta]]:
    found = session.exec(
        select(Edition, MailingList.late_after_hours)
        .join(MailingList, col(MailingList.id) == col(Edition.mailing_list_id))
        .where(col(Edition.state) == state)
        .order_by(col(Edition.id))
        .execution_options(populate_existing=True)
    ).all()
    return [(edition, timedelta(hours=hours)) for edition, hours in found]


def _at(moment: datetime) -> str:
    return f"{moment.astimezone(LONDON):%H:%M on %-d %B %Y}"
