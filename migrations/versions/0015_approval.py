"""approval

Which partners approve their own texts, that they did, every approval of an edition with its page (those that stand are
taken over), and why an edition may go out in a pre-election period.

Revision 0015, made 2026-11-26; follows 0014.
"""

from collections.abc import Sequence

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision: str = "0015"
down_revision: str | Sequence[str] | None = "0014"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_AT = sqlmodel.sql.sqltypes.UTCDateTime


def upgrade() -> None:
    with op.batch_alter_table("partner", schema=None) as batch_op:
        batch_op.add_column(sa.Column("approves_texts", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("partner", schema=None) as batch_op:
        batch_op.alter_column("approves_texts", server_default=None)
    with op.batch_alter_table("edition", schema=None) as batch_op:
        batch_op.add_column(sa.Column("election_reason", _TEXT(length=300), nullable=True))
    op.create_table(
        "edition_approval",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("edition_id", sa.Integer(), nullable=False),
        sa.Column("at", _AT(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("sha256", _TEXT(length=64), nullable=False),
        sa.Column("page", _TEXT(), nullable=False),
        sa.ForeignKeyConstraint(["edition_id"], ["edition.id"], name=op.f("fk_edition_approval_edition_id_edition")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_edition_approval_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_edition_approval")),
    )
    with op.batch_alter_table("edition_approval", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_edition_approval_edition_id"), ["edition_id"], unique=False)
    op.execute(
        "INSERT INTO edition_approval (edition_id, at, staff_id, sha256, page) "
        "SELECT id, approved_at, approver_id, frozen_sha256, frozen_page FROM edition "
        "WHERE approved_at IS NOT NULL AND approver_id IS NOT NULL AND frozen_sha256 IS NOT NULL "
        "AND frozen_page IS NOT NULL"
    )
    op.create_table(
        "partner_approval",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("edition_id", sa.Integer(), nullable=False),
        sa.Column("partner_id", sa.Integer(), nullable=False),
        sa.Column("sha256", _TEXT(length=64), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("at", _AT(), nullable=False),
        sa.ForeignKeyConstraint(["edition_id"], ["edition.id"], name=op.f("fk_partner_approval_edition_id_edition")),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_partner_approval_partner_id_partner")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_partner_approval_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_partner_approval")),
        sa.UniqueConstraint(
            "edition_id", "partner_id", "sha256", name=op.f("uq_partner_approval_edition_id_partner_id_sha256")
        ),
    )


def downgrade() -> None:
    op.drop_table("partner_approval")
    with op.batch_alter_table("edition_approval", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_edition_approval_edition_id"))
    op.drop_table("edition_approval")
    with op.batch_alter_table("edition", schema=None) as batch_op:
        batch_op.drop_column("election_reason")
    with op.batch_alter_table("partner", schema=None) as batch_op:
        batch_op.drop_column("approves_texts")
