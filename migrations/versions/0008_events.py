"""events

Events, responses ("you said, we did") and the glossary, and which of them went into which edition.

Revision 0008, made 2026-11-26; follows 0007.
"""

from collections.abc import Sequence

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision: str = "0008"
down_revision: str | Sequence[str] | None = "0007"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "glossary_term",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("term", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("expansion", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("explanation", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("until_date", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_glossary_term")),
    )
    op.create_table(
        "event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sqlmodel.sql.sqltypes.AutoString(length=80), nullable=False),
        sa.Column("uid", sqlmodel.sql.sqltypes.AutoString(length=36), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("title", sqlmodel.sql.sqltypes.AutoString(length=120), nullable=False),
        sa.Column("summary", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("for_parents", sa.Boolean(), nullable=False),
        sa.Column("for_professionals", sa.Boolean(), nullable=False),
        sa.Column("starts_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("ends_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column(
            "place",
            sa.Enum("in-person", "online", "both", name="eventplace", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("venue", sqlmodel.sql.sqltypes.AutoString(length=160), nullable=False),
        sa.Column("postal_address", sqlmodel.sql.sqltypes.AutoString(length=300), nullable=False),
        sa.Column("access_notes", sqlmodel.sql.sqltypes.AutoString(length=500), nullable=False),
        sa.Column("online_url", sqlmodel.sql.sqltypes.AutoString(length=500), nullable=False),
        sa.Column("cost", sqlmodel.sql.sqltypes.AutoString(length=120), nullable=False),
        sa.Column("for_whom", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("booking", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("booking_url", sqlmodel.sql.sqltypes.AutoString(length=500), nullable=False),
        sa.Column("without_attending", sqlmodel.sql.sqltypes.AutoString(length=500), nullable=False),
        sa.Column("adjustments_contact", sqlmodel.sql.sqltypes.AutoString(length=200), nullable=False),
        sa.Column("partner_id", sa.Integer(), nullable=False),
        sa.Column("priority_area_id", sa.Integer(), nullable=True),
        sa.Column("announce_from", sa.Date(), nullable=False),
        sa.Column("cancelled_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("author_id", sa.Integer(), nullable=True),
        sa.Column("editor_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("updated_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["staff.id"], name=op.f("fk_event_author_id_staff")),
        sa.ForeignKeyConstraint(["editor_id"], ["staff.id"], name=op.f("fk_event_editor_id_staff")),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_event_partner_id_partner")),
        sa.ForeignKeyConstraint(
            ["priority_area_id"], ["priority_area.id"], name=op.f("fk_event_priority_area_id_priority_area")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
        sa.UniqueConstraint("slug", name=op.f("uq_event_slug")),
        sa.UniqueConstraint("uid", name=op.f("uq_event_uid")),
    )
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_event_starts_at"), ["starts_at"], unique=False)

    op.create_table(
        "response",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("theme", sqlmodel.sql.sqltypes.AutoString(length=120), nullable=False),
        sa.Column("said", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("period_from", sa.Date(), nullable=False),
        sa.Column("period_until", sa.Date(), nullable=False),
        sa.Column("did", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum(
                "done", "doing", "will not", "not decided by us", name="responseoutcome", native_enum=False, length=32
            ),
            nullable=False,
        ),
        sa.Column("doing_by", sa.Date(), nullable=True),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(length=300), nullable=False),
        sa.Column("decision_owner", sqlmodel.sql.sqltypes.AutoString(length=120), nullable=False),
        sa.Column("partner_id", sa.Integer(), nullable=False),
        sa.Column("priority_area_id", sa.Integer(), nullable=False),
        sa.Column("for_parents", sa.Boolean(), nullable=False),
        sa.Column("for_professionals", sa.Boolean(), nullable=False),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("until_date", sa.Date(), nullable=True),
        sa.Column("author_id", sa.Integer(), nullable=True),
        sa.Column("editor_id", sa.Integer(), nullable=True),
        sa.Column("created_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("updated_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["author_id"], ["staff.id"], name=op.f("fk_response_author_id_staff")),
        sa.ForeignKeyConstraint(["editor_id"], ["staff.id"], name=op.f("fk_response_editor_id_staff")),
        sa.ForeignKeyConstraint(["partner_id"], ["partner.id"], name=op.f("fk_response_partner_id_partner")),
        sa.ForeignKeyConstraint(
            ["priority_area_id"], ["priority_area.id"], name=op.f("fk_response_priority_area_id_priority_area")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_response")),
    )
    with op.batch_alter_table("response", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_response_from_date"), ["from_date"], unique=False)
        batch_op.create_index(batch_op.f("ix_response_priority_area_id"), ["priority_area_id"], unique=False)

    op.create_table(
        "event_choice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("edition_id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("is_in", sa.Boolean(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(length=300), nullable=False),
        sa.ForeignKeyConstraint(["edition_id"], ["edition.id"], name=op.f("fk_event_choice_edition_id_edition")),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_event_choice_event_id_event")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_choice")),
        sa.UniqueConstraint("edition_id", "event_id", name=op.f("uq_event_choice_edition_id_event_id")),
    )
    with op.batch_alter_table("event_choice", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_event_choice_event_id"), ["event_id"], unique=False)

    op.create_table(
        "response_choice",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("edition_id", sa.Integer(), nullable=False),
        sa.Column("response_id", sa.Integer(), nullable=False),
        sa.Column("is_in", sa.Boolean(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(length=300), nullable=False),
        sa.ForeignKeyConstraint(["edition_id"], ["edition.id"], name=op.f("fk_response_choice_edition_id_edition")),
        sa.ForeignKeyConstraint(["response_id"], ["response.id"], name=op.f("fk_response_choice_response_id_response")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_response_choice")),
        sa.UniqueConstraint("edition_id", "response_id", name=op.f("uq_response_choice_edition_id_response_id")),
    )
    with op.batch_alter_table("response_choice", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_response_choice_response_id"), ["response_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("response_choice", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_response_choice_response_id"))

    op.drop_table("response_choice")
    with op.batch_alter_table("event_choice", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_event_choice_event_id"))

    op.drop_table("event_choice")
    with op.batch_alter_table("response", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_response_priority_area_id"))
        batch_op.drop_index(batch_op.f("ix_response_from_date"))

    op.drop_table("response")
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_event_starts_at"))

    op.drop_table("event")
    op.drop_table("glossary_term")
