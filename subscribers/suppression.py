"""Addresses that must not be mailed: nowhere else is this decided.

What each reason blocks:

- `BOUNCED`, `COMPLAINED`: every mail, for ever or until a date.
- `NOT_REQUESTED` ("I did not ask for this"): for 30 days the sign-up form sends nothing. It does not touch a mailing
  list that the same person did ask for and confirmed.
- `ERASED`: imports, for ever, so that an old spreadsheet does not bring back somebody who asked to be forgotten. It
  does not block the person's own use of the form, which is a new decision of theirs. It is also what `lift` leaves of
  a block whose address is on no list.

One row holds one address. When two reasons meet, the stronger stays, and neither ever shortens the other.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core.crypto import Crypto
from newsletter.core.db import insert, one_of
from newsletter.core.errors import WrongState
from subscribers.identity import find_everywhere, suppression_hash
from subscribers.models import Suppression, SuppressionReason


@dataclass(frozen=True, slots=True)
class Block:
    """What one suppression blocks at the moment it was looked up."""

    sign_up: bool  # the form and its confirmation mail
    editions: bool  # everything, also to those who confirmed
    imports: bool = True


def suppress(
    session: Session,
    crypto: Crypto,
    address: str,
    *,
    reason: SuppressionReason,
    until: datetime | None = None,
    now: datetime,
) -> None:
    """Block this address, for ever or `until` a moment. Repeatable; never weakens a block that is there."""
    hashed = suppression_hash(crypto, address)
    session.exec(
        insert(session, Suppression)
        .values(address_hash=hashed, reason=reason, until=until, created_at=now)
        .on_conflict_do_nothing(index_elements=["address_hash"])
    )
    row = session.exec(
        select(Suppression)
        .where(col(Suppression.address_hash) == hashed)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one()
    row.reason, row.until = _stronger((row.reason, row.until), (reason, until))
    session.add(row)
    session.flush()


def lift(session: Session, crypto: Crypto, address: str) -> SuppressionReason | None:
    """Take the block of an address away, because the person asked for it: the reason it had, None without one.

    Whoever is on a list is free for everything again, imports too: an address that came back and was put right is as
    good as another, and a mailbox that is still not there suspends its reader at the next edition (`reachability`).
    Where nobody is on a list the address may have been erased as well, which the stronger reason hides: it stays out
    of imports, so that no old file brings it back, and its owner signs up themselves. That is never lifted: their own
    sign-up works anyway, from the date the row may carry. Raises `WrongState` for it.
    """
    row = find(session, crypto, address, for_update=True)
    if row is None:
        return None
    if row.reason is SuppressionReason.ERASED:
        raise WrongState("No import can bring this address in, and that stays so. Its owner can sign up themselves.")
    reason = row.reason
    if reason in _HIDE_ERASED and not find_everywhere(session, crypto, address):
        row.reason, row.until = SuppressionReason.ERASED, None
        session.add(row)
    else:
        session.delete(row)
    session.flush()
    return reason


def find(session: Session, crypto: Crypto, address: str, *, for_update: bool = False) -> Suppression | None:
    """The row about this address, in force or not."""
    query = select(Suppression).where(col(Suppression.address_hash) == suppression_hash(crypto, address))
    if for_update:
        query = query.with_for_update().execution_options(populate_existing=True)
    return session.exec(query).first()


def is_suppressed(session: Session, crypto: Crypto, address: str, *, now: datetime) -> bool:
    """Whether this address may not be sent what the sign-up form sends. (An erased person may sign up again.)"""
    hashed = suppression_hash(crypto, address)
    block = blocks(session, [hashed], now=now).get(hashed)
    return block is not None and block.sign_up


def blocks(session: Session, hashes: Collection[bytes], *, now: datetime) -> dict[bytes, Block]:
    """What is blocked for which of these suppression hashes, in one query; those not in the answer are free."""
    if not hashes:
        return {}
    answer = {}
    for address_hash, reason, until in session.connection().execute(
        _held(session.get_bind().dialect.name), {"hashes": list(hashes)}
    ):
        erased = reason is SuppressionReason.ERASED
        in_force = until > now if until is not None else not erased
        if in_force or erased:
            wanted_none = reason in (SuppressionReason.BOUNCED, SuppressionReason.COMPLAINED)
            answer[address_hash] = Block(sign_up=in_force, editions=in_force and wanted_none)
    return answer


@cache
def _held(dialect: str) -> sa.Select[bytes, SuppressionReason, datetime | None]:
    """Built once: it runs for every hundred messages."""
    return sa.select(col(Suppression.address_hash), col(Suppression.reason), col(Suppression.until)).where(
        one_of(col(Suppression.address_hash), "hashes", dialect)
    )


#: Reasons that take the place of `ERASED` when both are true (`_STRENGTH`).
_HIDE_ERASED = (SuppressionReason.BOUNCED, SuppressionReason.COMPLAINED)

_Held = tuple[SuppressionReason, datetime | None]

#: From the reason that blocks least to the one that blocks most.
_STRENGTH = (
    SuppressionReason.NOT_REQUESTED,
    SuppressionReason.ERASED,
    SuppressionReason.BOUNCED,
    SuppressionReason.COMPLAINED,
)


def _stronger(one: _Held, other: _Held) -> _Held:
    """What is left when both are true. An ERASED row may carry a date too: imports for ever, the form until then."""
    erased = SuppressionReason.ERASED
    for_ever = [reason for reason, until in (one, other) if until is None and reason is not erased]
    if for_ever:
        return max(for_ever, key=_STRENGTH.index), None
    until = max((until for _reason, until in (one, other) if until is not None), default=None)
    reasons = (one[0], other[0])
    return erased if erased in reasons else max(reasons, key=_STRENGTH.index), until
