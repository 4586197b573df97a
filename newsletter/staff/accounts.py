"""Staff accounts: who may write, approve, administer and protect data. Addresses are sealed like everybody else's."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.core import addresses
from newsletter.core.crypto import Crypto
from newsletter.core.db import insert
from newsletter.core.errors import InvalidInput, NotFound
from newsletter.core.texts import visible
from newsletter.staff.models import Staff, StaffRole, StaffRoleHeld

LONGEST_NAME = 80


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


def roles_of(session: Session, staff_id: int, mailing_list_id: int | None = None) -> set[StaffRole]:
    """The roles somebody holds, for one mailing list where one is given; none when the account is switched off or not
    there."""
    return {
        held.role
        for held in held_by(session, staff_id)
        if mailing_list_id is None or held.mailing_list_id in (None, mailing_list_id)
    }


def switched_off(session: Session) -> list[int]:
    """Those whose accounts are switched off."""
    found = session.exec(select(Staff.id).where(col(Staff.is_active).is_(False)))
    return [staff_id for staff_id in found if staff_id is not None]


def names_of(session: Session, staff_ids: Iterable[int | None]) -> dict[int, str]:
    """What colleagues are called on the pages of staff."""
    wanted = {each for each in staff_ids if each is not None}
    found = session.exec(select(Staff.id, Staff.name).where(col(Staff.id).in_(wanted))) if wanted else ()
    return {staff_id: name or "Staff" for staff_id, name in found if staff_id is not None}


def has_role(session: Session, staff_id: int, role: StaffRole) -> bool:
    """Whether somebody may act in this role."""
    return role in roles_of(session, staff_id)


def make(session: Session, crypto: Crypto, email: str, *, name: str, now: datetime) -> Staff:
    """The account with this address, made where there is none, with this name. Raises `InvalidInput` when it is
    switched off."""
    address = addresses.parse(email)
    hashed = _email_hash(crypto, address)
    sealed = {"email_hash": hashed, "email_sealed": crypto.encrypt(address)}
    first = insert(session, Staff).values(**sealed, name="", is_active=True, created_at=now, totp_step=0)
    session.exec(first.on_conflict_do_nothing(index_elements=["email_hash"]))
    member = session.exec(select(Staff).where(col(Staff.email_hash) == hashed)).one()
    if not member.is_active:
        raise InvalidInput("The account with this address is switched off. Switch it on below.", field="email")
    assert member.id is not None
    rename(session, member.id, name)
    return member


def rename(session: Session, staff_id: int, name: str) -> None:
    """What colleagues see. Raises `InvalidInput`."""
    name = " ".join(visible(name).split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise InvalidInput(f"Enter a name of {LONGEST_NAME} characters or fewer.", field="name")
    member = by_id(session, staff_id)
    member.name = name
    session.add(member)
    session.flush()


def by_id(session: Session, staff_id: int) -> Staff:
    """Raises `NotFound`."""
    member = session.get(Staff, staff_id)
    if member is None:
        raise NotFound(f"There is no account {staff_id}.")
    return member


def has_joined(member: Staff) -> bool:
    """Whether they have set a password, or sign in through the directory."""
    return member.password_hash is not None or member.directory_hash is not None


def first_to_join(session: Session) -> int | None:
    """The administrator who was added first, as long as none has joined; None: one has, or there is none."""
    admins = session.exec(
        select(Staff)
        .join(StaffRoleHeld, col(StaffRoleHeld.staff_id) == col(Staff.id))
        .where(col(StaffRoleHeld.role) == StaffRole.ADMIN, col(Staff.is_active))
        .order_by(col(Staff.id))
    ).all()
    return admins[0].id if admins and not any(has_joined(each) for each in admins) else None


def give(session: Session, staff_id: int, held: Held) -> None:
    """Give a role. Repeatable."""
    if held not in held_by(session, staff_id):
        session.add(
            StaffRoleHeld(
                staff_id=staff_id, role=held.role, mailing_list_id=held.mailing_list_id, partner_id=held.partner_id
            )
        )
        session.flush()


def take(session: Session, staff_id: int, held: Held) -> None:
    """Take a role back. Repeatable."""
    columns = (col(StaffRoleHeld.mailing_list_id), col(StaffRoleHeld.partner_id))
    wanted = (held.mailing_list_id, held.partner_id)
    session.execute(
        sa.delete(StaffRoleHeld).where(
            col(StaffRoleHeld.staff_id) == staff_id,
            col(StaffRoleHeld.role) == held.role,
            *(
                column.is_(None) if value is None else column == value
                for column, value in zip(columns, wanted, strict=True)
            ),
        )
    )


def all_held(session: Session) -> dict[int, list[Held]]:
    """The roles of every account, each once, in a fixed order."""
    found: dict[int, list[Held]] = {}
    for row in session.exec(select(StaffRoleHeld).order_by(col(StaffRoleHeld.id))):
        held = Held(row.role, row.mailing_list_id, row.partner_id)
        if held not in found.setdefault(row.staff_id, []):
            found[row.staff_id].append(held)
    return found


def email_of(crypto: Crypto, staff: Staff) -> str:
    """The address of an account, to be shown to its owner and to administrators."""
    return crypto.decrypt(staff.email_sealed)


def _email_hash(crypto: Crypto, address: str) -> bytes:
    return crypto.keyed_hash(addresses.look_up_form(address), context="staff")
