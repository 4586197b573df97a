"""pictures left out

An edition can show an update without its picture.

Revision 0022, made 2026-11-27; follows 0021.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0022"
down_revision: str | Sequence[str] | None = "0021"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    with op.batch_alter_table("edition_choice", schema=None) as batch_op:
        batch_op.add_column(sa.Column("without_picture", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("edition_choice", schema=None) as batch_op:
        batch_op.alter_column("without_picture", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("edition_choice", schema=None) as batch_op:
        batch_op.drop_column("without_picture")
