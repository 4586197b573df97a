"""Who gets mail, and at which address. With `subscribers.suppression` the only place that decides it."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.core.crypto import Crypto
from subscribers.identity import suppression_hash
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
    rows = session.execute(
        sa.select(col(Subscriber.id), col(Subscriber.state), col(Subscriber.address_sealed)).where(
            col(Subscriber.id).in_(subscriber_ids),
            col(Subscriber.state).in_(states),
            col(Subscriber.address_sealed).is_not(None),
        )
    ).all()
    found = [(id_, state, crypto.decrypt(sealed)) for id_, state, sealed in rows]
    hashes = {id_: suppression_hash(crypto, address) for id_, _state, address in found}
    blocked = blocks(session, set(hashes.values()), now=now)
    answer = {}
    for id_, state, address in found:
        block = blocked.get(hashes[id_])
        is_held = block is not None and (block.sign_up if state is SubscriberState.PENDING else block.editions)
        if not is_held:
            answer[id_] = address
    return answer
