"""joining

Who was reminded of a request they have not confirmed, and a short way to those who may have to be; sign-up forms that
have just come in. Wrong codes are counted among the attempts and no longer in the row.

Revision 0004, made 2026-11-26; follows 0003.
"""

from collections.abc import Sequence

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision: str = "0004"
down_revision: str | Sequence[str] | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ROLES = ("senco", "head", "teacher", "early-years", "health", "social-care", "council", "voluntary", "other")
PHASES = ("early-years", "primary", "secondary", "special", "post-16")
PENDING = "state = 'pending'"


def upgrade() -> None:
    # Plain statements, which both databases have: a copy of the table would be long to make.
    op.add_column("subscriber", sa.Column("reminded_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))
    op.create_index(
        "ix_subscriber_pending",
        "subscriber",
        ["requested_at"],
        unique=False,
        sqlite_where=sa.text(PENDING),
        postgresql_where=sa.text(PENDING),
    )
    op.drop_column("subscriber", "code_tries")
    op.create_table(
        "intake",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("mailing_list_id", sa.Integer(), nullable=False),
        sa.Column("address_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("role", sa.Enum(*ROLES, name="role", native_enum=False, length=32), nullable=True),
        sa.Column("school_urn", sa.Integer(), nullable=True),
        sa.Column("setting_name", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=True),
        sa.Column("phase", sa.Enum(*PHASES, name="phase", native_enum=False, length=32), nullable=True),
        sa.Column("source", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("received_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mailing_list_id"], ["mailing_list.id"], name=op.f("fk_intake_mailing_list_id_mailing_list")
        ),
        sa.ForeignKeyConstraint(["school_urn"], ["school.urn"], name=op.f("fk_intake_school_urn_school")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intake")),
    )


def downgrade() -> None:
    op.drop_table("intake")
    op.add_column("subscriber", sa.Column("code_tries", sa.Integer(), nullable=False, server_default="0"))
    op.drop_index("ix_subscriber_pending", table_name="subscriber")
    op.drop_column("subscriber", "reminded_at")
