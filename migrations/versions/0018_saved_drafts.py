"""saved drafts

What staff have typed for an update and not saved yet; which edit an update is at, which form it was written in,
and whether it was put away.

Revision 0018, made 2026-11-26; follows 0017.
"""

from collections.abc import Sequence

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision: str = "0018"
down_revision: str | Sequence[str] | None = "0017"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_AT = sqlmodel.sql.sqltypes.UTCDateTime


def upgrade() -> None:
    with op.batch_alter_table("progress_update", schema=None) as batch_op:
        batch_op.add_column(sa.Column("revision", sa.Integer(), nullable=False, server_default="1"))
        batch_op.add_column(sa.Column("archived_at", _AT(), nullable=True))
        batch_op.add_column(sa.Column("form_key", _TEXT(length=64), nullable=True))
        batch_op.create_unique_constraint(
            batch_op.f("uq_progress_update_author_id_form_key"), ["author_id", "form_key"]
        )
    with op.batch_alter_table("progress_update", schema=None) as batch_op:
        batch_op.alter_column("revision", server_default=None)
    op.create_table(
        "saved_draft",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("update_id", sa.Integer(), nullable=True),
        sa.Column("form_key", _TEXT(length=64), nullable=False),
        sa.Column("typed", sa.JSON(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("source", _TEXT(length=120), nullable=False),
        sa.Column("source_key", _TEXT(length=64), nullable=True),
        sa.Column("created_at", _AT(), nullable=False),
        sa.Column("updated_at", _AT(), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_saved_draft_staff_id_staff")),
        sa.ForeignKeyConstraint(
            ["update_id"],
            ["progress_update.id"],
            name=op.f("fk_saved_draft_update_id_progress_update"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_draft")),
        sa.UniqueConstraint("source_key", name=op.f("uq_saved_draft_source_key")),
        sa.UniqueConstraint("staff_id", "form_key", name=op.f("uq_saved_draft_staff_id_form_key")),
        sa.UniqueConstraint("staff_id", "update_id", name=op.f("uq_saved_draft_staff_id_update_id")),
    )
    with op.batch_alter_table("saved_draft", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_saved_draft_update_id"), ["update_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_saved_draft_updated_at"), ["updated_at"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("saved_draft", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_saved_draft_updated_at"))
        batch_op.drop_index(batch_op.f("ix_saved_draft_update_id"))
    op.drop_table("saved_draft")
    with op.batch_alter_table("progress_update", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_progress_update_author_id_form_key"), type_="unique")
        batch_op.drop_column("form_key")
        batch_op.drop_column("archived_at")
        batch_op.drop_column("revision")
