"""The ledger's rows: one delivery per edition or letter and subscriber, and the counts kept beside them."""

import enum
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field

from newsletter.core.db import Table, enum_type


class DeliveryKind(enum.StrEnum):
    """What is sent: an edition, or one of the service's own letters."""

    EDITION = "edition"
    CONFIRM = "confirm"  # asks a pending subscriber to confirm
    ALREADY = "already"  # tells a confirmed subscriber who signs up again that there is nothing to do
    WELCOME = "welcome"
    GOODBYE = "goodbye"


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
            "due_at",
            "id",
            sqlite_where=sa.text("state IN ('queued', 'sending', 'deferred')"),
            postgresql_where=sa.text("state IN ('queued', 'sending', 'deferred')"),
        ),
        sa.Index(
            "ix_delivery_lease",
            "lease_until",
            sqlite_where=sa.text("state = 'sending'"),
            postgresql_where=sa.text("state = 'sending'"),
        ),
        sa.Index("ix_delivery_subscriber_id", "subscriber_id"),
        sa.Index("ix_delivery_finished_at", "finished_at"),
        {"sqlite_autoincrement": True},  # a Message-ID must never come to mean another message
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=_BIG)
    kind: DeliveryKind = Field(sa_type=enum_type(DeliveryKind))
    edition_id: int | None = Field(default=None, foreign_key="edition.id")  # None: a letter
    mailing_list_id: int = Field(foreign_key="mailing_list.id")
    subscriber_id: int | None = Field(
        default=None, sa_column=sa.Column(_BIG, sa.ForeignKey("subscriber.id", ondelete="SET NULL"))
    )
    state: DeliveryState = Field(default=DeliveryState.QUEUED, sa_type=enum_type(DeliveryState))
    claim: str | None = Field(default=None, max_length=32)  # id of the claim that holds it while `sending`
    lease_until: datetime | None = None
    due_at: datetime  # not before this moment
    attempts: int = 0
    queued_at: datetime
    finished_at: datetime | None = None
    provider: str | None = Field(default=None, max_length=40)
    provider_id: str | None = Field(default=None, max_length=200)
    code: str | None = Field(default=None, max_length=60)  # the provider's own code, unchanged
    detail: str | None = Field(default=None, max_length=500)  # the provider's own words, addresses scrubbed


class DeliveryCount(Table, table=True):
    """How many deliveries of an edition are in each state, kept by the ledger so that nobody counts a million rows."""

    __tablename__ = "delivery_count"

    edition_id: int = Field(foreign_key="edition.id", primary_key=True)
    state: DeliveryState = Field(sa_type=enum_type(DeliveryState), primary_key=True)
    count: int = 0
