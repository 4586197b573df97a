"""staff

How staff sign in, for which lists and partners they hold their roles, and the log of what they did.

Revision 0012, made 2026-11-26; follows 0011.
"""

from collections.abc import Sequence

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision: str = "0012"
down_revision: str | Sequence[str] | None = "0011"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_TEXT = sqlmodel.sql.sqltypes.AutoString
_AT = sqlmodel.sql.sqltypes.UTCDateTime


def upgrade() -> None:
    with op.batch_alter_table("staff", schema=None) as batch_op:
        batch_op.add_column(sa.Column("name", _TEXT(length=80), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("password_hash", _TEXT(length=200), nullable=True))
        batch_op.add_column(sa.Column("totp_secret_sealed", sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column("totp_step", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("directory_hash", sa.LargeBinary(), nullable=True))
        batch_op.create_unique_constraint(batch_op.f("uq_staff_directory_hash"), ["directory_hash"])
    with op.batch_alter_table("staff", schema=None) as batch_op:
        for name in ("name", "totp_step"):
            batch_op.alter_column(name, server_default=None)
    with op.batch_alter_table("staff_role", schema=None) as batch_op:
        batch_op.add_column(sa.Column("mailing_list_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("partner_id", sa.Integer(), nullable=True))
        batch_op.drop_constraint(batch_op.f("uq_staff_role_staff_id_role"), type_="unique")
        batch_op.create_foreign_key(
            batch_op.f("fk_staff_role_mailing_list_id_mailing_list"), "mailing_list", ["mailing_list_id"], ["id"]
        )
        batch_op.create_foreign_key(batch_op.f("fk_staff_role_partner_id_partner"), "partner", ["partner_id"], ["id"])
        batch_op.create_unique_constraint(
            batch_op.f("uq_staff_role_staff_id_role_mailing_list_id_partner_id"),
            ["staff_id", "role", "mailing_list_id", "partner_id"],
        )
    op.create_table(
        "staff_session",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("is_whole", sa.Boolean(), nullable=False),
        sa.Column("created_at", _AT(), nullable=False),
        sa.Column("seen_at", _AT(), nullable=False),
        sa.Column("expires_at", _AT(), nullable=False),
        sa.Column("browser", _TEXT(length=80), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_session_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_staff_session_token_hash")),
    )
    op.create_index(op.f("ix_staff_session_staff_id"), "staff_session", ["staff_id"])
    op.create_index(op.f("ix_staff_session_expires_at"), "staff_session", ["expires_at"])
    op.create_table(
        "staff_invitation",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("totp_secret_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _AT(), nullable=False),
        sa.Column("expires_at", _AT(), nullable=False),
        sa.Column("used_at", _AT(), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_invitation_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_invitation")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_staff_invitation_token_hash")),
    )
    op.create_index(op.f("ix_staff_invitation_staff_id"), "staff_invitation", ["staff_id"])
    op.create_table(
        "staff_recovery_code",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("used_at", _AT(), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_staff_recovery_code_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_recovery_code")),
    )
    op.create_index(op.f("ix_staff_recovery_code_staff_id"), "staff_recovery_code", ["staff_id"])
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("at", _AT(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=True),
        sa.Column("action", _TEXT(length=60), nullable=False),
        sa.Column("about", _TEXT(length=120), nullable=False),
        sa.Column("detail", _TEXT(length=500), nullable=False),
        sa.Column("before_hash", sa.LargeBinary(), nullable=False),
        sa.Column("own_hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_audit_entry_staff_id_staff")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
        sa.UniqueConstraint("number", name=op.f("uq_audit_entry_number")),
    )
    op.create_index(op.f("ix_audit_entry_at"), "audit_entry", ["at"])
    op.create_index(op.f("ix_audit_entry_staff_id"), "audit_entry", ["staff_id"])


def downgrade() -> None:
    for table in ("audit_entry", "staff_recovery_code", "staff_invitation", "staff_session"):
        op.drop_table(table)
    # Roles for one list or one partner would become roles for all.
    op.execute("DELETE FROM staff_role WHERE mailing_list_id IS NOT NULL OR partner_id IS NOT NULL")
    with op.batch_alter_table("staff_role", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_staff_role_staff_id_role_mailing_list_id_partner_id"), type_="unique")
        batch_op.drop_constraint(batch_op.f("fk_staff_role_partner_id_partner"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("fk_staff_role_mailing_list_id_mailing_list"), type_="foreignkey")
        batch_op.drop_column("partner_id")
        batch_op.drop_column("mailing_list_id")
        batch_op.create_unique_constraint(batch_op.f("uq_staff_role_staff_id_role"), ["staff_id", "role"])
    with op.batch_alter_table("staff", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_staff_directory_hash"), type_="unique")
        for name in ("directory_hash", "totp_step", "totp_secret_sealed", "password_hash", "name"):
            batch_op.drop_column(name)
