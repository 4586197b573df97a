"""Taking a mailing list out needs two people (REQ-36): one asks and says why, somebody else agrees, and the first may
fetch it once, within a day.

Which roles may do what is for the pages to know. The rows go after a month; the audit log keeps what was done.
"""

import enum
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core.errors import InvalidInput, NotAllowed, NotFound, WrongState
from newsletter.core.texts import visible
from subscribers import lists
from subscribers.models import ExportRequest

REASON_LENGTH = 500
#: A request that nobody decides about, and one that was agreed to, are good for so long.
DECIDED_WITHIN, FETCHED_WITHIN = timedelta(days=7), timedelta(days=1)
KEPT_FOR = timedelta(days=30)


class Standing(enum.StrEnum):
    WAITS = "waits"
    AGREED = "agreed"
    REFUSED = "refused"
    FETCHED = "fetched"
    EXPIRED = "expired"


def standing(row: ExportRequest, now: datetime) -> Standing:
    """Where a request stands at this moment."""
    if row.downloaded_at is not None:
        return Standing.FETCHED
    if row.decided_at is None:
        return Standing.WAITS if now < row.asked_at + DECIDED_WITHIN else Standing.EXPIRED
    if not row.is_approved:
        return Standing.REFUSED
    return Standing.AGREED if now < row.decided_at + FETCHED_WITHIN else Standing.EXPIRED


def ask(session: Session, *, mailing_list_id: int, reason: str, staff_id: int, now: datetime) -> ExportRequest:
    """Ask for a list. Raises `InvalidInput` for the reason, `NotFound` for the list."""
    reason = " ".join(visible(reason).split())
    if not reason:
        raise InvalidInput("Say why this list must leave, and where it goes", field="reason")
    if len(reason) > REASON_LENGTH:
        raise InvalidInput(f"The reason must be {REASON_LENGTH} characters or fewer", field="reason")
    lists.by_id(session, mailing_list_id)
    row = ExportRequest(mailing_list_id=mailing_list_id, reason=reason, asked_by=staff_id, asked_at=now)
    session.add(row)
    session.flush()
    return row


def find(session: Session, request_id: int, *, for_update: bool = False) -> ExportRequest:
    """Raises `NotFound`."""
    row = session.get(ExportRequest, request_id, with_for_update=for_update or None, populate_existing=for_update)
    if row is None:
        raise NotFound("There is no such request for an export.")
    return row


def newest(session: Session, mailing_list_ids: Collection[int], *, limit: int = 50) -> Sequence[ExportRequest]:
    """Requests about these lists, newest first."""
    return session.exec(
        select(ExportRequest)
        .where(col(ExportRequest.mailing_list_id).in_(mailing_list_ids))
        .order_by(col(ExportRequest.id).desc())
        .limit(limit)
    ).all()


def decide(session: Session, request_id: int, *, agrees: bool, staff_id: int, now: datetime) -> ExportRequest:
    """Agree or refuse. Raises `NotFound`, `NotAllowed` for whoever asked, `WrongState` when it waits no longer."""
    row = find(session, request_id, for_update=True)
    if row.asked_by == staff_id:
        raise NotAllowed("Somebody else must decide about this.")
    if standing(row, now) is not Standing.WAITS:
        raise WrongState("This request waits for nobody any more.")
    row.is_approved, row.decided_by, row.decided_at = agrees, staff_id, now
    session.add(row)
    session.flush()
    return row


def fetch(session: Session, request_id: int, *, staff_id: int, now: datetime) -> ExportRequest:
    """Note that the list is fetched: by whoever asked, once, in time. Raises `NotFound`, `NotAllowed`, `WrongState`."""
    row = find(session, request_id, for_update=True)
    if row.asked_by != staff_id:
        raise NotAllowed("Only who asked for a list can fetch it.")
    if standing(row, now) is not Standing.AGREED:
        raise WrongState("This list cannot be fetched: it can be once, within a day after somebody agreed. Ask again.")
    row.downloaded_at = now
    session.add(row)
    session.flush()
    return row


def forget(session: Session, *, now: datetime) -> int:
    """Delete old requests; how many. Repeatable."""
    old = sa.delete(ExportRequest).where(col(ExportRequest.asked_at) <= now - KEPT_FOR)
    return session.exec(old).rowcount
