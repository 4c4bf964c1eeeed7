"""What is learned, and the library's texts and vectors."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from knowledge.ledger.rows.base import JsonText, KeyText, PlainText, UtcTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "library_entry",
        sa.Column("collection", KeyText(), nullable=False),
        sa.Column("id", KeyText(), nullable=False),
        sa.Column("language", KeyText(), nullable=False),
        sa.Column("digest", KeyText(), nullable=False),
        sa.Column("text", PlainText(), nullable=False),
        sa.Column("details", JsonText(), nullable=False),
        sa.Column("stored_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("collection", "id", name=op.f("pk_library_entry")),
    )
    op.create_table(
        "outcome",
        sa.Column("id", KeyText(), nullable=False),
        sa.Column("case_id", KeyText(), nullable=False),
        sa.Column("fault", KeyText(), nullable=False),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outcome")),
    )
    op.create_index("ix_outcome_case_held", "outcome", ["case_id", "held"], unique=False)
    op.create_index(op.f("ix_outcome_fault"), "outcome", ["fault"], unique=False)
    op.create_table(
        "feedback",
        sa.Column("id", KeyText(), nullable=False),
        sa.Column("incident_id", KeyText(), nullable=False),
        sa.Column("principal", KeyText(), nullable=False),
        sa.Column("verdict", KeyText(), nullable=False),
        sa.Column("text", PlainText(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_feedback_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
    )
    op.create_index(op.f("ix_feedback_incident_id"), "feedback", ["incident_id"], unique=False)
    op.create_table(
        "lesson",
        sa.Column("id", KeyText(), nullable=False),
        sa.Column("incident_id", KeyText(), nullable=False),
        sa.Column("status", KeyText(), nullable=False),
        sa.Column("payload", JsonText(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_lesson_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lesson")),
    )
    op.create_index(op.f("ix_lesson_incident_id"), "lesson", ["incident_id"], unique=False)
    op.create_index("ix_lesson_status_id", "lesson", ["status", "id"], unique=False)
    op.create_table(
        "library_chunk",
        sa.Column("collection", KeyText(), nullable=False),
        sa.Column("entry_id", KeyText(), nullable=False),
        sa.Column("chunk_no", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("text", PlainText(), nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection", "entry_id"],
            ["library_entry.collection", "library_entry.id"],
            name=op.f("fk_library_chunk_collection"),
        ),
        sa.PrimaryKeyConstraint("collection", "entry_id", "chunk_no", name=op.f("pk_library_chunk")),
    )


def downgrade() -> None:
    """Schemas go forward only: going back is restoring the backup."""
    raise NotImplementedError("restore the backup that was taken before the upgrade")
