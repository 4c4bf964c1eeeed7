"""Signing in: passwords, one-time links, browser sessions, failed attempts, preferences."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from knowledge.ledger.rows.base import KeyText, PlainText, UtcTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "password",
        sa.Column("principal_id", KeyText(), nullable=False),
        sa.Column("hash", PlainText(), nullable=False),
        sa.Column("set_at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["principal_id"], ["principal.id"], name=op.f("fk_password_principal_id")),
        sa.PrimaryKeyConstraint("principal_id", name=op.f("pk_password")),
    )
    op.create_table(
        "one_time_link",
        sa.Column("digest", KeyText(), nullable=False),
        sa.Column("purpose", KeyText(), nullable=False),
        sa.Column("principal_id", KeyText(), nullable=False),
        sa.Column("made_at", UtcTime(), nullable=False),
        sa.Column("ends_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_one_time_link")),
    )
    op.create_table(
        "preference",
        sa.Column("principal_id", KeyText(), nullable=False),
        sa.Column("language", KeyText(), nullable=False),
        sa.Column("time_zone", KeyText(), nullable=False),
        sa.Column("theme", KeyText(), nullable=False),
        sa.ForeignKeyConstraint(["principal_id"], ["principal.id"], name=op.f("fk_preference_principal_id")),
        sa.PrimaryKeyConstraint("principal_id", name=op.f("pk_preference")),
    )
    _create_sessions()
    _create_failures()


def _create_sessions() -> None:
    op.create_table(
        "browser_session",
        sa.Column("id", KeyText(), nullable=False),
        sa.Column("digest", KeyText(), nullable=False),
        sa.Column("principal_id", KeyText(), nullable=False),
        sa.Column("opened_at", UtcTime(), nullable=False),
        sa.Column("seen_at", UtcTime(), nullable=False),
        sa.Column("ends_at", UtcTime(), nullable=False),
        sa.Column("method", KeyText(), nullable=False),
        sa.Column("via", KeyText(), nullable=False),
        sa.Column("token_digest", KeyText(), nullable=False),
        sa.Column("agent", PlainText(), nullable=False),
        sa.Column("address", KeyText(), nullable=False),
        sa.Column("hint", PlainText(), nullable=False),
        sa.ForeignKeyConstraint(["principal_id"], ["principal.id"], name=op.f("fk_browser_session_principal_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_browser_session")),
        sa.UniqueConstraint("digest", name=op.f("uq_browser_session_digest")),
    )
    op.create_index(op.f("ix_browser_session_principal_id"), "browser_session", ["principal_id"])


def _create_failures() -> None:
    op.create_table(
        "failed_sign_in",
        sa.Column("key", KeyText(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failed_at", UtcTime(), nullable=False),
        sa.Column("waits_until", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_failed_sign_in")),
    )
    op.create_index(op.f("ix_failed_sign_in_failed_at"), "failed_sign_in", ["failed_at"])
    op.create_table(
        "spent_state",
        sa.Column("digest", KeyText(), nullable=False),
        sa.Column("ends_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_spent_state")),
    )
    op.create_index(op.f("ix_spent_state_ends_at"), "spent_state", ["ends_at"])


def downgrade() -> None:
    """Schemas go forward only: going back is restoring the backup."""
    raise NotImplementedError("restore the backup that was taken before the upgrade")
