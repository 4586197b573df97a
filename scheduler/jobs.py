"""What the clock does at its ticks: assemble what falls due, open what is scheduled, answer sign-ups, remind, sweep.

Every job may run late, twice, or in several processes at once; the database decides who does the work. A job does what
is due at the moment its runtime's clock shows and returns; sending is not its business (`newsletter.delivery.sending`).
"""

import logging

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.content import saved_drafts
from newsletter.core import periods
from newsletter.core.errors import InvalidInput, NewsletterError, WrongState
from newsletter.core.runtime import Runtime
from newsletter.delivery import letters, opening, pacing, retention, stopping
from newsletter.delivery.models import DeliveryKind
from newsletter.editions import assembling, falling_due
from newsletter.editions.models import Cadence
from newsletter.feedback import retention as feedback
from newsletter.staff import accounts, audit, sessions
from scheduler import cadence as cadences
from subscribers import bursts, export_requests, intake, lists, privacy, reminding, still_you, waiting_imports
from subscribers.models import BurstDecision

log = logging.getLogger(__name__)


def assemble_due(runtime: Runtime) -> list[int]:
    """Assemble an edition for every cadence that has fallen due, and set its next date; the ids of the new editions.

    After the machine was down a list gets one edition, for its newest occurrence. A list whose cadence fails does not
    keep the others waiting, and is tried again at the next tick.
    """
    now = runtime.clock.now()
    with runtime.db.reading() as session:
        due = session.exec(select(Cadence.id).where(col(Cadence.next_due) <= now).order_by(col(Cadence.id))).all()
    made = []
    for cadence_id in due:
        try:
            with runtime.db.transaction() as session:
                edition_id = _assemble(session, runtime, cadence_id)
        except NewsletterError:
            log.exception("A cadence has fallen due and could not be followed", extra={"cadence_id": cadence_id})
            continue
        if edition_id is not None:
            made.append(edition_id)
    return made


def open_due(runtime: Runtime) -> list[int]:
    """Let every scheduled edition go whose time has come: one delivery per confirmed subscriber is queued."""
    with runtime.db.transaction() as session:
        opened = opening.open_due(session, now=runtime.clock.now())
    for edition_id in opened:
        log.info("Opened an edition for sending", extra={"edition_id": edition_id})
    return opened


def answer_sign_ups(runtime: Runtime) -> int:
    """Deal with the sign-up forms that have come in: who is to get which letter. Returns how many forms.

    Each in a transaction of its own; one that fails is logged, keeps nobody waiting, and is tried at the next tick.
    """
    number, last_id = 0, 0
    while True:
        with runtime.db.reading() as session:
            waiting = intake.waiting(session, now=runtime.clock.now(), after_id=last_id)
        if not waiting:
            return number
        for intake_id in waiting:
            now, last_id = runtime.clock.now(), intake_id
            try:
                with runtime.db.transaction() as session:
                    taken = intake.take_out(session, runtime.crypto, intake_id, now=now)
                    if taken is not None:
                        list_id, requested = taken
                        letters.queue_answer(session, requested, mailing_list_id=list_id, now=now)
                        number += 1
            except NewsletterError:
                log.exception("A sign-up form could not be dealt with", extra={"intake_id": intake_id})


def remind(runtime: Runtime) -> int:
    """Send the one reminder to everybody who has asked for a mailing list and not said yes (REQ-09); how many."""
    number, after_id = 0, 0
    while True:
        now = runtime.clock.now()
        with runtime.db.transaction() as session:
            some = reminding.take_due(session, runtime.crypto, now=now, after_id=after_id)
            for list_id, subscriber_id in some.due:
                letters.queue(
                    session, DeliveryKind.REMINDER, mailing_list_id=list_id, subscriber_id=subscriber_id, now=now
                )
        number += len(some.due)
        if some.last_id is None:
            return number
        after_id = some.last_id


def ask_if_still_you(runtime: Runtime) -> int:
    """Queue the yearly question to professionals, and its one reminder, for those who are due it; how many letters.

    A few hundred at a time: the others come at the next ticks.
    """
    now = runtime.clock.now()
    with runtime.db.transaction() as session:
        asked = still_you.ask_due(session, now=now)
        for one in asked:
            letters.queue(
                session,
                DeliveryKind.STILL_YOU_REMINDER if one.is_reminder else DeliveryKind.STILL_YOU,
                mailing_list_id=one.mailing_list_id,
                subscriber_id=one.subscriber_id,
                now=now,
            )
    if asked:
        log.info("Asked professionals if it is still them", extra={"letters": len(asked)})
    return len(asked)


