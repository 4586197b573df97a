"""The copies of an edition that a person has to look at: those of which nobody knows what became of them, and those
that could not be delivered. No address is ever read here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core.errors import WrongState
from newsletter.delivery import ledger
from newsletter.delivery.models import Delivery, DeliveryState
from newsletter.editions import freezing, moves
from newsletter.editions.models import EditionState

#: Unknown copies on one page.
PAGE = 50
#: Kinds of failure that are told apart; rarer ones are left out.
MOST_KINDS = 20

_DECIDED = {True: "are sent again", False: "stay as they are"}


@dataclass(frozen=True, slots=True)
class UnknownCopy:
    """One copy, without whose it is."""

    delivery_id: int
    at: datetime | None
    tries: int
    detail: str  # what is known, addresses scrubbed
    can_be_sent: bool  # the reader was not erased meanwhile


@dataclass(frozen=True, slots=True)
class Failure:
    """How many copies failed for one reason, in the words of the mail server's own code."""

    state: DeliveryState
    code: str  # "5.1.1", or empty
    number: int


def unknown(session: Session, edition_id: int, *, after_id: int = 0) -> Sequence[UnknownCopy]:
    """A page of the unknown copies of an edition, in the order in which they were queued, those after an id."""
    found = session.execute(
        sa.select(
            col(Delivery.id),
            col(Delivery.finished_at),
            col(Delivery.attempts),
            col(Delivery.detail),
            col(Delivery.subscriber_id).is_not(None),
        )
        .where(
            col(Delivery.edition_id) == edition_id,
            col(Delivery.state) == DeliveryState.UNKNOWN,
            col(Delivery.id) > after_id,
        )
        .order_by(col(Delivery.id))
        .limit(PAGE)
    )
    return [UnknownCopy(id_, at, tries, detail or "", bool(can)) for id_, at, tries, detail, can in found]


def failures(session: Session, edition_id: int) -> Sequence[Failure]:
    """Refused and returned copies by reason, the most frequent first, while their rows are kept (REQ-33)."""
    code = sa.func.coalesce(col(Delivery.code), "")
    number = sa.func.count()
    found = session.execute(
        select(Delivery.state, code, number)
        .where(
            col(Delivery.edition_id) == edition_id,
            col(Delivery.state).in_((DeliveryState.REJECTED, DeliveryState.BOUNCED)),
        )
        .group_by(col(Delivery.state), code)
        .order_by(number.desc(), code)
        .limit(MOST_KINDS)
    )
    return [Failure(DeliveryState(state), said, how_many) for state, said, how_many in found]


def decide(session: Session, edition_id: int, *, send_again: bool, now: datetime, staff_id: int) -> int:
    """Carry out a person's decision about the unknown copies, and note it; how many it is about.

    Raises `NotFound`, `WrongState` (the edition was cancelled, has not gone out, or can no longer be made as it was
    approved: a picture in it was deleted).
    """
    edition = moves.read(session, edition_id)
    if edition.state not in (EditionState.SENDING, EditionState.PAUSED, EditionState.SENT):
        raise WrongState(f"Edition {edition.number} is not being sent, so that no copy of it can be sent again.")
    if send_again:
        freezing.verify_approved(session, edition)
    number = ledger.decide_unknown(session, edition_id, send_again=send_again, now=now)
    if number:
        sentence = f"{number:,} copies nobody knows about {_DECIDED[send_again]}"
        moves.note(session, edition, "decide", sentence, now=now, staff_id=staff_id)
    return number
