"""Staff accounts: repeatable to add, found by address, sealed at rest."""

import pytest
from sqlmodel import select

from newsletter.core.errors import InvalidInput, NotFound
from newsletter.core.runtime import Runtime
from newsletter.staff import accounts
from newsletter.staff.models import Staff, StaffRole, StaffRoleHeld

EMAIL = "author@example.org"


def add(runtime: Runtime, *roles: StaffRole, email: str = EMAIL) -> int:
    with runtime.db.transaction() as session:
        staff = accounts.add(session, runtime.crypto, email, roles=roles, now=runtime.clock.now())
        assert staff.id is not None
        return staff.id


def test_adding_twice_adds_the_roles(runtime: Runtime) -> None:
    first = add(runtime, StaffRole.AUTHOR)
    assert add(runtime, StaffRole.AUTHOR, StaffRole.APPROVER, email=" Author@EXAMPLE.org ") == first
    with runtime.db.reading() as session:
        assert accounts.roles_of(session, first) == {StaffRole.AUTHOR, StaffRole.APPROVER}
        assert accounts.has_role(session, first, StaffRole.APPROVER)
        assert not accounts.has_role(session, first, StaffRole.DPO)
        assert len(session.exec(select(StaffRoleHeld)).all()) == 2


def test_an_account_is_found_by_its_address_which_is_sealed(runtime: Runtime) -> None:
    staff_id = add(runtime, StaffRole.DPO)
    with runtime.db.reading() as session:
        staff = accounts.find(session, runtime.crypto, "AUTHOR@example.org")
        assert staff.id == staff_id
        assert accounts.email_of(runtime.crypto, staff) == EMAIL
        assert b"author" not in staff.email_sealed + staff.email_hash
        with pytest.raises(NotFound, match="staff add"):
            accounts.find(session, runtime.crypto, "nobody@example.org")


def test_a_switched_off_account_is_as_good_as_none_until_it_is_added_again(runtime: Runtime) -> None:
    staff_id = add(runtime, StaffRole.APPROVER)
    with runtime.db.transaction() as session:
        staff = session.get(Staff, staff_id)
        assert staff is not None
        staff.is_active = False
    with runtime.db.reading() as session:
        assert accounts.roles_of(session, staff_id) == set()
        with pytest.raises(NotFound):
            accounts.find(session, runtime.crypto, EMAIL)
    assert add(runtime, StaffRole.AUTHOR) == staff_id
    with runtime.db.reading() as session:
        assert accounts.has_role(session, staff_id, StaffRole.AUTHOR)


def test_what_is_no_address_or_no_role_is_refused(runtime: Runtime) -> None:
    with pytest.raises(InvalidInput) as caught:
        add(runtime, StaffRole.AUTHOR, email="not an address")
    assert caught.value.field == "email"
    with pytest.raises(InvalidInput, match="author, approver, partner approver, admin, dpo"):
        add(runtime)
    with runtime.db.reading() as session:
        assert session.exec(select(Staff)).all() == []
        assert accounts.roles_of(session, 77) == set()
