"""answering

What readers tell us, complaints about how data is used, copies on paper, and what the accessibility statement needs.

Revision 0009, made 2026-11-26; follows 0008.
"""

from collections.abc import Sequence

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision: str = "0009"
down_revision: str | Sequence[str] | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "data_complaint",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reference", sqlmodel.sql.sqltypes.AutoString(length=12), nullable=False),
        sa.Column("received_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("acknowledge_by", sa.Date(), nullable=False),
        sa.Column("acknowledged_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("closed_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("outcome", sqlmodel.sql.sqltypes.AutoString(length=2000), nullable=True),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("contact_sealed", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_complaint")),
        sa.UniqueConstraint("reference", name=op.f("uq_data_complaint_reference")),
    )
    op.create_table(
        "feedback_theme",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(length=120), nullable=False),
        sa.Column("response_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["response_id"], ["response.id"], name=op.f("fk_feedback_theme_response_id_response")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback_theme")),
        sa.UniqueConstraint("name", name=op.f("uq_feedback_theme_name")),
    )
    op.create_table(
        "feedback",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Enum("useful", "view", name="feedbackkind", native_enum=False, length=32), nullable=False),
        sa.Column(
            "source",
            sa.Enum("web", "reply", "event", "paper", name="feedbacksource", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("edition_id", sa.Integer(), nullable=True),
        sa.Column("anchor", sqlmodel.sql.sqltypes.AutoString(length=80), nullable=True),
        sa.Column("is_useful", sa.Boolean(), nullable=True),
        sa.Column("priority_area_id", sa.Integer(), nullable=True),
        sa.Column(
            "speaker",
            sa.Enum("parent", "young-person", "professional", "other", name="speaker", native_enum=False, length=32),
            nullable=True,
        ),
        sa.Column("text", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column(
            "state",
            sa.Enum("new", "filed", "set-aside", name="feedbackstate", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("theme_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["edition_id"], ["edition.id"], name=op.f("fk_feedback_edition_id_edition")),
        sa.ForeignKeyConstraint(
            ["priority_area_id"], ["priority_area.id"], name=op.f("fk_feedback_priority_area_id_priority_area")
        ),
        sa.ForeignKeyConstraint(["theme_id"], ["feedback_theme.id"], name=op.f("fk_feedback_theme_id_feedback_theme")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
    )
    with op.batch_alter_table("feedback", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_feedback_day"), ["day"], unique=False)
        batch_op.create_index("ix_feedback_edition_id_anchor", ["edition_id", "anchor"], unique=False)
        batch_op.create_index(batch_op.f("ix_feedback_priority_area_id"), ["priority_area_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_feedback_theme_id"), ["theme_id"], unique=False)

    op.create_table(
        "paper_copy",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("edition_id", sa.Integer(), nullable=False),
        sa.Column(
            "format",
            sa.Enum("paper", "large-print", "easy-read", name="paperformat", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("address_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("asked_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("done_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["edition_id"], ["edition.id"], name=op.f("fk_paper_copy_edition_id_edition")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_copy")),
    )
    with op.batch_alter_table("partnership", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "data_protection_email", sqlmodel.sql.sqltypes.AutoString(length=254), nullable=False, server_default=""
            )
        )
        batch_op.add_column(
            sa.Column("accessibility_problems", sqlmodel.sql.sqltypes.AutoString(), nullable=False, server_default="")
        )
        batch_op.add_column(sa.Column("accessibility_prepared_on", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("accessibility_reviewed_on", sa.Date(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("partnership", schema=None) as batch_op:
        batch_op.drop_column("accessibility_reviewed_on")
        batch_op.drop_column("accessibility_prepared_on")
        batch_op.drop_column("accessibility_problems")
        batch_op.drop_column("data_protection_email")

    op.drop_table("paper_copy")
    with op.batch_alter_table("feedback", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_feedback_theme_id"))
        batch_op.drop_index(batch_op.f("ix_feedback_priority_area_id"))
        batch_op.drop_index("ix_feedback_edition_id_anchor")
        batch_op.drop_index(batch_op.f("ix_feedback_day"))

    op.drop_table("feedback")
    op.drop_table("feedback_theme")
    op.drop_table("data_complaint")
