"""Who gets mail, and at which address. With `subscribers.suppression` the only place that decides it."""

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.core.crypto import Crypto
from newsletter.core.db import one_of
from subscribers.identity import suppression_hashes
from subscribers.models import Subscriber, SubscriberState
from subscribers.suppression import blocks


def confirmed_ids(mailing_list_id: int) -> sa.Select[tuple[int]]:
    """A query for the ids of those who get the editions of a mailing list, to be built into an INSERT … SELECT."""
    return sa.select(col(Subscriber.id)).where(
        col(Subscriber.mailing_list_id) == mailing_list_id, col(Subscriber.state) == SubscriberState.CONFIRMED
    )  # type: ignore[return-value]  # a stored row has an id


def count_confirmed(session: Session, mailing_list_id: int) -> int:
    """How many get the editions of a mailing list."""
    return session.scalar(sa.select(sa.func.count()).select_from(confirmed_ids(mailing_list_id).subquery())) or 0


def reachable(
    session: Session,
    crypto: Crypto,
    subscriber_ids: Collection[int],
    *,
    states: Collection[SubscriberState],
    now: datetime,
) -> dict[int, str]:
    """The addresses, by subscriber id, of those who are in one of these states and not suppressed at this moment.

    Asked again just before sending, in windows of a hundred or so: two queries a window. Whoever is missing from the
    answer must not be mailed. "I did not ask for this" holds back pending people only: it is about the request that was
    not theirs, and not about a mailing list they confirmed.
    """
    if not subscriber_ids or not states:
        return {}
    values = {"ids": list(subscriber_ids), "states": list(states)}
    rows = session.connection().execute(_with_address(session.get_bind().dialect.name), values).all()
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


@cache
def _with_address(dialect: str) -> sa.Select[Any, Any, Any]:
    """Built once: it runs for every hundred messages."""
    return sa.select(col(Subscriber.id), col(Subscriber.state), col(Subscriber.address_sealed)).where(
        one_of(col(Subscriber.id), "ids", dialect),
        col(Subscriber.state).in_(sa.bindparam("states", expanding=True)),
        col(Subscriber.address_sealed).is_not(None),
    )
