"""How long what is kept (UK GDPR, article 5(1)(e)): one table of periods, which the data protection officer may change.

Each period has a default and bounds: below the lower one something would break that people were promised (a link that
works for seven days), above the upper one nobody could justify it. The daily sweep removes what has had its time, and
leaves a note of when it last did.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Field, Session, select

from newsletter.core.db import Table, insert
from newsletter.core.errors import InvalidInput


class Period(enum.StrEnum):
    """What is kept for a time."""

    PENDING = "pending"
    ADDRESS_AFTER_END = "address-after-end"
    ROW_AFTER_END = "row-after-end"
    DELIVERIES = "deliveries"
    UNKNOWN_DELIVERIES = "unknown-deliveries"
    FEEDBACK = "feedback"
    COMPLAINTS = "complaints"
    PAPER_COPIES = "paper-copies"
    PAPER_COPIES_AT_MOST = "paper-copies-at-most"


@dataclass(frozen=True, slots=True)
class Rule:
    """In days: what holds when nobody decides, and between what one may choose."""

    words: str  # for people, in lower case
    default: int
    at_least: int
    at_most: int


RULES: Mapping[Period, Rule] = {
    # The link in the confirmation works for 7 days; an expired one is renewed with a button while the row is there.
    Period.PENDING: Rule("a sign-up that nobody confirms", 7, 7, 28),
    # Coming back with one button is promised for 28 days.
    Period.ADDRESS_AFTER_END: Rule("the address of somebody who stopped or cannot be reached", 28, 28, 90),
    Period.ROW_AFTER_END: Rule("that somebody once said yes, without their address", 365, 90, 2190),
    # A bounce may take five days; until then the row is what it is counted by.
    Period.DELIVERIES: Rule("which edition was sent to whom, one by one", 7, 7, 90),
    Period.UNKNOWN_DELIVERIES: Rule("the same where nobody knows whether it arrived", 28, 7, 90),
    Period.FEEDBACK: Rule("the words of feedback; that there was some, and about what, stays", 730, 90, 2190),
    Period.COMPLAINTS: Rule("a complaint and its contact after it was closed; its outcome stays", 365, 90, 2190),
    Period.PAPER_COPIES: Rule("a postal address after the paper copy was posted", 28, 1, 90),
    Period.PAPER_COPIES_AT_MOST: Rule("a postal address, posted to or not", 90, 28, 180),
}


class KeptPeriod(Table, table=True):
    """A period that is not the default, and who decided so."""

    __tablename__ = "kept_period"

    name: str = Field(primary_key=True, max_length=40)
    days: int
    set_at: datetime
    set_by: int | None = Field(default=None, foreign_key="staff.id")


class SweepRun(Table, table=True):
    """When the sweep last came to its end: one row."""

    __tablename__ = "sweep_run"

    id: int = Field(default=1, primary_key=True)
    at: datetime


def all_periods(session: Session) -> dict[Period, timedelta]:
    """Every period as it holds now."""
    chosen = {row.name: row.days for row in session.exec(select(KeptPeriod))}
    return {period: timedelta(days=chosen.get(period.value, rule.default)) for period, rule in RULES.items()}


def change(session: Session, period: Period, days: int, *, staff_id: int, now: datetime) -> None:
    """Decide a period, in days. Repeatable. Raises `InvalidInput` when it is out of bounds."""
    rule = RULES[period]
    if not rule.at_least <= days <= rule.at_most:
        raise InvalidInput(
            f"Choose between {rule.at_least} and {rule.at_most:,} days for {rule.words} (default: {rule.default}).",
            field="days",
        )
    decided = {"days": days, "set_at": now, "set_by": staff_id}
    statement = insert(session, KeptPeriod).values(name=period.value, **decided)
    session.exec(statement.on_conflict_do_update(index_elements=["name"], set_=decided))


def note_sweep(session: Session, *, now: datetime) -> None:
    """Note that everything that has had its time is gone."""
    session.exec(
        insert(session, SweepRun).values(id=1, at=now).on_conflict_do_update(index_elements=["id"], set_={"at": now})
    )


def last_sweep(session: Session) -> datetime | None:
    """When that was last; None before the first time."""
    row = session.get(SweepRun, 1)
    return row.at if row else None
