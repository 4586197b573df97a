"""Who cannot be reached any more: what a mail that came back means for the reader it was meant for (REQ-77).

- No such person or domain: suspended at once.
- Mailbox disabled: suspended when a second edition comes back too (schools close theirs in the summer).
- Mailbox full, server away, or no reason given: suspended after three editions in a row over at least 30 days.
- Refused for what we sent or for who we are (policy, spam, authentication, size): never counts against the reader.

Whoever is suspended gets nothing more, is not suppressed, and can come back through the sign-up form.
"""

import enum
import logging
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col

from subscribers.lists import NO_KEY_UPDATE
from subscribers.models import Bouncing, Subscriber, SubscriberState

#: A disabled mailbox: so many editions. Anything that may pass: so many in a row, over so long a time.
MOST_DISABLED = 2
MOST_IN_A_ROW, LEAST_TIME = 3, timedelta(days=30)

log = logging.getLogger(__name__)


class Fault(enum.StrEnum):
    """Why a mail did not arrive, as far as the reader is concerned."""

    GONE = "gone"
    DISABLED = "disabled"
    PASSING = "passing"
    OURS = "ours"


_GONE = {"5.1.1", "5.1.2", "5.1.10"}
_DISABLED = {"5.2.1"}
#: Sender's address not accepted; message too long for the mailbox, or for the system (RFC 3463, without the class).
_ABOUT_OUR_MAIL = {"1.7", "1.8", "2.3", "3.4"}
#: Content; security and policy.
_OUR_SUBJECTS = {"6", "7"}


def fault(status: str) -> Fault:
    """What an enhanced status code (RFC 3463) such as "5.1.1" says about the reader."""
    _, _, rest = status.partition(".")
    if rest in _ABOUT_OUR_MAIL or rest.partition(".")[0] in _OUR_SUBJECTS:
        return Fault.OURS
    if status in _GONE:
        return Fault.GONE
    return Fault.DISABLED if status in _DISABLED else Fault.PASSING


def note(
    session: Session,
    subscriber_id: int,
    why: Fault,
    *,
    edition: int | None,
    before: int | None = None,
    now: datetime,
) -> bool:
    """A mail for this subscriber did not arrive; True when they are suspended because of it.

    `edition` is its number on the mailing list and `before` that of the edition sent before it, so that "in a row" can
    be told; None: it was a letter, which counts only when the person is gone. Repeatable: an edition counts once.
    """
    if why is Fault.OURS or (edition is None and why is not Fault.GONE):
        return False
    subscriber = session.get(Subscriber, subscriber_id, with_for_update=NO_KEY_UPDATE, populate_existing=True)
    if subscriber is None or subscriber.state is not SubscriberState.CONFIRMED:
        return False
    run = session.get(Bouncing, subscriber_id, populate_existing=True)
    if why is not Fault.GONE:
        assert edition is not None
        run = _counted(session, subscriber_id, run, why, edition, before, now)
        is_for_good = run.editions >= MOST_IN_A_ROW and now - run.since >= LEAST_TIME
        if run.disabled < MOST_DISABLED and not is_for_good:
            return False
    subscriber.state, subscriber.ended_at = SubscriberState.SUSPENDED, now
    session.add(subscriber)
    if run is not None:
        session.delete(run)
    session.flush()
    fields = {"subscriber_id": subscriber_id, "mailing_list_id": subscriber.mailing_list_id, "fault": why.value}
    log.info("A subscriber cannot be reached and was suspended", extra=fields)
    return True


def reached(session: Session, subscriber_id: int, *, edition: int) -> None:
    """An edition did arrive: what came back before it counts no more. Repeatable."""
    session.execute(
        sa.delete(Bouncing).where(col(Bouncing.subscriber_id) == subscriber_id, col(Bouncing.last_edition) < edition)
    )


def _counted(
    session: Session,
    subscriber_id: int,
    run: Bouncing | None,
    why: Fault,
    edition: int,
    before: int | None,
    now: datetime,
) -> Bouncing:
    """The run of editions that came back, with this one in it."""
    if run is not None and edition <= run.last_edition:  # counted already, or too late to tell anything
        return run
    if run is None:
        run = Bouncing(subscriber_id=subscriber_id, since=now, editions=0, last_edition=edition, last_at=now)
    elif run.last_edition != before:  # an edition between them arrived
        run.since, run.editions, run.disabled = now, 0, 0
    run.editions += 1
    run.disabled += why is Fault.DISABLED
    run.last_edition, run.last_at = edition, now
    session.add(run)
    session.flush()
    return run
