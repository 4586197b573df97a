"""reading

What editions that went out say, for the search of the archive (written down for those that went out before, too), the
other forms in which an edition can be had, and what was put right after it had gone out.

Revision 0007, made 2026-11-26; follows 0006.
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision: str = "0007"
down_revision: str | Sequence[str] | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    with op.batch_alter_table("edition", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_edition_released_at"), ["released_at"], unique=False)
    op.create_table(
        "edition_text",
        sa.Column("edition_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("folded", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.ForeignKeyConstraint(
            ["edition_id"], ["edition.id"], name=op.f("fk_edition_text_edition_id_edition"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("edition_id", name=op.f("pk_edition_text")),
    )
    op.create_table(
        "edition_area",
        sa.Column("edition_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("heading", sqlmodel.sql.sqltypes.AutoString(length=160), nullable=False),
        sa.ForeignKeyConstraint(
            ["edition_id"], ["edition.id"], name=op.f("fk_edition_area_edition_id_edition"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("edition_id", "number", name=op.f("pk_edition_area")),
    )
    with op.batch_alter_table("edition_area", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_edition_area_heading"), ["heading"], unique=False)
    op.create_table(
        "edition_variant",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("edition_id", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "short",
                "easy-read",
                "translation",
                "bsl",
                "audio",
                "large-print",
                name="variantkind",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("language", sqlmodel.sql.sqltypes.AutoString(length=35), nullable=False),
        sa.Column("title", sqlmodel.sql.sqltypes.AutoString(length=120), nullable=False),
        sa.Column("url", sqlmodel.sql.sqltypes.AutoString(length=500), nullable=False),
        sa.Column("text", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("promised_for", sa.Date(), nullable=True),
        sa.Column("published_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["edition_id"], ["edition.id"], name=op.f("fk_edition_variant_edition_id_edition"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_edition_variant")),
        sa.UniqueConstraint("edition_id", "kind", "language", name=op.f("uq_edition_variant_edition_id_kind_language")),
    )
    op.create_table(
        "correction",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("edition_id", sa.Integer(), nullable=False),
        sa.Column("at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("anchor", sqlmodel.sql.sqltypes.AutoString(length=60), nullable=True),
        sa.Column("because", sqlmodel.sql.sqltypes.AutoString(length=300), nullable=False),
        sa.Column("old_text", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("new_text", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["edition_id"], ["edition.id"], name=op.f("fk_correction_edition_id_edition"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_correction_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correction")),
    )
    with op.batch_alter_table("correction", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_correction_edition_id"), ["edition_id"], unique=False)
    _write_down_what_went_out()


def downgrade() -> None:
    with op.batch_alter_table("correction", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_correction_edition_id"))

    op.drop_table("correction")
    op.drop_table("edition_variant")
    with op.batch_alter_table("edition_area", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_edition_area_heading"))

    op.drop_table("edition_area")
    op.drop_table("edition_text")
    with op.batch_alter_table("edition", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_edition_released_at"))


def _write_down_what_went_out() -> None:
    """As `editions.search_text` does from now on; written out here, because a migration must not change later."""
    connection = op.get_bind()
    edition = sa.table(
        "edition", sa.column("id", sa.Integer), sa.column("released_at"), sa.column("frozen_page", sa.String)
    )
    text = sa.table("edition_text", sa.column("edition_id"), sa.column("text"), sa.column("folded"))
    area = sa.table("edition_area", sa.column("edition_id"), sa.column("number"), sa.column("heading"))
    gone_out = sa.select(edition.c.id, edition.c.frozen_page).where(
        edition.c.released_at.is_not(None), edition.c.frozen_page.is_not(None)
    )
    for edition_id, frozen_page in connection.execute(gone_out).all():
        page = json.loads(frozen_page)
        said = "\n".join(_lines(page))
        connection.execute(text.insert().values(edition_id=edition_id, text=said, folded=_fold(said)))
        for section in page["sections"]:
            connection.execute(
                area.insert().values(edition_id=edition_id, number=section["number"], heading=section["heading"][:160])
            )


def _lines(page: dict[str, Any]) -> Iterator[str]:
    parts = [page["title"], page["introduction"]]
    for section in page["sections"]:
        parts.append(section["heading"])
        for update in section["updates"]:
            parts += [update["title"], update["body"], update.get("action", ""), update["organisation"]]
    for part in parts:
        without_targets = re.sub(r"(?<!\\)\[([^\]]*)\]\([^)]*\)", r"\1", part)
        for line in without_targets.splitlines():
            words = re.sub(r"^\s*(?:[#^*+-]+|\d+\.)\s+|\*+|\\(?=\W)", "", line)
            if words.strip():
                yield " ".join(words.split())


def _fold(text: str) -> str:
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return folded.translate(str.maketrans({"\u2018": "'", "\u2019": "'", "\u02bc": "'"}))
