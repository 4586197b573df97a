"""Complaints about how personal data is used: taken, acknowledged within 30 days, closed with an outcome.

Data Protection Act 2018, section 164A (from the Data (Use and Access) Act 2025, section 103). What was written and how
to answer are sealed; the reference is what both sides call a complaint by.
"""

import re
import secrets
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, select

from newsletter.core.crypto import Crypto
from newsletter.core.errors import InvalidInput, NotFound, WrongState
from newsletter.feedback.models import DataComplaint

TEXT_LENGTH = 4000
CONTACT_LENGTH = 300
OUTCOME_LENGTH = 2000

#: What the law allows for saying that a complaint has arrived.
ACKNOWLEDGE_WITHIN = timedelta(days=30)
#: An open complaint is urgent when so few days are left.
URGENT_DAYS = 5

#: Letters and digits that nobody takes for one another, on paper or on the phone: no 0 O, 1 I L, 5 S, 8 B, U V.
_SIGNS = "234679ACDEFGHJKMNPQRTWXYZ"
_PARTS, _PART_LENGTH = 2, 4


def take(session: Session, crypto: Crypto, *, text: str, contact: str, now: datetime, today: date) -> DataComplaint:
    """Keep a complaint; `contact` may be empty. Its reference cannot be guessed from another."""
    row = DataComplaint(
        reference=_new_reference(session),
        received_at=now,
        acknowledge_by=today + ACKNOWLEDGE_WITHIN,
        text_sealed=crypto.encrypt(text),
        contact_sealed=crypto.encrypt(contact) if contact else None,
    )
    session.add(row)
    session.flush()
    return row


def find(session: Session, reference: str) -> DataComplaint:
    """The complaint with this reference, however it was typed. Raises `NotFound`."""
    signs = "".join(each for each in reference.upper() if each.isalnum() and each.isascii())
    wanted = f"{signs[:2]}-{signs[2:6]}-{signs[6:]}"
    row = session.exec(select(DataComplaint).where(col(DataComplaint.reference) == wanted)).first()
    if row is None:
        raise NotFound("There is no complaint with this reference.")
    return row


def all_complaints(session: Session) -> list[DataComplaint]:
    """Open ones first, by the day they must be acknowledged; then closed ones, the last closed first."""
    rows = session.exec(select(DataComplaint).order_by(col(DataComplaint.acknowledge_by), col(DataComplaint.id))).all()
    is_open = [row for row in rows if row.closed_at is None]
    closed = sorted(((row.closed_at, row.reference, row) for row in rows if row.closed_at is not None), reverse=True)
    return is_open + [row for _, _, row in closed]


def acknowledge(session: Session, reference: str, *, now: datetime) -> DataComplaint:
    """Note that the person was told we have it. Repeatable: the first time counts. Raises `NotFound`."""
    row = find(session, reference)
    row.acknowledged_at = row.acknowledged_at or now
    session.flush()
    return row


def close(session: Session, reference: str, outcome: str, *, now: datetime) -> DataComplaint:
    """Note what came of it. Raises `NotFound`, `InvalidInput` for the outcome, `WrongState` when it is closed."""
    outcome = outcome.strip()
    if not outcome:
        raise InvalidInput("Say what came of it: --outcome TEXT.", field="outcome")
    if len(outcome) > OUTCOME_LENGTH:
        raise InvalidInput(f"The outcome must be {OUTCOME_LENGTH:,} characters or fewer.", field="outcome")
    row = find(session, reference)
    if row.closed_at is not None:
        raise WrongState("This complaint is closed already.")
    row.outcome, row.closed_at, row.acknowledged_at = outcome, now, row.acknowledged_at or now
    session.flush()
    return row


def days_left(row: DataComplaint, today: date) -> int | None:
    """Days until it must be acknowledged, negative when overdue; None when it was, or is closed."""
    return None if row.acknowledged_at or row.closed_at else (row.acknowledge_by - today).days


def clock(row: DataComplaint, today: date) -> str:
    """Where it stands, in words."""
    if row.closed_at is not None:
        return "closed"
    left = days_left(row, today)
    if left is None:
        return "acknowledged, open"
    if left < 0:
        return f"OVERDUE by {-left} {'day' if left == -1 else 'days'}"
    return "acknowledge today" if left == 0 else f"{left} {'day' if left == 1 else 'days'} left to acknowledge"


def urgent(session: Session, today: date) -> list[DataComplaint]:
    """Those that must be acknowledged within days, or should have been."""
    rows = session.exec(
        select(DataComplaint)
        .where(
            col(DataComplaint.acknowledged_at).is_(None),
            col(DataComplaint.acknowledge_by) <= today + timedelta(days=URGENT_DAYS),
        )
        .order_by(col(DataComplaint.acknowledge_by))
    )
    return list(rows)


def by_contact(session: Session, crypto: Crypto, contact: str) -> list[DataComplaint]:
    """The complaints in whose contact this email address stands, for somebody who asks what is held about them.

    Opens every contact there is: complaints are few, and no hash of a contact is kept.
    """
    is_in = re.compile(rf"(?<![\w.+'-]){re.escape(contact.strip())}(?![\w-]|\.\w)", re.IGNORECASE).search
    rows = session.exec(select(DataComplaint).where(col(DataComplaint.contact_sealed).is_not(None)))
    return [row for row in rows if row.contact_sealed and is_in(crypto.decrypt(row.contact_sealed))]


def as_told(row: DataComplaint, crypto: Crypto) -> dict[str, str | None]:
    """What is held of a complaint, for the person who made it."""
    return {
        "reference": row.reference,
        "received_at": row.received_at.isoformat(),
        "text": crypto.decrypt(row.text_sealed) if row.text_sealed else None,
        "contact": crypto.decrypt(row.contact_sealed) if row.contact_sealed else None,
        "outcome": row.outcome,
    }


def erase_contact(session: Session, crypto: Crypto, contact: str) -> tuple[int, int]:
    """Empty closed complaints with this contact; how many, and how many stay because they are still open: the law
    wants those answered."""
    rows = by_contact(session, crypto, contact)
    closed = [row for row in rows if row.closed_at is not None]
    for row in closed:
        row.text_sealed = row.contact_sealed = None
    session.flush()
    return len(closed), len(rows) - len(closed)


def _new_reference(session: Session) -> str:
    """25^8 possible ones: 150 thousand million. Whoever guesses learns only dates."""
    while True:
        parts = ("".join(secrets.choice(_SIGNS) for _ in range(_PART_LENGTH)) for _ in range(_PARTS))
        reference = "-".join(("DC", *parts))
        if session.exec(select(DataComplaint.id).where(col(DataComplaint.reference) == reference)).first() is None:
            return reference
