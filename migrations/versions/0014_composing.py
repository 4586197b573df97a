"""composing

A wording of an update for one edition alone, reasons given for warnings, and what came of opening links.

Revision 0014, made 2026-11-26; follows 0013.
"""

from collections.abc import Sequence

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision: str = "0014"
down_revision: str | Sequence[str] | None = "0013"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_AT = sqlmodel.sql.sqltypes.UTCDateTime


def upgrade() -> None:
    with op.batch_alter_table("edition_choice", schema=None) as batch_op:
        batch_op.add_column(sa.Column("own_title", _TEXT(length=120), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("own_body", _TEXT(), nullable=False, server_default=""))
    with op.batch_alter_table("edition_choice", schema=None) as batch_op:
        for name in ("own_title", "own_body"):
            batch_op.alter_column(name, server_default=None)
    op.create_table(
        "check_reason",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("edition_id", sa.Integer(), nullable=False),
        sa.Column("finding_key", _TEXT(length=64), nullable=False),
        sa.Column("message", _TEXT(), nullable=False),
        sa.Column("reason", _TEXT(length=300), nullable=False),
        sa.Column("at", _AT(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["edition_id"], ["edition.id"], name=op.f("fk_check_reason_edition_id_edition"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_check_reason_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_check_reason")),
        sa.UniqueConstraint("edition_id", "finding_key", name=op.f("uq_check_reason_edition_id_finding_key")),
    )
    op.create_table(
        "link_check",
        sa.Column("url_sha256", _TEXT(length=64), nullable=False),
        sa.Column("at", _AT(), nullable=False),
        sa.Column("problem", _TEXT(length=120), nullable=False),
        sa.PrimaryKeyConstraint("url_sha256", name=op.f("pk_link_check")),
    )


def downgrade() -> None:
    op.drop_table("link_check")
    op.drop_table("check_reason")
    with op.batch_alter_table("edition_choice", schema=None) as batch_op:
        batch_op.drop_column("own_body")
        batch_op.drop_column("own_title")
