"""Accounts elsewhere that are principals here, and what chat platforms sent and were sent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from knowledge.ledger.rows.base import JsonText, KeyText, PlainText, UtcTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "linked_identity",
        sa.Column("provider", KeyText(), nullable=False),
        sa.Column("subject", KeyText(), nullable=False),
        sa.Column("principal_id", KeyText(), nullable=False),
        sa.Column("linked_at", UtcTime(), nullable=False),
        sa.Column("linked_by", KeyText(), nullable=False),
        sa.ForeignKeyConstraint(["principal_id"], ["principal.id"], name=op.f("fk_linked_identity_principal_id")),
        sa.PrimaryKeyConstraint("provider", "subject", name=op.f("pk_linked_identity")),
    )
    op.create_index(op.f("ix_linked_identity_principal_id"), "linked_identity", ["principal_id"])
    op.create_table(
        "link_code",
        sa.Column("digest", KeyText(), nullable=False),
        sa.Column("principal_id", KeyText(), nullable=False),
        sa.Column("ends_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["principal_id"], ["principal.id"], name=op.f("fk_link_code_principal_id")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_link_code")),
    )
    op.create_index(op.f("ix_link_code_principal_id"), "link_code", ["principal_id"])
    _create_traffic()
    op.create_index("ix_incident_updated_at_id", "incident", ["updated_at", "id"])


def _create_traffic() -> None:
    op.create_table(
        "messenger_received",
        sa.Column("provider", KeyText(), nullable=False),
        sa.Column("id", KeyText(), nullable=False),
        sa.Column("payload", JsonText(), nullable=False),
        sa.Column("received_at", UtcTime(), nullable=False),
        sa.Column("due_at", UtcTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("holder", KeyText(), nullable=False),
        sa.Column("leased_until", UtcTime(), nullable=True),
        sa.Column("failure", PlainText(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "id", name=op.f("pk_messenger_received")),
    )
    op.create_index(op.f("ix_messenger_received_received_at"), "messenger_received", ["received_at"])
    op.create_index("ix_messenger_received_provider_due_at", "messenger_received", ["provider", "due_at"])
    op.create_table(
        "messenger_post",
        sa.Column("provider", KeyText(), nullable=False),
        sa.Column("channel", KeyText(), nullable=False),
        sa.Column("subject", KeyText(), nullable=False),
        sa.Column("incident_id", KeyText(), nullable=False),
        sa.Column("message_id", KeyText(), nullable=False),
        sa.Column("shown", KeyText(), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("wanted_at", UtcTime(), nullable=False),
        sa.Column("due_at", UtcTime(), nullable=True),
        sa.Column("trying_since", UtcTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failure", PlainText(), nullable=False),
        sa.Column("posted_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_messenger_post_incident_id")),
        sa.PrimaryKeyConstraint("provider", "channel", "subject", name=op.f("pk_messenger_post")),
    )
    op.create_index("ix_messenger_post_provider_due_at", "messenger_post", ["provider", "due_at"])
    op.create_index("ix_messenger_post_incident_id", "messenger_post", ["incident_id"])
    op.create_index("ix_messenger_post_message", "messenger_post", ["provider", "channel", "message_id"])
    op.create_table(
        "messenger_followed",
        sa.Column("provider", KeyText(), nullable=False),
        sa.Column("until", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("provider", name=op.f("pk_messenger_followed")),
    )


def downgrade() -> None:
    """Schemas go forward only: going back is restoring the backup."""
    raise NotImplementedError("restore the backup that was taken before the upgrade")
