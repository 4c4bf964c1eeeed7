"""What is concluded, proposed, decided and done."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from knowledge.ledger.rows.base import JsonText, KeyText, PlainText, UtcTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "diagnosis",
        sa.Column("id", KeyText(), nullable=False),
        sa.Column("incident_id", KeyText(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("payload", JsonText(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_diagnosis_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_diagnosis")),
    )
    op.create_index(op.f("ix_diagnosis_incident_id"), "diagnosis", ["incident_id"], unique=False)
    op.create_table(
        "finding",
        sa.Column("incident_id", KeyText(), nullable=False),
        sa.Column("id", KeyText(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("fault", KeyText(), nullable=False),
        sa.Column("payload", JsonText(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_finding_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", "id", name=op.f("pk_finding")),
    )
    op.create_index(op.f("ix_finding_fault"), "finding", ["fault"], unique=False)
    op.create_table(
        "plan",
        sa.Column("id", KeyText(), nullable=False),
        sa.Column("incident_id", KeyText(), nullable=False),
        sa.Column("cluster", KeyText(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("payload", JsonText(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_plan_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan")),
    )
    op.create_index(op.f("ix_plan_incident_id"), "plan", ["incident_id"], unique=False)
    op.create_table(
        "verification",
        sa.Column("id", KeyText(), nullable=False),
        sa.Column("incident_id", KeyText(), nullable=False),
        sa.Column("execution_id", KeyText(), nullable=False),
        sa.Column("payload", JsonText(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_verification_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_verification")),
    )
    op.create_index(op.f("ix_verification_execution_id"), "verification", ["execution_id"], unique=False)
    op.create_index(op.f("ix_verification_incident_id"), "verification", ["incident_id"], unique=False)
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
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_rehearsal_incident_id")),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_rehearsal_plan_id")),
        sa.PrimaryKeyConstraint("plan_id", name=op.f("pk_rehearsal")),
    )
    op.create_index("ix_rehearsal_status_requested_at", "rehearsal", ["status", "requested_at"], unique=False)
    op.create_table(
        "review",
        sa.Column("id", KeyText(), nullable=False),
        sa.Column("plan_id", KeyText(), nullable=False),
        sa.Column("incident_id", KeyText(), nullable=False),
        sa.Column("digest", KeyText(), nullable=False),
        sa.Column("reviewed_at", UtcTime(), nullable=False),
        sa.Column("payload", JsonText(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_review_incident_id")),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_review_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review")),
    )
    op.create_index(op.f("ix_review_incident_id"), "review", ["incident_id"], unique=False)
    op.create_index(op.f("ix_review_plan_id"), "review", ["plan_id"], unique=False)
    op.create_table(
        "approval",
        sa.Column("id", KeyText(), nullable=False),
        sa.Column("incident_id", KeyText(), nullable=False),
        sa.Column("plan_id", KeyText(), nullable=False),
        sa.Column("review_id", KeyText(), nullable=False),
        sa.Column("digest", KeyText(), nullable=False),
        sa.Column("status", KeyText(), nullable=False),
        sa.Column("cluster", KeyText(), nullable=False),
        sa.Column("expires_at", UtcTime(), nullable=False),
        sa.Column("holds_until", UtcTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("payload", JsonText(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_approval_incident_id")),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_approval_plan_id")),
        sa.ForeignKeyConstraint(["review_id"], ["review.id"], name=op.f("fk_approval_review_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval")),
    )
    op.create_index(op.f("ix_approval_incident_id"), "approval", ["incident_id"], unique=False)
    op.create_index(
        "ix_approval_live",
        "approval",
        ["plan_id"],
        unique=True,
        sqlite_where=sa.text("status IN ('waiting', 'approved')"),
        postgresql_where=sa.text("status IN ('waiting', 'approved')"),
    )
    op.create_index(op.f("ix_approval_plan_id"), "approval", ["plan_id"], unique=False)
    op.create_index("ix_approval_status_id", "approval", ["status", "id"], unique=False)
    op.create_table(
        "execution",
        sa.Column("id", KeyText(), nullable=False),
        sa.Column("incident_id", KeyText(), nullable=False),
        sa.Column("plan_id", KeyText(), nullable=False),
        sa.Column("review_id", KeyText(), nullable=False),
        sa.Column("granted_by", KeyText(), nullable=False),
        sa.Column("cluster", KeyText(), nullable=False),
        sa.Column("status", KeyText(), nullable=False),
        sa.Column("is_cancelled", sa.Boolean(), nullable=False),
        sa.Column("holder", KeyText(), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False),
        sa.Column("leased_until", UtcTime(), nullable=True),
        sa.Column("starts_before", UtcTime(), nullable=True),
        sa.Column("requested_at", UtcTime(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("payload", JsonText(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_execution_incident_id")),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_execution_plan_id")),
        sa.ForeignKeyConstraint(["review_id"], ["review.id"], name=op.f("fk_execution_review_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_execution")),
        sa.UniqueConstraint("granted_by", name=op.f("uq_execution_granted_by")),
    )
    op.create_index(op.f("ix_execution_incident_id"), "execution", ["incident_id"], unique=False)
    op.create_index(op.f("ix_execution_plan_id"), "execution", ["plan_id"], unique=False)
    op.create_index("ix_execution_status_id", "execution", ["status", "id"], unique=False)
    op.create_table(
        "execution_step",
        sa.Column("execution_id", KeyText(), nullable=False),
        sa.Column("step_key", KeyText(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("outcome", KeyText(), nullable=False),
        sa.Column("request_digest", KeyText(), nullable=False),
        sa.Column("payload", JsonText(), nullable=False),
        sa.ForeignKeyConstraint(["execution_id"], ["execution.id"], name=op.f("fk_execution_step_execution_id")),
        sa.PrimaryKeyConstraint("execution_id", "step_key", name=op.f("pk_execution_step")),
    )
    op.create_table(
        "execution_target",
        sa.Column("execution_id", KeyText(), nullable=False),
        sa.Column("target_key", KeyText(), nullable=False),
        sa.Column("cluster", KeyText(), nullable=False),
        sa.ForeignKeyConstraint(["execution_id"], ["execution.id"], name=op.f("fk_execution_target_execution_id")),
        sa.PrimaryKeyConstraint("execution_id", "target_key", name=op.f("pk_execution_target")),
    )
    op.create_index("ix_execution_target_key", "execution_target", ["target_key", "cluster"], unique=False)


def downgrade() -> None:
    """Schemas go forward only: going back is restoring the backup."""
    raise NotImplementedError("restore the backup that was taken before the upgrade")
