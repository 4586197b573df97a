"""The ledger's rows: one delivery per edition or letter and subscriber, the batches an edition is sent in, and the
receipts that came back."""

import enum
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from newsletter.core.db import Table, enum_type


class DeliveryKind(enum.StrEnum):
    """What is sent: an edition, or one of the service's own letters."""

    EDITION = "edition"
    CONFIRM = "confirm"  # asks a pending subscriber to confirm
    REMINDER = "reminder"  # asks once more
    ALREADY = "already"  # tells a confirmed subscriber who signs up again that there is nothing to do
    WELCOME = "welcome"
    GOODBYE = "goodbye"
    NEW_ADDRESS = "new address"  # asks the new address to confirm that it takes the place of an old one
    ADDRESS_CHANGED = "address changed"  # tells the old address
    STILL_ON = "still on"  # tells those whose mail filter pressed the stop link that their emails go on
    STILL_YOU = "still-you"  # asks a professional, once a year, whether this is still the right mailbox
    STILL_YOU_REMINDER = "still-you-reminder"
    HAND_OVER = "hand-over"  # asks a professional to take over from a colleague


class DeliveryState(enum.StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"
    REJECTED = "rejected"
    DEFERRED = "deferred"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")


class Delivery(Table, table=True):
    """One message to one subscriber, written before anything is sent. Only `delivery.ledger` writes `state`.

    `subscriber_id` becomes NULL when the person is erased: the counts stay, the person does not.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        sa.UniqueConstraint("edition_id", "subscriber_id"),
        sa.Index(
            "ix_delivery_open",
            "edition_id",
            "batch",
            "due_at",
            "id",
            sqlite_where=sa.text("state IN ('queued', 'sending', 'deferred')"),
            postgresql_where=sa.text("state IN ('queued', 'sending', 'deferred')"),
        ),
        sa.Index(
            "ix_delivery_lease",
            "lease_until",
            sqlite_where=sa.text("state = 'sending' AND lease_until IS NOT NULL"),
            postgresql_where=sa.text("state = 'sending' AND lease_until IS NOT NULL"),
        ),
        sa.Index("ix_delivery_subscriber_id", "subscriber_id"),
        sa.Index("ix_delivery_finished_at", "finished_at"),
        {"sqlite_autoincrement": True},  # a Message-ID must never come to mean another message
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=_BIG)
    kind: DeliveryKind = Field(sa_type=enum_type(DeliveryKind))
    edition_id: int | None = Field(default=None, foreign_key="edition.id")  # None: a letter
    batch: int | None = None  # number of the edition's batch it belongs to; None: a letter
    mailing_list_id: int = Field(foreign_key="mailing_list.id")
    subscriber_id: int | None = Field(
        default=None, sa_column=sa.Column(_BIG, sa.ForeignKey("subscriber.id", ondelete="SET NULL"))
    )
    state: DeliveryState = Field(default=DeliveryState.QUEUED, sa_type=enum_type(DeliveryState))
    claim: str | None = Field(default=None, max_length=32)  # id of the claim that holds it while `sending`
    lease_until: datetime | None = None  # of a letter; the copies of an edition share the lease of their batch
    due_at: datetime  # not before this moment
    attempts: int = 0  # claims that ended in a try; 0 as long as it is `queued`
    doubts: int = 0  # how often nobody could know what became of it, and it was sent again by the list's choice
    queued_at: datetime
    finished_at: datetime | None = None
    provider: str | None = Field(default=None, max_length=40)
    provider_id: str | None = Field(default=None, max_length=200)
    code: str | None = Field(default=None, max_length=60)  # the provider's own code, unchanged
    detail: str | None = Field(default=None, max_length=500)  # the provider's own words, addresses scrubbed


class BatchState(enum.StrEnum):
    OPEN = "open"
    DONE = "done"  # nothing in it is queued, being sent or deferred


class Batch(Table, table=True):
    """Some hundred deliveries of one edition, held by one worker at a time, and how many of them are in each state.

    The lease is the batch's: whoever holds the `token` until `lease_until` claims its deliveries window by window. The
    counts are written in the transaction of the moves themselves, so that the progress of a million deliveries is the
    sum of two thousand rows, and no two workers wait for the same row.
    """

    __tablename__ = "batch"
    __table_args__ = (
        sa.Index(
            "ix_batch_open",
            "edition_id",
            "number",
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        ),
    )

    edition_id: int = Field(foreign_key="edition.id", primary_key=True)
    number: int = Field(primary_key=True)  # 0, 1, 2 … within the edition
    state: BatchState = Field(default=BatchState.OPEN, sa_type=enum_type(BatchState))
    token: str | None = Field(default=None, max_length=32)  # of the worker that holds it
    lease_until: datetime | None = None  # by the database's clock
    due_at: datetime  # not before this moment
    pace_per_s: float = 0  # deliveries a second in the last window, while it is held
    queued: int = 0
    sending: int = 0
    accepted: int = 0
    delivered: int = 0
    bounced: int = 0
    complained: int = 0
    rejected: int = 0
    deferred: int = 0
    unknown: int = 0
    skipped: int = 0


class Opening(Table, table=True):
    """That an edition was opened: written once, whoever opens it and however often it is tried.

    The `judged_*` columns are what the breaker had counted when it last paused the edition: it judges what came after.
    """

    __tablename__ = "opening"

    edition_id: int = Field(foreign_key="edition.id", primary_key=True)
    opened_at: datetime
    recipients: int = 0
    judged_finished: int = 0
    judged_refused: int = 0
    judged_complained: int = 0


class Pace(Table, table=True):
    """How fast one provider, or one receiving domain, is sent to: shared by all workers (see `delivery.pacing`)."""

    __tablename__ = "pace"

    name: str = Field(primary_key=True, max_length=80)
    free_at: datetime  # when the next delivery may go, if the rate in force is kept
    promised_until: datetime  # when the last of those that were put off may go
    day: date  # the day that `sent` counts
    sent: int = 0


class Pulse(Table, table=True):
    """When a worker last looked after the ledger. A long silence means that nothing was sent meanwhile."""

    __tablename__ = "pulse"

    id: int = Field(default=1, primary_key=True)
    seen_at: datetime


class ReceiptKind(enum.StrEnum):
    """What came back."""

    DELIVERED = "delivered"
    DELAYED = "delayed"  # still being tried
    BOUNCED = "bounced"  # will not be delivered
    COMPLAINED = "complained"  # the reader reported it as spam
    LEAVE = "leave"  # a mail to the address in List-Unsubscribe: stop these emails
    OTHER = "other"  # anything else that was sent to the same address


class ReceiptOutcome(enum.StrEnum):
    """What came of it."""

    APPLIED = "applied"  # it changed what we know of the delivery or of the subscriber
    NOTHING_NEW = "nothing new"
    NO_DELIVERY = "no delivery"  # it belongs to none of ours, or to one that is forgotten


class Receipt(Table, table=True):
    """Evidence of what became of a delivery after it was accepted: written once, however often it comes.

    Only the fields that machines write are kept, without addresses; never the mail that was returned.
    """

    __tablename__ = "receipt"

    id: int | None = Field(default=None, primary_key=True, sa_type=_BIG)
    source: str = Field(max_length=40)  # "dsn" (RFC 3464), "arf" (RFC 5965), "bounce", "mail", or a provider's name
    dedupe_key: str = Field(max_length=64, unique=True)
    kind: ReceiptKind = Field(sa_type=enum_type(ReceiptKind))
    status: str | None = Field(default=None, max_length=20)  # enhanced status code (RFC 3463)
    delivery_id: int | None = Field(
        default=None, sa_column=sa.Column(_BIG, sa.ForeignKey("delivery.id", ondelete="CASCADE"), index=True)
    )
    outcome: ReceiptOutcome = Field(default=ReceiptOutcome.NO_DELIVERY, sa_type=enum_type(ReceiptOutcome))
    evidence: str = ""
    received_at: datetime = Field(index=True)
