"""Signed checkpoints of the audit chain, and a database that itself refuses to change or take out an audit entry."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from knowledge.ledger.rows.base import KeyText, UtcTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_REFUSE = """
CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$
"""


def upgrade() -> None:
    op.create_table(
        "audit_checkpoint",
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", KeyText(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("key", KeyText(), nullable=False),
        sa.Column("signature", KeyText(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit_checkpoint")),
    )
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    if is_postgresql:
        op.execute(_REFUSE)
    for table in ("audit", "audit_checkpoint"):
        for deed in ("update", "delete"):
            name = f"{table}_no_{deed}"
            if is_postgresql:
                op.execute(
                    f"CREATE TRIGGER {name} BEFORE {deed.upper()} ON {table} "
                    "FOR EACH ROW EXECUTE FUNCTION audit_is_append_only()"
                )
            else:
                op.execute(
                    f"CREATE TRIGGER {name} BEFORE {deed.upper()} ON {table} "
                    "BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
                )


def downgrade() -> None:
    """Schemas go forward only: going back is restoring the backup."""
    raise NotImplementedError("restore the backup that was taken before the upgrade")
