"""Who gets mail, and at which address. With `subscribers.suppression` the only place that decides it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.core.crypto import Crypto
from newsletter.core.db import AllAtOnce, one_of
from subscribers.identity import suppression_hashes
from subscribers.models import Subscriber, SubscriberState, SubscriberTopic
from subscribers.suppression import blocks

#: A range of ids is read whole when so many times as many could stand in it as are wanted.
SPREAD = 4


@dataclass(frozen=True, slots=True)
class Special:
    """A special edition: for everybody but those who want the regular ones alone, or, with a topic, for those of them
    who chose it."""

    topic_id: int | None = None

    @property
    def wanted(self) -> list[sa.ColumnElement[bool]]:
        """Who wants it."""
        conditions: list[sa.ColumnElement[bool]] = [col(Subscriber.regular_only).is_(False)]
        if self.topic_id is not None:
            chose = sa.select(col(SubscriberTopic.subscriber_id)).where(col(SubscriberTopic.topic_id) == self.topic_id)
            conditions.append(col(Subscriber.id).in_(chose))
        return conditions


def confirmed_ids(mailing_list_id: int, special: Special | None = None) -> sa.Select[tuple[int]]:
    """A query for the ids of those who get an edition of a mailing list, to be built into an INSERT … SELECT.

    A regular edition (no `special`) is for everybody who is confirmed.
    """
    return sa.select(col(Subscriber.id)).where(
        col(Subscriber.mailing_list_id) == mailing_list_id,
        col(Subscriber.state) == SubscriberState.CONFIRMED,
        *(special.wanted if special else ()),
    )  # type: ignore[return-value]  # a stored row has an id


def count_confirmed(session: Session, mailing_list_id: int, special: Special | None = None) -> int:
    """How many get the editions of a mailing list, or (with `special`) such an edition."""
    who = confirmed_ids(mailing_list_id, special).subquery()
    return session.scalar(sa.select(sa.func.count()).select_from(who)) or 0


def reachable(
    session: Session,
    crypto: Crypto,
    subscriber_ids: Collection[int],
    *,
    states: Collection[SubscriberState],
    now: datetime,
    special: Special | None = None,
) -> dict[int, str]:
    """The addresses, by subscriber id, of those who are in one of these states, not suppressed at this moment and, of a
    special edition, still want it.

    Asked again just before sending, in windows of a hundred or so: two queries a window. Whoever is missing from the
    answer must not be mailed. "I did not ask for this" holds back pending people only: it is about the request that was
    not theirs, and not about a mailing list they confirmed.
    """
    if not subscriber_ids or not states:
        return {}
    if special is not None:
        subscriber_ids = set(
            session.scalars(
                sa.select(col(Subscriber.id)).where(col(Subscriber.id).in_(subscriber_ids), *special.wanted)
            )
        )
        if not subscriber_ids:
            return {}
    rows = _rows(session, subscriber_ids, states)
    addresses = [crypto.decrypt(sealed) for _id, _state, sealed in rows]
    hashes = suppression_hashes(crypto, addresses)
    blocked = blocks(session, hashes, now=now)
    answer = {}
    for (id_, state, _sealed), address, hashed in zip(rows, addresses, hashes, strict=True):
        block = blocked.get(hashed)
        is_held = block is not None and (block.sign_up if state is SubscriberState.PENDING else block.editions)
        if not is_held:
            answer[id_] = address
    return answer


def _rows(session: Session, ids: Collection[int], states: Collection[SubscriberState]) -> Sequence[Sequence[Any]]:
    """Id, state and sealed address of those who have one and are in one of the states."""
    first, last, wanted = min(ids), max(ids), set(ids)
    values: dict[str, Any] = {"states": list(states)}
    if last - first < len(wanted) * SPREAD:  # the readers of one window stand side by side
        found = _between().rows(session, {**values, "first": first, "last": last})
        return [row for row in found if row[0] in wanted]
    return _one_of(session.get_bind().dialect.name).rows(session, {**values, "ids": list(wanted)})


@cache
def _with_address() -> sa.Select[Any, Any, Any]:
    return sa.select(col(Subscriber.id), col(Subscriber.state), col(Subscriber.address_sealed)).where(
        col(Subscriber.state).in_(sa.bindparam("states", expanding=True)),
        col(Subscriber.address_sealed).is_not(None),
    )


@cache
def _between() -> AllAtOnce:
    return AllAtOnce(_with_address().where(col(Subscriber.id).between(sa.bindparam("first"), sa.bindparam("last"))))


@cache
def _one_of(dialect: str) -> AllAtOnce:
    return AllAtOnce(_with_address().where(one_of(col(Subscriber.id), "ids", dialect)))
