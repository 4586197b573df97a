"""Mailing lists, the people on them, their consent, and the addresses that must not be mailed."""

import enum
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from newsletter.core.audience import Audience
from newsletter.core.db import Table, enum_type
from subscribers.school_words import words_of_row

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def _of_subscriber() -> sa.Column[int]:
    """The key of a table with at most one row for a subscriber, which goes when they do."""
    return sa.Column(_BIG, sa.ForeignKey("subscriber.id", ondelete="CASCADE"), primary_key=True, autoincrement=False)


class MailingList(Table, table=True):
    """One newsletter that people can ask for. A list is data: adding one needs no code."""

    __tablename__ = "mailing_list"

    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(unique=True, max_length=40)
    name: str = Field(max_length=120)  # "SEND news for parents and carers"
    audience: Audience = Field(sa_type=enum_type(Audience))
    summary: str  # one or two sentences for the home page
    frequency: str = Field(max_length=120)  # in words, for people: "about once a fortnight"
    sender_name: str = Field(max_length=120)
    sender_email: str = Field(max_length=254)
    reply_to: str = Field(max_length=254)  # a mailbox that people read
    lawful_basis: str = Field(max_length=40)  # "consent" or "public task"
    position: int = 0
    keep_trying_hours: int = 24  # how long a copy that a mail server puts off is tried again
    late_after_hours: int = 2  # an edition that could not go in time is held after this long, and a person is asked
    resend_once: bool = False  # where nobody can know whether a copy was sent: send a second one, never a third


class Wording(Table, table=True):
    """What a sign-up form says, word for word, in one version. Never changed once somebody has agreed to it.

    Versions count up from 1. A wording that came with an import was shown by some other system: it counts down from -1
    and is evidence only, never shown by our own form.
    """

    __tablename__ = "consent_wording"
    __table_args__ = (sa.UniqueConstraint("mailing_list_id", "version"),)

    id: int | None = Field(default=None, primary_key=True)
    mailing_list_id: int = Field(foreign_key="mailing_list.id")
    version: int
    text: str
    sha256: str = Field(max_length=64)
    used_from: datetime


class SubscriberState(enum.StrEnum):
    """`pending` asked, `confirmed` gets editions, `left` asked to stop, `held` was asked to stop by what may be a mail
    filter (`subscribers.bursts`), `suspended` cannot be reached."""

    PENDING = "pending"
    CONFIRMED = "confirmed"
    LEFT = "left"
    HELD = "held"
    SUSPENDED = "suspended"


class Role(enum.StrEnum):
    """What a professional does. Parents are never asked."""

    SENCO = "senco"
    HEAD = "head"
    TEACHER = "teacher"
    EARLY_YEARS = "early-years"
    HEALTH = "health"
    SOCIAL_CARE = "social-care"
    COUNCIL = "council"
    VOLUNTARY = "voluntary"
    OTHER = "other"


class Phase(enum.StrEnum):
    """Phase of education a professional works in."""

    EARLY_YEARS = "early-years"
    PRIMARY = "primary"
    SECONDARY = "secondary"
    SPECIAL = "special"
    POST_16 = "post-16"


class Subscriber(Table, table=True):
    """One address on one mailing list. An address on both lists is two rows that nothing connects.

    `address_hash` is keyed and differs from list to list; both it and `address_sealed` are emptied when the address is
    erased, and the row stays for a while as a fact without a person (UK GDPR, article 5(1)(e)).
    """

    __tablename__ = "subscriber"
    __table_args__ = (
        sa.UniqueConstraint("mailing_list_id", "address_hash"),
        sa.Index("ix_subscriber_recipients", "mailing_list_id", "state", "id"),
        sa.Index("ix_subscriber_ended_at", "ended_at"),
        # How lists grow is counted from these alone, without a look at the rows (`growth`, `movement`).
        sa.Index("ix_subscriber_asked", "mailing_list_id", "requested_at", "confirmed_at"),
        sa.Index("ix_subscriber_joined", "mailing_list_id", "confirmed_at", "state"),
        sa.Index("ix_subscriber_ended", "mailing_list_id", "ended_at", "state", "confirmed_at"),
        sa.Index(
            "ix_subscriber_pending",
            "requested_at",
            sqlite_where=sa.text("state = 'pending'"),
            postgresql_where=sa.text("state = 'pending'"),
        ),
        {"sqlite_autoincrement": True},  # a link in an old mail must never come to mean another person
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=_BIG)
    mailing_list_id: int = Field(foreign_key="mailing_list.id")
    address_hash: bytes | None = None
    address_sealed: bytes | None = None
    state: SubscriberState = Field(sa_type=enum_type(SubscriberState))
    requested_at: datetime
    reminded_at: datetime | None = None  # of this request
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None
    role: Role | None = Field(default=None, sa_type=enum_type(Role))
    school_urn: int | None = Field(default=None, foreign_key="school.urn")
    setting_name: str | None = Field(default=None, max_length=200)  # when the setting is not in the school register
    phase: Phase | None = Field(default=None, sa_type=enum_type(Phase))
    regular_only: bool = False  # no special editions, not even those of the topics chosen
    asked_at: datetime | None = None  # when a professional was last asked "is this still you?"
    asked_again_at: datetime | None = None  # when they were reminded of that question
    answered_at: datetime | None = None  # when they last answered it
    takes_over_from: int | None = Field(  # the colleague whose emails stop once this subscriber confirms
        default=None,
        sa_column=sa.Column(
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            sa.ForeignKey("subscriber.id", ondelete="SET NULL"),
            index=True,
        ),
    )


