"""The desk itself: principals, tokens, sources, freezes, leases and the audit chain."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from knowledge.ledger.rows.base import JsonText, KeyText, PlainText, UtcTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("actor", KeyText(), nullable=False),
        sa.Column("verb", KeyText(), nullable=False),
        sa.Column("subject", KeyText(), nullable=False),
        sa.Column("detail", JsonText(), nullable=False),
        sa.Column("previous", KeyText(), nullable=False),
        sa.Column("digest", KeyText(), nullable=False),
        sa.PrimaryKeyConstraint("sequence", name=op.f("pk_audit")),
    )
    op.create_table(
        "freeze",
        sa.Column("cluster", KeyText(), nullable=False),
        sa.Column("actor", KeyText(), nullable=False),
        sa.Column("reason", PlainText(), nullable=False),
        sa.Column("frozen_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("cluster", name=op.f("pk_freeze")),
    )
    op.create_table(
        "lease",
        sa.Column("name", KeyText(), nullable=False),
        sa.Column("holder", KeyText(), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("ends_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
    op.create_table(
        "principal",
        sa.Column("id", KeyText(), nullable=False),
        sa.Column("name", PlainText(), nullable=False),
        sa.Column("kind", KeyText(), nullable=False),
        sa.Column("person", KeyText(), nullable=False),
        sa.Column("roles", JsonText(), nullable=False),
        sa.Column("scope", JsonText(), nullable=False),
        sa.Column("is_disabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_principal")),
    )
    op.create_table(
        "source",
        sa.Column("id", KeyText(), nullable=False),
        sa.Column("kind", KeyText(), nullable=False),
        sa.Column("auth", KeyText(), nullable=False),
        sa.Column("secret", PlainText(), nullable=False),
        sa.Column("is_sealed", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source")),
    )
    op.create_table(
        "token",
        sa.Column("digest", KeyText(), nullable=False),
        sa.Column("principal_id", KeyText(), nullable=False),
        sa.Column("label", KeyText(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("expires_at", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["principal_id"], ["principal.id"], name=op.f("fk_token_principal_id")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_token")),
        sa.UniqueConstraint("principal_id", "label", name=op.f("uq_token_principal_id")),
    )


def downgrade() -> None:
    """Schemas go forward only: going back is restoring the backup."""
    raise NotImplementedError("restore the backup that was taken before the upgrade")
