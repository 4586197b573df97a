"""batches

Editions are sent in batches, whose rows hold the lease and the counts; lists have rules for trying again; the pace of
sending and the pulse of the workers are kept. What was opened before becomes one batch for each edition.

Revision 0002, made 2026-11-26; follows 0001.
"""

from collections.abc import Sequence

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision: str = "0002"
down_revision: str | Sequence[str] | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

STATES = (
    "queued", "sending", "accepted", "delivered", "bounced", "complained", "rejected", "deferred", "unknown", "skipped",
)  # fmt: skip
LEASED = "state = 'sending' AND lease_until IS NOT NULL"
OPEN = "state IN ('queued', 'sending', 'deferred')"


def upgrade() -> None:
    op.create_table(
        "batch",
        sa.Column("edition_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.Enum("open", "done", name="batchstate", native_enum=False, length=32), nullable=False),
        sa.Column("token", sqlmodel.sql.sqltypes.AutoString(length=32), nullable=True),
        sa.Column("lease_until", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True),
        sa.Column("due_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("pace_per_s", sa.Float(), nullable=False),
        *(sa.Column(state, sa.Integer(), nullable=False) for state in STATES),
        sa.ForeignKeyConstraint(["edition_id"], ["edition.id"], name=op.f("fk_batch_edition_id_edition")),
        sa.PrimaryKeyConstraint("edition_id", "number", name=op.f("pk_batch")),
    )
    with op.batch_alter_table("batch", schema=None) as batch_op:
        batch_op.create_index(
            "ix_batch_open",
            ["edition_id", "number"],
            unique=False,
            sqlite_where=sa.text("state = 'open'"),
            postgresql_where=sa.text("state = 'open'"),
        )
    op.create_table(
        "opening",
        sa.Column("edition_id", sa.Integer(), nullable=False),
        sa.Column("opened_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("recipients", sa.Integer(), nullable=False),
        sa.Column("judged_finished", sa.Integer(), nullable=False),
        sa.Column("judged_refused", sa.Integer(), nullable=False),
        sa.Column("judged_complained", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["edition_id"], ["edition.id"], name=op.f("fk_opening_edition_id_edition")),
        sa.PrimaryKeyConstraint("edition_id", name=op.f("pk_opening")),
    )
    op.create_table(
        "pace",
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(length=80), nullable=False),
        sa.Column("free_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("promised_until", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_pace")),
    )
    op.create_table(
        "pulse",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("seen_at", sqlmodel.sql.sqltypes.UTCDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pulse")),
    )
    with op.batch_alter_table("delivery", schema=None, table_kwargs={"sqlite_autoincrement": True}) as batch_op:
        batch_op.add_column(sa.Column("batch", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("doubts", sa.Integer(), nullable=False, server_default="0"))
        batch_op.drop_index("ix_delivery_lease")
        batch_op.create_index(
            "ix_delivery_lease",
            ["lease_until"],
            unique=False,
            sqlite_where=sa.text(LEASED),
            postgresql_where=sa.text(LEASED),
        )
        batch_op.drop_index("ix_delivery_open")
        batch_op.create_index(
            "ix_delivery_open",
            ["edition_id", "batch", "due_at", "id"],
            unique=False,
            sqlite_where=sa.text(OPEN),
            postgresql_where=sa.text(OPEN),
        )
    with op.batch_alter_table("delivery", schema=None, table_kwargs={"sqlite_autoincrement": True}) as batch_op:
        batch_op.alter_column("doubts", server_default=None)
    with op.batch_alter_table("mailing_list", schema=None) as batch_op:
        batch_op.add_column(sa.Column("keep_trying_hours", sa.Integer(), nullable=False, server_default="24"))
        batch_op.add_column(sa.Column("late_after_hours", sa.Integer(), nullable=False, server_default="2"))
        batch_op.add_column(sa.Column("resend_once", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("mailing_list", schema=None) as batch_op:
        for name in ("keep_trying_hours", "late_after_hours", "resend_once"):
            batch_op.alter_column(name, server_default=None)
    _move_what_there_is()
    op.drop_table("delivery_count")


def _move_what_there_is() -> None:
    """One batch for each edition that was opened. What a worker held counts as unknown: it cannot finish its window,
    because its lease is kept in another place now."""
    op.execute("UPDATE delivery SET state = 'unknown' WHERE state = 'sending' AND edition_id IS NOT NULL")
    op.execute("UPDATE delivery SET batch = 0 WHERE edition_id IS NOT NULL")
    counted = {state: f"state = '{state}'" for state in STATES}
    counted |= {"sending": "1 = 0", "unknown": "state IN ('unknown', 'sending')"}
    sums = ", ".join(f"SUM(CASE WHEN {counted[state]} THEN count ELSE 0 END)" for state in STATES)
    waits = "SUM(CASE WHEN state IN ('queued', 'deferred') THEN count ELSE 0 END)"
    op.execute(
        f"INSERT INTO batch (edition_id, number, state, due_at, pace_per_s, {', '.join(STATES)}) "  # noqa: S608
        f"SELECT edition_id, 0, CASE WHEN {waits} > 0 THEN 'open' ELSE 'done' END, "
        f"(SELECT created_at FROM edition WHERE edition.id = edition_id), 0, {sums} "
        "FROM delivery_count GROUP BY edition_id"
    )
    op.execute(
        "INSERT INTO opening "
        "(edition_id, opened_at, recipients, judged_finished, judged_refused, judged_complained) "
        "SELECT edition_id, (SELECT COALESCE(released_at, created_at) FROM edition WHERE edition.id = edition_id), "
        "SUM(count), 0, 0, 0 FROM delivery_count GROUP BY edition_id"
    )


def downgrade() -> None:
    op.create_table(
        "delivery_count",
        sa.Column("edition_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.Enum(*STATES, name="deliverystate", native_enum=False, length=32), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["edition_id"], ["edition.id"], name=op.f("fk_delivery_count_edition_id_edition")),
        sa.PrimaryKeyConstraint("edition_id", "state", name=op.f("pk_delivery_count")),
    )
    for state in STATES:
        op.execute(
            f"INSERT INTO delivery_count (edition_id, state, count) SELECT edition_id, '{state}', SUM({state}) "  # noqa: S608
            "FROM batch GROUP BY edition_id"
        )
    with op.batch_alter_table("mailing_list", schema=None) as batch_op:
        for name in ("keep_trying_hours", "late_after_hours", "resend_once"):
            batch_op.drop_column(name)
    with op.batch_alter_table("delivery", schema=None, table_kwargs={"sqlite_autoincrement": True}) as batch_op:
        batch_op.drop_index("ix_delivery_lease")
        batch_op.create_index(
            "ix_delivery_lease",
            ["lease_until"],
            unique=False,
            sqlite_where=sa.text("state = 'sending'"),
            postgresql_where=sa.text("state = 'sending'"),
        )
        batch_op.drop_index("ix_delivery_open")
        batch_op.drop_column("doubts")
        batch_op.drop_column("batch")
        batch_op.create_index(
            "ix_delivery_open",
            ["edition_id", "due_at", "id"],
            unique=False,
            sqlite_where=sa.text(OPEN),
            postgresql_where=sa.text(OPEN),
        )
    for table in ("pulse", "pace", "opening", "batch"):
        op.drop_table(table)
