"""people

What staff do about people: files that wait for a decision, requests to take a list out, and how many sign-ups lapsed.

Revision 0016, made 2026-11-26; follows 0015.
"""

from collections.abc import Sequence

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision: str = "0016"
down_revision: str | Sequence[str] | None = "0015"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_AT = sqlmodel.sql.sqltypes.UTCDateTime


def upgrade() -> None:
    op.create_table(
        "lapsed_sign_ups",
        sa.Column("mailing_list_id", sa.Integer(), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mailing_list_id"], ["mailing_list.id"], name=op.f("fk_lapsed_sign_ups_mailing_list_id_mailing_list")
        ),
        sa.PrimaryKeyConstraint("mailing_list_id", "week", name=op.f("pk_lapsed_sign_ups")),
    )
    op.create_table(
        "waiting_import",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mailing_list_id", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("already_confirmed", sa.Boolean(), nullable=False),
        sa.Column("file_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("report", _TEXT(), nullable=False),
        sa.Column("created_at", _AT(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mailing_list_id"], ["mailing_list.id"], name=op.f("fk_waiting_import_mailing_list_id_mailing_list")
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_waiting_import_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waiting_import")),
    )
    op.create_index(op.f("ix_waiting_import_staff_id"), "waiting_import", ["staff_id"])
    op.create_index(op.f("ix_waiting_import_created_at"), "waiting_import", ["created_at"])
    op.create_table(
        "export_request",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mailing_list_id", sa.Integer(), nullable=False),
        sa.Column("reason", _TEXT(length=500), nullable=False),
        sa.Column("asked_by", sa.Integer(), nullable=False),
        sa.Column("asked_at", _AT(), nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", _AT(), nullable=True),
        sa.Column("is_approved", sa.Boolean(), nullable=False),
        sa.Column("downloaded_at", _AT(), nullable=True),
        sa.ForeignKeyConstraint(
            ["mailing_list_id"], ["mailing_list.id"], name=op.f("fk_export_request_mailing_list_id_mailing_list")
        ),
        sa.ForeignKeyConstraint(["asked_by"], ["staff.id"], name=op.f("fk_export_request_asked_by_staff")),
        sa.ForeignKeyConstraint(["decided_by"], ["staff.id"], name=op.f("fk_export_request_decided_by_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export_request")),
    )
    op.create_index(op.f("ix_export_request_asked_at"), "export_request", ["asked_at"])


def downgrade() -> None:
    for table in ("export_request", "waiting_import", "lapsed_sign_ups"):
        op.drop_table(table)
