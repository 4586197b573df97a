"""how lists grow

How many came and went in a month is counted from indexes, without a look at a hundred thousand rows.

Revision 0021, made 2026-11-27; follows 0020.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0021"
down_revision: str | Sequence[str] | None = "0020"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_index("ix_subscriber_asked", "subscriber", ["mailing_list_id", "requested_at", "confirmed_at"])
    op.create_index("ix_subscriber_joined", "subscriber", ["mailing_list_id", "confirmed_at", "state"])
    op.create_index("ix_subscriber_ended", "subscriber", ["mailing_list_id", "ended_at", "state", "confirmed_at"])


def downgrade() -> None:
    for name in ("ix_subscriber_ended", "ix_subscriber_joined", "ix_subscriber_asked"):
        op.drop_index(name, "subscriber")
