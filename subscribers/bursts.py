"""Many leaves from one domain within minutes: a mail filter that presses every stop link, or people who mean it?

School and council mail filters open links, and some press them, in all their mailboxes at once. So the fifth leave from
one domain within ten minutes makes a burst: these people get no more mail, nothing of theirs is erased, and a person
decides. A leave that nobody decides about in three working days is obeyed, so that a real one is never lost. Public
mailboxes are let through, where five strangers may well leave at once. See `docs/decisions/0011-bursts.md`.
"""

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core import addresses
from newsletter.core.audience import Audience
from newsletter.core.crypto import Crypto
from newsletter.core.errors import NotFound, WrongState
from subscribers import consents, identity, limits, lists
from subscribers.leaving import Left, leave
from subscribers.lists import NO_KEY_UPDATE
from subscribers.models import BurstDecision, Consent, HeldLeave, LeaveBurst, Subscriber, SubscriberState

#: So many leaves from one domain within so long are a burst.
MANY, WITHIN = 5, timedelta(minutes=10)
#: Monday to Friday, after which nobody's silence keeps anybody on a list.
WORKING_DAYS = 3

ONE_CLICK, BUTTON = "one-click", "button"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Held:
    """A burst that waits for a person. `domain` only for lists of professionals."""

    burst_id: int
    mailing_list_id: int
    number: int
    since: datetime
    decide_by: datetime
    domain: str | None


@dataclass(frozen=True, slots=True)
class Decided:
    """Whom a decision was about. `since`: nobody among them pressed before."""

    decision: BurstDecision
    mailing_list_id: int
    subscriber_ids: list[int]
    since: datetime


def press(
    session: Session, crypto: Crypto, *, mailing_list_id: int, subscriber_id: int, how: str, now: datetime
) -> Left:
    """`leave`, for a press of the link that a mail filter could have made too: `ONE_CLICK` or `BUTTON`.

    Repeatable, and what the person sees is the same whether their leave is held or not.
    """
    subscriber = session.get(Subscriber, subscriber_id, with_for_update=NO_KEY_UPDATE, populate_existing=True)
    is_theirs = subscriber is not None and subscriber.mailing_list_id == mailing_list_id
    if subscriber is not None and is_theirs and subscriber.state is SubscriberState.HELD:
        return Left(mailing_list_id, subscriber_id, newly=False, is_held=True)
    got_mail = subscriber is not None and is_theirs and subscriber.state is SubscriberState.CONFIRMED
    left = leave(session, mailing_list_id=mailing_list_id, subscriber_id=subscriber_id, how=how, now=now)
    if subscriber is None or not got_mail or subscriber.address_sealed is None:
        return left
    domain = addresses.domain(crypto.decrypt(subscriber.address_sealed)).casefold()
    if addresses.is_public_mailbox(domain) or not _is_in_burst(session, crypto, subscriber, domain, now):
        return left
    return replace(left, is_held=True)


def held(session: Session, crypto: Crypto) -> list[Held]:
    """The bursts that wait for a person, oldest first."""
    rows = session.exec(
        select(LeaveBurst, sa.func.count(col(HeldLeave.subscriber_id)))
        .outerjoin(HeldLeave, col(HeldLeave.burst_id) == col(LeaveBurst.id))
        .where(col(LeaveBurst.decided_at).is_(None))
        .group_by(*sa.inspect(LeaveBurst).columns)
        .order_by(col(LeaveBurst.id))
    )
    return [
        Held(
            burst_id=burst.id or 0,
            mailing_list_id=burst.mailing_list_id,
            number=number,
            since=burst.started_at,
            decide_by=decide_by(burst.last_at),
            domain=crypto.decrypt(burst.domain_sealed) if burst.domain_sealed else None,
        )
        for burst, number in rows
    ]


def count_held(session: Session, mailing_list_id: int | None = None) -> int:
    """How many leaves wait for a person, on one mailing list or on all."""
    query = sa.select(sa.func.count()).select_from(HeldLeave)
    if mailing_list_id is not None:
        of_list = sa.select(col(LeaveBurst.id)).where(col(LeaveBurst.mailing_list_id) == mailing_list_id)
        query = query.where(col(HeldLeave.burst_id).in_(of_list))
    return session.scalar(query) or 0


def held_by_list(session: Session) -> dict[int, int]:
    """How many leaves wait for a person, by mailing list; lists with none are left out."""
    rows = session.execute(
        sa.select(col(LeaveBurst.mailing_list_id), sa.func.count())
        .join(HeldLeave, col(HeldLeave.burst_id) == col(LeaveBurst.id))
        .group_by(col(LeaveBurst.mailing_list_id))
    )
    return {row[0]: row[1] for row in rows}


