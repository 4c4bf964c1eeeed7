"""Which conversation the words in a thread of a chat platform belong to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from knowledge.ledger.rows.base import KeyText, UtcTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "messenger_thread",
        sa.Column("provider", KeyText(), nullable=False),
        sa.Column("channel", KeyText(), nullable=False),
        sa.Column("thread", KeyText(), nullable=False),
        sa.Column("principal_id", KeyText(), nullable=False),
        sa.Column("conversation_id", KeyText(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "channel", "thread", "principal_id", name=op.f("pk_messenger_thread")),
    )
    op.create_index("ix_messenger_thread_conversation_id", "messenger_thread", ["conversation_id"])


def downgrade() -> None:
    """Schemas go forward only: going back is restoring the backup."""
    raise NotImplementedError("restore the backup that was taken before the upgrade")
