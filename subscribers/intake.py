"""The letter box of the sign-up forms: what was asked for is put in here and dealt with a moment later.

The page writes one row of the same shape for every address and looks nothing up, so that nobody can tell from its
answer or its time who is on a list (REQ-04). What is to become of the row is found out behind the page's back.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core import addresses
from newsletter.core.crypto import Crypto
from subscribers import handing_over, lists
from subscribers.details import Details, checked, details_of
from subscribers.models import Intake, Subscriber
from subscribers.signup import Requested, request_for

#: What lies here for longer is thrown away: an answer to a form of last week would puzzle more than it helps.
KEPT_FOR = timedelta(days=7)


def put_in(
    session: Session,
    crypto: Crypto,
    *,
    mailing_list_id: int,
    address: str,
    details: Details | None = None,
    source: str = "web form",
    now: datetime,
) -> None:
    """Keep one form until it is dealt with. Raises `InvalidInput` for the address or the details, `NotFound` for the
    list."""
    allowed = checked(session, lists.by_id(session, mailing_list_id).audience, details)
    _put_in(session, crypto, mailing_list_id, address, allowed, source, now)


def put_in_for(
    session: Session, crypto: Crypto, subscriber: Subscriber, address: str, *, is_hand_over: bool, now: datetime
) -> None:
    """Keep a form in which a subscriber asks for another address in place of theirs, their own or (`is_hand_over`) a
    colleague's, with the details they have, however complete. Raises `InvalidInput` for the address."""
    _put_in(
        session,
        crypto,
        subscriber.mailing_list_id,
        address,
        details_of(subscriber),
        "handed over" if is_hand_over else "change of address",
        now,
        replaces_id=subscriber.id,
        is_hand_over=is_hand_over,
    )


def _put_in(
    session: Session,
    crypto: Crypto,
    mailing_list_id: int,
    address: str,
    allowed: Details,
    source: str,
    now: datetime,
    *,
    replaces_id: int | None = None,
    is_hand_over: bool = False,
) -> None:
    address = addresses.parse(address)
    session.add(
        Intake(
            mailing_list_id=mailing_list_id,
            address_sealed=crypto.encrypt(address),
            role=allowed.role,
            school_urn=allowed.school_urn,
            setting_name=allowed.setting_name,
            phase=allowed.phase,
            replaces_id=replaces_id,
            is_hand_over=is_hand_over,
            source=source,
            received_at=now,
        )
    )
    session.flush()


def waiting(session: Session, *, now: datetime, after_id: int = 0, rows_at_most: int = 100) -> list[int]:
    """The next forms that wait, in the order in which they came."""
    query = select(Intake.id).where(col(Intake.id) > after_id, col(Intake.received_at) > now - KEPT_FOR)
    return [id_ for id_ in session.exec(query.order_by(col(Intake.id)).limit(rows_at_most)) if id_ is not None]


def take_out(session: Session, crypto: Crypto, intake_id: int, *, now: datetime) -> tuple[int, Requested] | None:
    """Do what one form asks for, as `signup.request` does, and forget it: the mailing list, and which letter is due.

    None when another clock has it or had it. A form counts from the moment it is dealt with.
    """
    query = select(Intake).where(col(Intake.id) == intake_id).with_for_update(skip_locked=True)
    row = session.exec(query).first()
    if row is None:
        return None
    session.delete(row)
    requested = request_for(
        session,
        crypto,
        row.mailing_list_id,
        crypto.decrypt(row.address_sealed),
        Details(row.role, row.school_urn, row.setting_name, row.phase),
        row.source,
        now,
        replaces_id=None if row.is_hand_over else row.replaces_id,
    )
    if row.is_hand_over and row.replaces_id is not None:
        requested = handing_over.note(session, requested, giver_id=row.replaces_id)
    return row.mailing_list_id, requested


def throw_away_old(session: Session, *, now: datetime) -> None:
    """Delete what nobody could deal with in time."""
    session.exec(sa.delete(Intake).where(col(Intake.received_at) <= now - KEPT_FOR))