def decide(session: Session, burst_id: int, decision: BurstDecision, *, by: int | None, now: datetime) -> Decided:
    """Let the leaves of a burst stand, or give everybody their emails back. `by`: the member of staff; None: the clock.

    Letters are not the business of this room (`newsletter.delivery.stopping.settle`). Raises `NotFound`, and
    `WrongState` when it was decided before.
    """
    burst = session.get(LeaveBurst, burst_id, with_for_update=True, populate_existing=True)
    if burst is None:
        raise NotFound(f"There is no burst {burst_id}. See “newsletter leaves held”.")
    if burst.decision is not None:
        raise WrongState(f"Burst {burst_id} was {burst.decision.value} on {burst.decided_at:%-d %B %Y}.")
    people = session.exec(
        select(Subscriber)
        .join(HeldLeave, col(HeldLeave.subscriber_id) == col(Subscriber.id))
        .where(col(HeldLeave.burst_id) == burst_id, col(Subscriber.state) == SubscriberState.HELD)
        .order_by(col(Subscriber.id))
        .with_for_update(key_share=True, of=Subscriber)
        .execution_options(populate_existing=True)
    ).all()
    for subscriber in people:
        if decision is BurstDecision.OBEYED:
            subscriber.state = SubscriberState.LEFT
        else:
            subscriber.state, subscriber.ended_at = SubscriberState.CONFIRMED, None
            consents.carry_on(session, subscriber, because="stop link pressed by a mail filter")
        session.add(subscriber)
    burst.decision, burst.decided_at, burst.decided_by = decision, now, by
    session.add(burst)
    session.flush()
    session.exec(sa.delete(HeldLeave).where(col(HeldLeave.burst_id) == burst_id))
    log.info(
        "A burst of leaves was decided about",
        extra={"burst_id": burst_id, "decision": decision.value, "subscribers": len(people), "staff_id": by},
    )
    ids = [subscriber.id for subscriber in people if subscriber.id is not None]
    return Decided(decision, burst.mailing_list_id, ids, burst.started_at - WITHIN)


def overdue(session: Session, *, now: datetime) -> list[int]:
    """The bursts that waited for a person long enough."""
    waiting = session.exec(
        select(LeaveBurst.id, LeaveBurst.last_at)
        .where(col(LeaveBurst.decided_at).is_(None))
        .order_by(col(LeaveBurst.id))
    )
    return [burst_id for burst_id, last_at in waiting if burst_id is not None and decide_by(last_at) <= now]


def decide_by(last_at: datetime) -> datetime:
    """When the leaves of a burst are obeyed if nobody has decided: the same time of day, some working days later."""
    moment, days = last_at, 0
    while days < WORKING_DAYS:
        moment += timedelta(days=1)
        days += moment.weekday() < 5
    return moment


def _is_in_burst(session: Session, crypto: Crypto, subscriber: Subscriber, domain: str, now: datetime) -> bool:
    """Count this leave; hold it, and those shortly before it, when it makes or meets a burst."""
    list_id = subscriber.mailing_list_id
    hashed = crypto.keyed_hash(domain, context=f"leaves of domain:{list_id}")
    identity.take_turns_by(session, hashed)
    limits.record(session, hashed, now=now)
    last = session.exec(
        select(LeaveBurst)
        .where(col(LeaveBurst.mailing_list_id) == list_id, col(LeaveBurst.domain_hash) == hashed)
        .order_by(col(LeaveBurst.id).desc())
        .limit(1)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).first()
    if last is not None and last.decided_at is None and now - last.last_at < WITHIN:
        last.last_at = now
        session.add(last)
        _hold(session, last, [subscriber])
        return True
    since = now - WITHIN
    if last is not None and last.decided_at is not None:
        since = max(since, last.decided_at)  # what was decided about is not taken up again
    if limits.number(session, hashed, since=since) < MANY:
        return False
    is_shown = lists.by_id(session, list_id).audience is not Audience.PARENTS
    burst = LeaveBurst(
        mailing_list_id=list_id,
        domain_hash=hashed,
        domain_sealed=crypto.encrypt(domain) if is_shown else None,
        started_at=now,
        last_at=now,
    )
    session.add(burst)
    session.flush()
    number = _hold(session, burst, [subscriber, *_just_before(session, crypto, subscriber, domain, since)])
    log.warning(
        "Many leaves came from one domain within minutes and are held for a person: newsletter leaves held",
        extra={"burst_id": burst.id, "mailing_list_id": list_id, "subscribers": number},
    )
    return True


def _just_before(
    session: Session, crypto: Crypto, subscriber: Subscriber, domain: str, since: datetime
) -> list[Subscriber]:
    """Who else left this list by such a press from this domain. Their goodbye may have gone; the rest can be undone."""
    pressed = (
        sa.select(col(Consent.subscriber_id))
        .where(col(Consent.withdrawn_at) > since, col(Consent.withdrawn_how).in_((ONE_CLICK, BUTTON)))
        .where(col(Consent.confirmed_at).is_not(None), col(Consent.subscriber_id) == col(Subscriber.id))
        .correlate(Subscriber)
        .exists()
    )
    rows = session.exec(
        select(Subscriber)
        .where(
            col(Subscriber.mailing_list_id) == subscriber.mailing_list_id,
            col(Subscriber.state) == SubscriberState.LEFT,
            col(Subscriber.ended_at) > since,
            col(Subscriber.id) != subscriber.id,
            col(Subscriber.address_sealed).is_not(None),
            pressed,
        )
        .order_by(col(Subscriber.id))
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return [row for row in rows if addresses.domain(crypto.decrypt(row.address_sealed or b"")).casefold() == domain]


def _hold(session: Session, burst: LeaveBurst, people: list[Subscriber]) -> int:
    assert burst.id is not None
    for subscriber in people:
        assert subscriber.id is not None
        subscriber.state = SubscriberState.HELD
        session.add(subscriber)
        session.add(HeldLeave(subscriber_id=subscriber.id, burst_id=burst.id))
    session.flush()
    return len(people)
