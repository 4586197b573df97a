"""Staff accounts, the roles they hold, how they sign in, what they did, and the keys by which programs of theirs use
the API."""

import enum
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from newsletter.core.db import Table, enum_type


class StaffRole(enum.StrEnum):
    AUTHOR = "author"
    APPROVER = "approver"
    PARTNER_APPROVER = "partner approver"  # approves the texts of one partner
    ADMIN = "admin"
    DPO = "dpo"


class Staff(Table, table=True):
    __tablename__ = "staff"

    id: int | None = Field(default=None, primary_key=True)
    email_hash: bytes = Field(unique=True)
    email_sealed: bytes
    name: str = Field(default="", max_length=80)  # shown to colleagues: "Communications officer"
    is_active: bool = True
    created_at: datetime
    password_hash: str | None = Field(default=None, max_length=200)  # argon2id; None: signs in elsewhere, or never did
    totp_secret_sealed: bytes | None = None
    totp_step: int = 0  # the last time step whose code was used: a code is good once
    directory_hash: bytes | None = Field(default=None, unique=True)  # keyed hash of who they are to the directory


class StaffRoleHeld(Table, table=True):
    """One role held by one member of staff: for one mailing list, or for all; for one partner's texts."""

    __tablename__ = "staff_role"
    # NULLs differ from each other, so that a role for everything can stand twice; that does no harm.
    __table_args__ = (sa.UniqueConstraint("staff_id", "role", "mailing_list_id", "partner_id"),)

    id: int | None = Field(default=None, primary_key=True)
    staff_id: int = Field(foreign_key="staff.id")
    role: StaffRole = Field(sa_type=enum_type(StaffRole))
    mailing_list_id: int | None = Field(default=None, foreign_key="mailing_list.id")  # None: every list
    partner_id: int | None = Field(default=None, foreign_key="partner.id")  # of a partner approver


class StaffSession(Table, table=True):
    """A browser that somebody has signed in with. Of its cookie only a keyed hash is kept."""

    __tablename__ = "staff_session"

    id: int | None = Field(default=None, primary_key=True)
    token_hash: bytes = Field(unique=True)
    staff_id: int = Field(foreign_key="staff.id", index=True)
    is_whole: bool = False  # False: the password was right, the code is still to come
    created_at: datetime
    seen_at: datetime
    expires_at: datetime = Field(index=True)
    browser: str = Field(max_length=80)  # "Firefox on Linux", for the list of one's own sessions


class Invitation(Table, table=True):
    """A link by which somebody sets a password for the first time, or anew. Good once, for some days."""

    __tablename__ = "staff_invitation"

    id: int | None = Field(default=None, primary_key=True)
    token_hash: bytes = Field(unique=True)
    staff_id: int = Field(foreign_key="staff.id", index=True)
    totp_secret_sealed: bytes  # offered on its page; becomes the account's when it is used
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None


class RecoveryCode(Table, table=True):
    """Signs in once in place of a code, when the telephone is lost."""

    __tablename__ = "staff_recovery_code"

    id: int | None = Field(default=None, primary_key=True)
    staff_id: int = Field(foreign_key="staff.id", index=True)
    code_hash: bytes
    used_at: datetime | None = None


class AuditEntry(Table, table=True):
    """What a member of staff did. Each entry carries the hash of the one before it, so that none can be changed,
    taken out or put in unnoticed (REQ-85). Only `newsletter.staff.audit` writes here, and nobody changes a row."""

    __tablename__ = "audit_entry"

    id: int | None = Field(default=None, primary_key=True)
    number: int = Field(unique=True)  # 1, 2, 3 …: the chain
    at: datetime = Field(index=True)
    staff_id: int | None = Field(default=None, foreign_key="staff.id", index=True)  # None: nobody who is known
    action: str = Field(max_length=60)  # "sign in", "approve edition"
    about: str = Field(default="", max_length=120)  # "edition 12"; never a person's address
    detail: str = Field(default="", max_length=500)
    before_hash: bytes
    own_hash: bytes


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
