"""news feeds

Feeds of other websites that authors bring news in from, and the entries that were last read.

Revision 0020, made 2026-11-26; follows 0019.
"""

from collections.abc import Sequence

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision: str = "0020"
down_revision: str | Sequence[str] | None = "0019"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_AT = sqlmodel.sql.sqltypes.UTCDateTime


def upgrade() -> None:
    op.create_table(
        "news_feed",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", _TEXT(length=100), nullable=False),
        sa.Column("url", _TEXT(length=500), nullable=False),
        sa.Column("partner_id", sa.Integer(), nullable=False),
        sa.Column("priority_area_id", sa.Integer(), nullable=True),
        sa.Column("added_by_id", sa.Integer(), nullable=True),
        sa.Column("added_at", _AT(), nullable=False),
        sa.Column("stopped_at", _AT(), nullable=True),
        sa.Column("read_at", _AT(), nullable=True),
        sa.Column("problem", _TEXT(length=300), nullable=False),
        sa.Column("etag", _TEXT(length=300), nullable=False),
        sa.Column("last_modified", _TEXT(length=100), nullable=False),
        sa.ForeignKeyConstraint(["added_by_id"], ["staff.id"], name=op.f("fk_news_feed_added_by_id_staff")),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_news_feed_partner_id_partner")),
        sa.ForeignKeyConstraint(
            ["priority_area_id"], ["priority_area.id"], name=op.f("fk_news_feed_priority_area_id_priority_area")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_news_feed")),
    )
    op.create_table(
        "news_feed_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("news_feed_id", sa.Integer(), nullable=False),
        sa.Column("entry_key", _TEXT(length=64), nullable=False),
        sa.Column("title", _TEXT(length=120), nullable=False),
        sa.Column("url", _TEXT(length=500), nullable=False),
        sa.Column("body", _TEXT(), nullable=False),
        sa.Column("summary", _TEXT(length=300), nullable=False),
        sa.Column("at", _AT(), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_there", sa.Boolean(), nullable=False),
        sa.Column("brought_in_at", _AT(), nullable=True),
        sa.ForeignKeyConstraint(
            ["news_feed_id"],
            ["news_feed.id"],
            name=op.f("fk_news_feed_entry_news_feed_id_news_feed"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_news_feed_entry")),
        sa.UniqueConstraint("news_feed_id", "entry_key", name=op.f("uq_news_feed_entry_news_feed_id_entry_key")),
    )


def downgrade() -> None:
    op.drop_table("news_feed_entry")
    op.drop_table("news_feed")
