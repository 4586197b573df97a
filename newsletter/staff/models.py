"""Staff accounts and the roles they hold."""

import enum
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from newsletter.core.db import Table, enum_type


class StaffRole(enum.StrEnum):
    AUTHOR = "author"
    APPROVER = "approver"
    ADMIN = "admin"
    DPO = "dpo"


class Staff(Table, table=True):
    __tablename__ = "staff"

    id: int | None = Field(default=None, primary_key=True)
    email_hash: bytes = Field(unique=True)
    email_sealed: bytes
    is_active: bool = True
    created_at: datetime


class StaffRoleHeld(Table, table=True):
    """One role held by one member of staff."""

    __tablename__ = "staff_role"
    __table_args__ = (sa.UniqueConstraint("staff_id", "role"),)

    id: int | None = Field(default=None, primary_key=True)
    staff_id: int = Field(foreign_key="staff.id")
    role: StaffRole = Field(sa_type=enum_type(StaffRole))
