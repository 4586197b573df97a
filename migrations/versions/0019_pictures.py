"""pictures

Pictures in updates, each with words for those who do not see it, and the logo of the partnership. Those that were
deleted for good are remembered by their hash.

Revision 0019, made 2026-11-27; follows 0018.
"""

from collections.abc import Sequence

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision: str = "0019"
down_revision: str | Sequence[str] | None = "0018"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_SHA256 = sqlmodel.sql.sqltypes.AutoString(length=64)


def upgrade() -> None:
    op.create_table(
        "picture",
        sa.Column("sha256", _SHA256, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("media_type", sqlmodel.sql.sqltypes.AutoString(length=20), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_picture")),
    )
    op.create_table(
        "withdrawn_picture",
        sa.Column("sha256", _SHA256, nullable=False),
        sa.Column("at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_withdrawn_picture")),
    )
    with op.batch_alter_table("progress_update", schema=None) as batch_op:
        batch_op.add_column(sa.Column("picture_sha256", _SHA256, nullable=True))
        alt = sqlmodel.sql.sqltypes.AutoString(length=160)
        batch_op.add_column(sa.Column("picture_alt", alt, nullable=False, server_default=""))
        batch_op.create_foreign_key(
            batch_op.f("fk_progress_update_picture_sha256_picture"), "picture", ["picture_sha256"], ["sha256"]
        )
    with op.batch_alter_table("progress_update", schema=None) as batch_op:
        batch_op.alter_column("picture_alt", server_default=None)
    with op.batch_alter_table("partnership", schema=None) as batch_op:
        batch_op.add_column(sa.Column("logo_sha256", _SHA256, nullable=True))
        batch_op.create_foreign_key(
            batch_op.f("fk_partnership_logo_sha256_picture"), "picture", ["logo_sha256"], ["sha256"]
        )


def downgrade() -> None:
    with op.batch_alter_table("partnership", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_partnership_logo_sha256_picture"), type_="foreignkey")
        batch_op.drop_column("logo_sha256")
    with op.batch_alter_table("progress_update", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_progress_update_picture_sha256_picture"), type_="foreignkey")
        batch_op.drop_column("picture_alt")
        batch_op.drop_column("picture_sha256")
    op.drop_table("withdrawn_picture")
    op.drop_table("picture")
