"""Staff accounts: who may write, approve, administer and protect data. Addresses are sealed like everybody else's."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from newsletter.core import addresses
from newsletter.core.crypto import Crypto
from newsletter.core.db import insert
from newsletter.core.errors import InvalidInput, NotFound
from newsletter.staff.models import Staff, StaffRole, StaffRoleHeld


@dataclass(frozen=True, slots=True)
class Held:
    """A role, and for what."""

    role: StaffRole
    mailing_list_id: int | None = None  # None: every list
    partner_id: int | None = None


def held_by(session: Session, staff_id: int) -> set[Held]:
    """The roles somebody holds, and for which lists and partners; none when the account is switched off."""
    found = session.exec(
        select(StaffRoleHeld)
        .join(Staff, col(Staff.id) == col(StaffRoleHeld.staff_id))
        .where(col(Staff.id) == staff_id, col(Staff.is_active).is_(True))
    )
    return {Held(row.role, row.mailing_list_id, row.partner_id) for row in found}


def add(session: Session, crypto: Crypto, email: str, *, roles: Iterable[StaffRole], now: datetime) -> Staff:
    """Give somebody an account with these roles. Repeatable: roles are added to those held, and an account that was
    switched off works again. Raises `InvalidInput`."""
    address = addresses.parse(email)
    wanted = set(roles)
    if not wanted:
        raise InvalidInput("Choose at least one role: " + ", ".join(StaffRole) + ".", field="role")
    session.exec(
        insert(session, Staff)
        .values(
            email_hash=_email_hash(crypto, address),
            email_sealed=crypto.encrypt(address),
            is_active=True,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["email_hash"])
    )
    staff = session.exec(select(Staff).where(col(Staff.email_hash) == _email_hash(crypto, address))).one()
    staff.is_active = True
    session.add(staff)
    session.flush()
    assert staff.id is not None
    for role in sorted(wanted - {held.role for held in held_by(session, staff.id) if held == Held(held.role)}):
        session.add(StaffRoleHeld(staff_id=staff.id, role=role))
    session.flush()
    return staff


def find(session: Session, crypto: Crypto, email: str) -> Staff:
    """The account in use with this address. Raises `NotFound` when there is none or it is switched off."""
    staff = session.exec(
        select(Staff).where(
            col(Staff.email_hash) == _email_hash(crypto, addresses.parse(email)), col(Staff.is_active).is_(True)
        )
    ).first()
    if staff is None:
        raise NotFound(
            "There is no staff account with this address. Add it with: newsletter staff add EMAIL --role ROLE"
        )
    return staff


def roles_of(session: Session, staff_id: int) -> set[StaffRole]:
    """The roles somebody holds; none when the account is switched off or not there."""
    return set(
        session.exec(
            select(col(StaffRoleHeld.role))
            .join(Staff, col(Staff.id) == col(StaffRoleHeld.staff_id))
            .where(col(Staff.id) == staff_id, col(Staff.is_active).is_(True))
        )
    )


def has_role(session: Session, staff_id: int, role: StaffRole) -> bool:
    """Whether somebody may act in this role."""
    return role in roles_of(session, staff_id)


def email_of(crypto: Crypto, staff: Staff) -> str:
    """The address of an account, to be shown to its owner and to administrators."""
    return crypto.decrypt(staff.email_sealed)


def _email_hash(crypto: Crypto, address: str) -> bytes:
    return crypto.keyed_hash(addresses.look_up_form(address), context="staff")
