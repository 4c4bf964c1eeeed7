"""Conversations of the chat and what was said in them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from knowledge.ledger.rows.base import JsonText, KeyText, PlainText, UtcTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "conversation",
        sa.Column("id", KeyText(), nullable=False),
        sa.Column("principal_id", KeyText(), nullable=False),
        sa.Column("incident_id", KeyText(), nullable=True),
        sa.Column("title", PlainText(), nullable=False),
        sa.Column("channel", KeyText(), nullable=False),
        sa.Column("opened_at", UtcTime(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.Column("length", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_conversation_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversation")),
    )
    op.create_index("ix_conversation_principal_id", "conversation", ["principal_id", "id"], unique=False)
    op.create_index(op.f("ix_conversation_incident_id"), "conversation", ["incident_id"], unique=False)
    op.create_index(op.f("ix_conversation_updated_at"), "conversation", ["updated_at"], unique=False)
    op.create_table(
        "message",
        sa.Column("conversation_id", KeyText(), nullable=False),
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", KeyText(), nullable=False),
        sa.Column("said_by", KeyText(), nullable=False),
        sa.Column("principal_id", KeyText(), nullable=False),
        sa.Column("text", PlainText(), nullable=False),
        sa.Column("payload", JsonText(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["conversation_id"], ["conversation.id"], name=op.f("fk_message_conversation_id")),
        sa.PrimaryKeyConstraint("conversation_id", "sequence", name=op.f("pk_message")),
        sa.UniqueConstraint("id", name=op.f("uq_message_id")),
    )


def downgrade() -> None:
    """Schemas go forward only: going back is restoring the backup."""
    raise NotImplementedError("restore the backup that was taken before the upgrade")