class Topic(Table, table=True):
    """Something that special editions of a mailing list are about, and that its subscribers may choose."""

    __tablename__ = "topic"
    __table_args__ = (sa.UniqueConstraint("mailing_list_id", "slug"),)

    id: int | None = Field(default=None, primary_key=True)
    mailing_list_id: int = Field(foreign_key="mailing_list.id")
    slug: str = Field(max_length=40)
    name: str = Field(max_length=120)  # "Early years"
    from_date: date
    until_date: date | None = None  # the last day it is offered


class SubscriberTopic(Table, table=True):
    """That a subscriber chose a topic. Nobody is ever enrolled in one."""

    __tablename__ = "subscriber_topic"

    subscriber_id: int = Field(
        sa_column=sa.Column(
            sa.BigInteger().with_variant(sa.Integer, "sqlite"),
            sa.ForeignKey("subscriber.id", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        )
    )
    topic_id: int = Field(
        sa_column=sa.Column(
            sa.Integer, sa.ForeignKey("topic.id", ondelete="CASCADE"), primary_key=True, autoincrement=False, index=True
        )
    )


class Intake(Table, table=True):
    """One sign-up form as it came in, while nothing has been looked up about its address. Lives for a second or so."""

    __tablename__ = "intake"

    id: int | None = Field(default=None, primary_key=True, sa_type=sa.BigInteger().with_variant(sa.Integer, "sqlite"))
    mailing_list_id: int = Field(foreign_key="mailing_list.id")
    address_sealed: bytes
    role: Role | None = Field(default=None, sa_type=enum_type(Role))
    school_urn: int | None = Field(default=None, foreign_key="school.urn")
    setting_name: str | None = Field(default=None, max_length=200)
    phase: Phase | None = Field(default=None, sa_type=enum_type(Phase))
    replaces_id: int | None = Field(  # whose place the address is to take
        default=None,
        sa_column=sa.Column(
            sa.BigInteger().with_variant(sa.Integer, "sqlite"), sa.ForeignKey("subscriber.id", ondelete="CASCADE")
        ),
    )
    is_hand_over: bool = False  # a colleague's address, and not another one of the same person
    source: str = Field(max_length=200)
    received_at: datetime


class BurstDecision(enum.StrEnum):
    OBEYED = "obeyed"  # they left
    DISMISSED = "dismissed"  # nobody wanted to leave: their emails go on


class LeaveBurst(Table, table=True):
    """Many leaves from one domain within minutes, which a mail filter may have caused: a person decides about them."""

    __tablename__ = "leave_burst"
    __table_args__ = (sa.Index("ix_leave_burst_mailing_list_id_domain_hash", "mailing_list_id", "domain_hash"),)

    id: int | None = Field(default=None, primary_key=True)
    mailing_list_id: int = Field(foreign_key="mailing_list.id")
    domain_hash: bytes  # keyed, and different on every mailing list
    domain_sealed: bytes | None = None  # to be shown; None for parents
    started_at: datetime
    last_at: datetime
    decided_at: datetime | None = None
    decision: BurstDecision | None = Field(default=None, sa_type=enum_type(BurstDecision))
    decided_by: int | None = Field(default=None, foreign_key="staff.id")  # None although decided: the clock


class HeldLeave(Table, table=True):
    """Which burst a subscriber who is `held` belongs to."""

    __tablename__ = "held_leave"

    subscriber_id: int = Field(sa_column=_of_subscriber())
    burst_id: int = Field(
        sa_column=sa.Column(sa.Integer, sa.ForeignKey("leave_burst.id", ondelete="CASCADE"), nullable=False, index=True)
    )


class AddressChange(Table, table=True):
    """That a pending subscriber, once confirmed, takes the place of another one of the same list, whose address is
    given up."""

    __tablename__ = "address_change"

    subscriber_id: int = Field(sa_column=_of_subscriber())
    replaces_id: int = Field(
        sa_column=sa.Column(_BIG, sa.ForeignKey("subscriber.id", ondelete="CASCADE"), nullable=False, index=True)
    )


class Bouncing(Table, table=True):
    """That the last editions for a subscriber came back, one after the other. No row: nothing is known against them.

    Editions are known here by their numbers on the mailing list alone. The row goes when the subscriber is suspended,
    leaves or is heard of again.
    """

    __tablename__ = "bouncing"

    subscriber_id: int = Field(sa_column=_of_subscriber())
    since: datetime  # when the first of them came back
    editions: int  # how many in a row
    disabled: int = 0  # how many of these because the mailbox is disabled
    last_edition: int
    last_at: datetime


class Consent(Table, table=True):
    """Evidence of one sign-up: which wording, when, from where. Times are filled in once and never changed."""

    __tablename__ = "consent"

    id: int | None = Field(default=None, primary_key=True, sa_type=_BIG)
    subscriber_id: int | None = Field(
        default=None,
        sa_column=sa.Column(
            _BIG,
            sa.ForeignKey("subscriber.id", ondelete="SET NULL"),
            index=True,
        ),
    )
    mailing_list_id: int = Field(foreign_key="mailing_list.id")
    wording_id: int = Field(foreign_key="consent_wording.id")
    source: str = Field(max_length=200)  # "web form", "paper", "event", "phone", or where an import came from
    requested_at: datetime
    confirmed_at: datetime | None = None
    withdrawn_at: datetime | None = None
    withdrawn_how: str | None = Field(default=None, max_length=40)  # "button", "one-click", "staff", "not requested"


class SuppressionReason(enum.StrEnum):
    NOT_REQUESTED = "not requested"  # "I did not ask for this": no mail for 30 days
    ERASED = "erased"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


class Suppression(Table, table=True):
    """An address that must not be mailed: a keyed hash, a reason, and until when (None: for ever)."""

    __tablename__ = "suppression"

    id: int | None = Field(default=None, primary_key=True)
    address_hash: bytes = Field(unique=True)
    reason: SuppressionReason = Field(sa_type=enum_type(SuppressionReason))
    until: datetime | None = None
    created_at: datetime


class Attempt(Table, table=True):
    """One thing that is limited (a sign-up from a network, a mail to an address), kept for a day as a keyed hash."""

    __tablename__ = "attempt"
    __table_args__ = (sa.Index("ix_attempt_key_hash_at", "key_hash", "at"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=_BIG)
    key_hash: bytes
    at: datetime = Field(index=True)


class School(Table, table=True):
    """A school from the register "Get information about schools"; no names of people are kept."""

    __tablename__ = "school"

    urn: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    name: str = Field(max_length=200, index=True)
    type_name: str = Field(max_length=120)
    phase_name: str = Field(max_length=60)
    town: str = Field(max_length=120)
    postcode: str = Field(max_length=10)
    local_authority_code: int = Field(index=True)
    is_open: bool = True
    words: str = Field(sa_column=sa.Column(sa.String(), nullable=False, default=words_of_row))  # it is found by these

    @property
    def label(self) -> str:
        """Name, town and postcode: two schools may share the first two."""
        return ", ".join(part for part in (self.name, f"{self.town} {self.postcode}".strip()) if part)


class LapsedSignUps(Table, table=True):
    """How many sign-ups of one week nobody confirmed, kept when the sweep deletes them: a number about nobody."""

    __tablename__ = "lapsed_sign_ups"

    mailing_list_id: int = Field(foreign_key="mailing_list.id", primary_key=True)
    week: date = Field(primary_key=True)  # its Monday, in UTC
    number: int


class WaitingImport(Table, table=True):
    """A file of subscribers between its dry run and the decision about it, sealed. Goes within the hour; the file
    itself goes as soon as it was taken in."""

    __tablename__ = "waiting_import"

    id: int | None = Field(default=None, primary_key=True)
    mailing_list_id: int = Field(foreign_key="mailing_list.id")
    staff_id: int = Field(foreign_key="staff.id", index=True)
    already_confirmed: bool
    file_sealed: bytes | None = None  # None: it was taken in
    report: str  # JSON: `subscribers.waiting_imports.Summary`, without addresses
    created_at: datetime = Field(index=True)


class ExportRequest(Table, table=True):
    """That somebody wants to take a mailing list out, and what somebody else decided about it (REQ-36)."""

    __tablename__ = "export_request"

    id: int | None = Field(default=None, primary_key=True)
    mailing_list_id: int = Field(foreign_key="mailing_list.id")
    reason: str = Field(max_length=500)
    asked_by: int = Field(foreign_key="staff.id")
    asked_at: datetime = Field(index=True)
    decided_by: int | None = Field(default=None, foreign_key="staff.id")
    decided_at: datetime | None = None
    is_approved: bool = False
    downloaded_at: datetime | None = None
