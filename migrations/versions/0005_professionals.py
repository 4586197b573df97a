"""professionals

The words by which a school is found, special editions and their topics, and the yearly question whether a professional
is still the right person.

Revision 0005, made 2026-11-26; follows 0004.
"""

import unicodedata
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision: str = "0005"
down_revision: str | Sequence[str] | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
#: Where SQLite's table is written anew, ids must still never be given twice.
_KEEPS_COUNTING: dict[str, Any] = {"table_kwargs": {"sqlite_autoincrement": True}}
_SCHOOL = sa.table("school", *(sa.column(name) for name in ("urn", "name", "town", "postcode", "words")))


def upgrade() -> None:
    with op.batch_alter_table("school", schema=None) as batch_op:
        batch_op.add_column(sa.Column("words", sa.String(), nullable=False, server_default=""))
    connection = op.get_bind()
    found = connection.execute(sa.select(_SCHOOL.c.urn, _SCHOOL.c.name, _SCHOOL.c.town, _SCHOOL.c.postcode)).all()
    filled = [{"school": urn, "found_by": _words(*texts)} for urn, *texts in found]
    if filled:
        connection.execute(
            sa.update(_SCHOOL).where(_SCHOOL.c.urn == sa.bindparam("school")).values(words=sa.bindparam("found_by")),
            filled,
        )
    with op.batch_alter_table("school", schema=None) as batch_op:
        batch_op.alter_column("words", server_default=None)

    op.create_table(
        "topic",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("mailing_list_id", sa.Integer(), nullable=False),
        sa.Column("slug", sqlmodel.sql.sqltypes.AutoString(length=40), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(length=120), nullable=False),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("until_date", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["mailing_list_id"], ["mailing_list.id"], name=op.f("fk_topic_mailing_list_id_mailing_list")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_topic")),
        sa.UniqueConstraint("mailing_list_id", "slug", name=op.f("uq_topic_mailing_list_id_slug")),
    )
    with op.batch_alter_table("subscriber", schema=None, **_KEEPS_COUNTING) as batch_op:
        batch_op.add_column(sa.Column("regular_only", sa.Boolean(), nullable=False, server_default=sa.false()))
        for name in ("asked_at", "asked_again_at", "answered_at"):
            batch_op.add_column(sa.Column(name, sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))
        batch_op.add_column(sa.Column("takes_over_from", _BIG, nullable=True))
        batch_op.create_index(batch_op.f("ix_subscriber_takes_over_from"), ["takes_over_from"], unique=False)
        batch_op.create_foreign_key(
            batch_op.f("fk_subscriber_takes_over_from_subscriber"),
            "subscriber",
            ["takes_over_from"],
            ["id"],
            ondelete="SET NULL",
        )
    with op.batch_alter_table("subscriber", schema=None, **_KEEPS_COUNTING) as batch_op:
        batch_op.alter_column("regular_only", server_default=None)
    op.create_table(
        "subscriber_topic",
        sa.Column("subscriber_id", _BIG, autoincrement=False, nullable=False),
        sa.Column("topic_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscriber.id"],
            name=op.f("fk_subscriber_topic_subscriber_id_subscriber"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["topic_id"], ["topic.id"], name=op.f("fk_subscriber_topic_topic_id_topic"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("subscriber_id", "topic_id", name=op.f("pk_subscriber_topic")),
    )
    with op.batch_alter_table("subscriber_topic", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_subscriber_topic_topic_id"), ["topic_id"], unique=False)
    with op.batch_alter_table("edition", schema=None) as batch_op:
        batch_op.add_column(sa.Column("is_special", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("topic_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_edition_topic_id_topic"), "topic", ["topic_id"], ["id"])
    with op.batch_alter_table("edition", schema=None) as batch_op:
        batch_op.alter_column("is_special", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("edition", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_edition_topic_id_topic"), type_="foreignkey")
        batch_op.drop_column("topic_id")
        batch_op.drop_column("is_special")
    op.drop_table("subscriber_topic")
    with op.batch_alter_table("subscriber", schema=None, **_KEEPS_COUNTING) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_subscriber_takes_over_from_subscriber"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_subscriber_takes_over_from"))
        for name in ("takes_over_from", "answered_at", "asked_again_at", "asked_at", "regular_only"):
            batch_op.drop_column(name)
    op.drop_table("topic")
    with op.batch_alter_table("school", schema=None) as batch_op:
        batch_op.drop_column("words")


def _words(name: str, town: str, postcode: str) -> str:
    """What `subscribers.school_words.words_of` made of them when this was written."""
    code = _plain(postcode)
    return "|".join(f" {part}" for part in (_plain(name), _plain(town), f"{code} {code.replace(' ', '')}"))


def _plain(text: str) -> str:
    letters = (c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return " ".join("".join("" if c in "'’‘`´ʼ." else c if c.isalnum() else " " for c in letters).split())
