"""correction mail

Which edition a short edition puts right.

Revision 0013, made 2026-11-26; follows 0012.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0013"
down_revision: str | Sequence[str] | None = "0012"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    with op.batch_alter_table("edition", schema=None) as batch_op:
        batch_op.add_column(sa.Column("corrects_id", sa.Integer(), nullable=True))
        batch_op.create_index(batch_op.f("ix_edition_corrects_id"), ["corrects_id"], unique=False)
        batch_op.create_foreign_key(batch_op.f("fk_edition_corrects_id_edition"), "edition", ["corrects_id"], ["id"])


def downgrade() -> None:
    with op.batch_alter_table("edition", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_edition_corrects_id_edition"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_edition_corrects_id"))
        batch_op.drop_column("corrects_id")
