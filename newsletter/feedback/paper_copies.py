"""Requests for an edition by post (REQ-90): who wants which, in what format. No email address is needed."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from newsletter.core.crypto import Crypto
from newsletter.core.errors import NotFound
from newsletter.feedback.models import PaperCopy, PaperFormat

NAME_LENGTH = 120
ADDRESS_LENGTH = 400


@dataclass(frozen=True, slots=True)
class Envelope:
    """A request as the person who posts it needs it."""

    id: int
    edition_id: int
    format: PaperFormat
    name: str
    address: str  # several lines
    asked_at: datetime


def ask(
    session: Session,
    crypto: Crypto,
    *,
    edition_id: int,
    format: PaperFormat,
    name: str,
    address: str,
    now: datetime,
) -> PaperCopy:
    """Keep a request until it was posted, and a little longer (`newsletter.feedback.retention`)."""
    row = PaperCopy(
        edition_id=edition_id,
        format=format,
        name_sealed=crypto.encrypt(name),
        address_sealed=crypto.encrypt(address),
        asked_at=now,
    )
    session.add(row)
    session.flush()
    return row


def to_post(session: Session, crypto: Crypto) -> list[Envelope]:
    """What has not been posted, oldest first."""
    rows = session.exec(select(PaperCopy).where(col(PaperCopy.done_at).is_(None)).order_by(col(PaperCopy.id)))
    return [
        Envelope(
            id=row.id,
            edition_id=row.edition_id,
            format=row.format,
            name=crypto.decrypt(row.name_sealed),
            address=crypto.decrypt(row.address_sealed),
            asked_at=row.asked_at,
        )
        for row in rows
        if row.id is not None
    ]


def done(session: Session, paper_copy_id: int, *, now: datetime) -> None:
    """Note that it was posted. Repeatable: the first time counts. Raises `NotFound`."""
    row = session.get(PaperCopy, paper_copy_id)
    if row is None:
        raise NotFound(f"There is no request {paper_copy_id} for a paper copy.")
    row.done_at = row.done_at or now
    session.flush()
