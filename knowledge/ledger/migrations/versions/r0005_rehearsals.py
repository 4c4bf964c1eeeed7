"""Plans that wait for the executor's review."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from knowledge.ledger.rows.base import KeyText, PlainText, UtcTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rehearsal",
        sa.Column("plan_id", KeyText(), nullable=False),
        sa.Column("incident_id", KeyText(), nullable=False),
        sa.Column("cluster", KeyText(), nullable=False),
        sa.Column("status", KeyText(), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("leased_until", UtcTime(), nullable=True),
        sa.Column("review_id", KeyText(), nullable=False),
        sa.Column("error", PlainText(), nullable=False),
        sa.Column("requested_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_rehearsal_plan_id")),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_rehearsal_incident_id")),
        sa.PrimaryKeyConstraint("plan_id", name=op.f("pk_rehearsal")),
    )
    op.create_index("ix_rehearsal_status_requested_at", "rehearsal", ["status", "requested_at"], unique=False)


def downgrade() -> None:
    """Schemas go forward only: going back is restoring the backup."""
    raise NotImplementedError("restore the backup that was taken before the upgrade")