def sweep(runtime: Runtime) -> list[privacy.Swept]:
    """Delete and empty what has been kept for as long as it may be (REQ-33), in steps that hold nobody up for long."""
    steps: list[privacy.Swept] = []
    while not steps or not steps[-1].is_complete:
        with runtime.db.transaction() as session:
            steps.append(privacy.sweep(session, now=runtime.clock.now()))
    for forget in (
        retention.forget,
        retention.forget_receipts,
        feedback.forget_texts,
        feedback.forget_complaints,
        feedback.forget_paper_copies,
    ):
        forgotten = retention.ROWS_AT_ONCE
        while forgotten == retention.ROWS_AT_ONCE:
            with runtime.db.transaction() as session:
                forgotten = forget(session, now=runtime.clock.now())
    with runtime.db.transaction() as session:
        pacing.forget(session, now=runtime.clock.now())
        periods.note_sweep(session, now=runtime.clock.now())
        intake.throw_away_old(session, now=runtime.clock.now())
        sessions.forget(session, now=runtime.clock.now())
        audit.forget(session, until=runtime.clock.now() - audit.KEPT_FOR)
        saved_drafts.forget(session, accounts.switched_off(session), now=runtime.clock.now())
        export_requests.forget(session, now=runtime.clock.now())
    if not runtime.db.empty_log():
        log.info("The log of the database was being read; what was swept stays in it until the next sweep")
    log.info("Swept away what has had its time", extra={"steps": len(steps)})
    return steps


def forget_files(runtime: Runtime) -> int:
    """Delete the files of an import that nobody decided about; how many."""
    with runtime.db.transaction() as session:
        return waiting_imports.forget(session, now=runtime.clock.now())


def obey_held(runtime: Runtime) -> list[int]:
    """Obey the leaves that were held for a person who did not decide in time; the ids of the bursts."""
    now = runtime.clock.now()
    with runtime.db.reading() as session:
        overdue = bursts.overdue(session, now=now)
    obeyed = []
    for burst_id in overdue:
        try:
            with runtime.db.transaction() as session:
                stopping.settle(session, burst_id, BurstDecision.OBEYED, by=None, now=now)
            obeyed.append(burst_id)
        except WrongState:  # a person was faster, or another clock
            continue
    return obeyed


def _assemble(session: Session, runtime: Runtime, cadence_id: int | None) -> int | None:
    """Win the occurrence by compare-and-set on `next_due`, then assemble for it, in one transaction."""
    now = runtime.clock.now()
    cadence = session.get(Cadence, cadence_id)
    if cadence is None or cadence.next_due is None or cadence.next_due > now:
        return None
    due, closed = cadence.next_due, falling_due.closed(session)
    try:
        newest = cadences.newest_due(cadence.rule, cadence.anchor, cadence.timezone, closed, since=due, until=now)
        following = cadences.next_due(cadence.rule, cadence.anchor, cadence.timezone, now, closed)
    except InvalidInput as error:
        log.error("A cadence was stopped: %s", error, extra={"cadence_id": cadence_id})
        newest = following = None
    won = session.execute(
        sa.update(Cadence)
        .where(col(Cadence.id) == cadence_id, col(Cadence.next_due) == due)
        .values(next_due=following)
        .execution_options(synchronize_session=False)
    )
    if getattr(won, "rowcount", 0) != 1 or newest is None:  # another clock was first; or the rule was changed
        return None
    mailing_list = lists.by_id(session, cadence.mailing_list_id)
    try:
        assembled = assembling.assemble(
            session,
            mailing_list_id=cadence.mailing_list_id,
            audience=mailing_list.audience,
            list_name=mailing_list.name,
            now=now,
            occurrence=newest,
        )
    except WrongState as error:
        # The edition before this one is still being worked on. It takes this date's place; a person was told by it.
        log.warning("No edition was assembled: %s", error, extra={"list": mailing_list.slug})
        return None
    if assembled.edition is None:
        log.info("No edition was assembled: %s", assembled.because, extra={"list": mailing_list.slug})
        return None
    log.info("Assembled an edition", extra={"list": mailing_list.slug, "edition_id": assembled.edition.id})
    return assembled.edition.id
