"""Staff accounts, the roles they hold, and the keys by which programs of theirs use the API."""

import enum
from datetime import date, datetime

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


class KeyScope(enum.StrEnum):
    """What a key may be used for."""

    SUBSCRIBE = "subscribe"
    UPDATES_READ = "updates:read"
    UPDATES_WRITE = "updates:write"


class ApiKey(Table, table=True):
    """A key of the API. Of its secret only a keyed hash is kept; `prefix` is the part that may be shown and logged."""

    __tablename__ = "api_key"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=80)  # the program that uses it: "council website"
    prefix: str = Field(unique=True, max_length=16)
    secret_hash: bytes
    scopes: str = Field(max_length=200)  # `KeyScope` values, a space between
    staff_id: int = Field(foreign_key="staff.id")  # who answers for what is done with it
    created_at: datetime
    last_used_on: date | None = None  # the day, in UTC: enough to find keys that nobody uses
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    spent_until: datetime | None = None  # up to when the requests made so far have used up what the key may make


class ApiAnswer(Table, table=True):
    """The answer to a request that carried an Idempotency-Key, so that sending it again does nothing again."""

    __tablename__ = "api_answer"
    __table_args__ = (sa.UniqueConstraint("api_key_id", "request_key_hash"),)

    id: int | None = Field(default=None, primary_key=True)
    api_key_id: int = Field(foreign_key="api_key.id")
    request_key_hash: bytes
    body_hash: bytes
    answer: str  # JSON
    created_at: datetime = Field(index=True)
