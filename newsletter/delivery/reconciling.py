"""The reconciler: looks, each second, at what the ledger says and puts right what does not follow from it.

It is the only place where work enters the queue: batches that are due and in nobody's hands. A resumed edition, a
retry, a crash, a stopped worker and a lost queue all end here. It may run anywhere, any number of times at once.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.delivery import batches, breaker, lateness, ledger
from newsletter.delivery.batches import BatchKey
from newsletter.editions import publishing
from newsletter.editions.models import Edition, EditionState

log = logging.getLogger(__name__)

#: Batches that are put into the queue ahead of the workers; more are found a second later.
AHEAD = 200

#: Any number will do, as long as nothing else in this database takes the same advisory lock.
_ADVISORY_LOCK = 7_368_422

Push = Callable[[Session, Sequence[BatchKey]], None]


class _NotGone(Exception):
    """A worker held its batch for longer after all: nothing about it was changed."""


def reconcile(session: Session, *, now: datetime, push: Push | None = None) -> list[BatchKey] | None:
    """One look; the batches that are due, or None where somebody else is at it in this moment. Repeatable.

    Holds what is late, gives up on dead workers' windows, lets the breaker judge, closes what is finished, and pushes
    what is due.
    """
    if session.get_bind().dialect.name == "postgresql":
        got = session.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(_ADVISORY_LOCK)))
        if not got:
            return None
    for edition_id in lateness.hold_interrupted(session, now=now):
        log.error("An edition on its way was held: it is late", extra={"edition_id": edition_id})
    _give_up(session, now)
    for edition_id in breaker.judge(session, now=now):
        log.error("An edition was paused by the breaker", extra={"edition_id": edition_id})
    close_finished(session, now=now)
    due = batches.due(session, now=now, limit=AHEAD)
    if due and push is not None:
        push(session, due)
    return due


def close_finished(session: Session, *, now: datetime) -> list[int]:
    """Editions of which nothing is left to send become `sent`; their ids.

    What a cancelled edition left waiting (a copy that was in a worker's hands at that moment) is skipped.
    """
    finished = []
    for edition_id, state in _with_open_ends(session):
        if state is EditionState.CANCELLED:
            ledger.skip_edition(session, edition_id, now=now)
        elif not batches.unfinished(session, edition_id):
            publishing.finish(session, edition_id, now=now)
            finished.append(edition_id)
    return finished


def _give_up(session: Session, now: datetime) -> None:
    """What workers that are gone held becomes unknown, and their batches free."""
    if lost := ledger.expire_letters(session, now=now):
        log.warning("%d letters of a worker that is gone are unknown", lost)
    for key in batches.abandoned(session, now=now):
        with suppress(_NotGone), session.begin_nested():
            # Rows before their batch, as their worker does: it may be writing at this moment, and not be gone at all.
            lost = ledger.park(session, key, now=now, rules=ledger.standing(session, key).rules)
            if not batches.take_away(session, key, now=now):
                raise _NotGone
            fields = {"edition_id": key.edition_id, "batch": key.number}
            log.warning("%d deliveries of a worker that is gone are in doubt", lost, extra=fields)


def _with_open_ends(session: Session) -> list[tuple[int, EditionState]]:
    """Editions being sent, and cancelled ones of which a batch is still open."""
    found = session.exec(
        select(Edition.id, Edition.state)
        .where(
            sa.or_(
                col(Edition.state) == EditionState.SENDING,
                sa.and_(col(Edition.state) == EditionState.CANCELLED, batches.any_open()),
            )
        )
        .order_by(col(Edition.id))
    ).all()
    return [(edition_id, EditionState(state)) for edition_id, state in found if edition_id is not None]
