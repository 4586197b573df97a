"""leaving

Bursts of leaves that a person decides about, and addresses that take the place of others.

Revision 0006, made 2026-11-26; follows 0005.
"""

from collections.abc import Sequence

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision: str = "0006"
down_revision: str | Sequence[str] | None = "0005"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "leave_burst",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mailing_list_id", sa.Integer(), nullable=False),
        sa.Column("domain_hash", sa.LargeBinary(), nullable=False),
        sa.Column("domain_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("started_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("last_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("decided_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column(
            "decision",
            sa.Enum("obeyed", "dismissed", name="burstdecision", native_enum=False, length=32),
            nullable=True,
        ),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["decided_by"], ["staff.id"], name=op.f("fk_leave_burst_decided_by_staff")),
        sa.ForeignKeyConstraint(
            ["mailing_list_id"], ["mailing_list.id"], name=op.f("fk_leave_burst_mailing_list_id_mailing_list")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_leave_burst")),
    )
    op.create_index(
        op.f("ix_leave_burst_mailing_list_id_domain_hash"), "leave_burst", ["mailing_list_id", "domain_hash"]
    )
    op.create_table(
        "held_leave",
        sa.Column("subscriber_id", BIG, autoincrement=False, nullable=False),
        sa.Column("burst_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["burst_id"], ["leave_burst.id"], name=op.f("fk_held_leave_burst_id_leave_burst"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscriber.id"],
            name=op.f("fk_held_leave_subscriber_id_subscriber"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subscriber_id", name=op.f("pk_held_leave")),
    )
    op.create_index(op.f("ix_held_leave_burst_id"), "held_leave", ["burst_id"])
    op.create_table(
        "address_change",
        sa.Column("subscriber_id", BIG, autoincrement=False, nullable=False),
        sa.Column("replaces_id", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["replaces_id"],
            ["subscriber.id"],
            name=op.f("fk_address_change_replaces_id_subscriber"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscriber.id"],
            name=op.f("fk_address_change_subscriber_id_subscriber"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("subscriber_id", name=op.f("pk_address_change")),
    )
    op.create_index(op.f("ix_address_change_replaces_id"), "address_change", ["replaces_id"])
    with op.batch_alter_table("intake", schema=None) as batch_op:
        batch_op.add_column(sa.Column("replaces_id", BIG, nullable=True))
        batch_op.add_column(sa.Column("is_hand_over", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.create_foreign_key(
            batch_op.f("fk_intake_replaces_id_subscriber"), "subscriber", ["replaces_id"], ["id"], ondelete="CASCADE"
        )
    with op.batch_alter_table("intake", schema=None) as batch_op:
        batch_op.alter_column("is_hand_over", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("intake", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_intake_replaces_id_subscriber"), type_="foreignkey")
        batch_op.drop_column("is_hand_over")
        batch_op.drop_column("replaces_id")
    for name in ("address_change", "held_leave", "leave_burst"):
        op.drop_table(name)
