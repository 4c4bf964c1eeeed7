"""What comes in: incidents, tickets, alerts, timeline, wakes and evidence."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from knowledge.ledger.rows.base import JsonText, KeyText, PlainText, UtcTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "delivery",
        sa.Column("id", KeyText(), nullable=False),
        sa.Column("source", KeyText(), nullable=False),
        sa.Column("key", KeyText(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("receipts", JsonText(), nullable=False),
        sa.Column("received_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
    )
    op.create_index(op.f("ix_delivery_received_at"), "delivery", ["received_at"], unique=False)
    op.create_table(
        "evidence",
        sa.Column("id", KeyText(), nullable=False),
        sa.Column("kind", KeyText(), nullable=False),
        sa.Column("cluster", KeyText(), nullable=False),
        sa.Column("seen_at", UtcTime(), nullable=False),
        sa.Column("payload", JsonText(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
    )
    op.create_index(op.f("ix_evidence_seen_at"), "evidence", ["seen_at"], unique=False)
    op.create_table(
        "incident",
        sa.Column("id", KeyText(), nullable=False),
        sa.Column("title", PlainText(), nullable=False),
        sa.Column("status", KeyText(), nullable=False),
        sa.Column("severity", KeyText(), nullable=False),
        sa.Column("cluster", KeyText(), nullable=False),
        sa.Column("namespace", KeyText(), nullable=False),
        sa.Column("service", KeyText(), nullable=False),
        sa.Column("language", KeyText(), nullable=False),
        sa.Column("opened_by", KeyText(), nullable=False),
        sa.Column("requester", KeyText(), nullable=False),
        sa.Column("assignee", KeyText(), nullable=False),
        sa.Column("reason", PlainText(), nullable=False),
        sa.Column("merged_into", KeyText(), nullable=False),
        sa.Column("opened_at", UtcTime(), nullable=False),
        sa.Column("updated_at", UtcTime(), nullable=False),
        sa.Column("closed_at", UtcTime(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("timeline_length", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incident")),
    )
    op.create_index(op.f("ix_incident_assignee"), "incident", ["assignee"], unique=False)
    op.create_index("ix_incident_cluster_id", "incident", ["cluster", "id"], unique=False)
    op.create_index("ix_incident_status_id", "incident", ["status", "id"], unique=False)
    op.create_table(
        "alert",
        sa.Column("id", KeyText(), nullable=False),
        sa.Column("source", KeyText(), nullable=False),
        sa.Column("cluster", KeyText(), nullable=False),
        sa.Column("fingerprint", KeyText(), nullable=False),
        sa.Column("starts_at", UtcTime(), nullable=False),
        sa.Column("status", KeyText(), nullable=False),
        sa.Column("fate", KeyText(), nullable=False),
        sa.Column("incident_id", KeyText(), nullable=True),
        sa.Column("namespace", KeyText(), nullable=False),
        sa.Column("service", KeyText(), nullable=False),
        sa.Column("delivery_id", KeyText(), nullable=False),
        sa.Column("resends", sa.Integer(), nullable=False),
        sa.Column("received_at", UtcTime(), nullable=False),
        sa.Column("seen_at", UtcTime(), nullable=False),
        sa.Column("payload", JsonText(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_alert_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
        sa.UniqueConstraint("source", "cluster", "fingerprint", "starts_at", name=op.f("uq_alert_source")),
    )
    op.create_index("ix_alert_incident_status", "alert", ["incident_id", "status"], unique=False)
    op.create_index("ix_alert_status_id", "alert", ["status", "id"], unique=False)
    op.create_table(
        "evidence_link",
        sa.Column("incident_id", KeyText(), nullable=False),
        sa.Column("evidence_id", KeyText(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["evidence_id"], ["evidence.id"], name=op.f("fk_evidence_link_evidence_id")),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_evidence_link_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", "evidence_id", name=op.f("pk_evidence_link")),
        sa.UniqueConstraint("incident_id", "position", name=op.f("uq_evidence_link_incident_id")),
    )
    op.create_index(op.f("ix_evidence_link_evidence_id"), "evidence_link", ["evidence_id"], unique=False)
    op.create_table(
        "join_point",
        sa.Column("cluster", KeyText(), nullable=False),
        sa.Column("key", KeyText(), nullable=False),
        sa.Column("incident_id", KeyText(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_join_point_incident_id")),
        sa.PrimaryKeyConstraint("cluster", "key", "incident_id", name=op.f("pk_join_point")),
    )
    op.create_index(op.f("ix_join_point_incident_id"), "join_point", ["incident_id"], unique=False)
    op.create_table(
        "ticket",
        sa.Column("id", KeyText(), nullable=False),
        sa.Column("incident_id", KeyText(), nullable=False),
        sa.Column("requester", KeyText(), nullable=False),
        sa.Column("request_key", KeyText(), nullable=False),
        sa.Column("payload", JsonText(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_ticket_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket")),
    )
    op.create_index(op.f("ix_ticket_incident_id"), "ticket", ["incident_id"], unique=False)
    op.create_index(
        "ix_ticket_request_key",
        "ticket",
        ["requester", "request_key"],
        unique=True,
        sqlite_where=sa.text("request_key <> ''"),
        postgresql_where=sa.text("request_key <> ''"),
    )
    op.create_table(
        "timeline",
        sa.Column("incident_id", KeyText(), nullable=False),
        sa.Column("sequence", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("stage", KeyText(), nullable=False),
        sa.Column("actor", KeyText(), nullable=False),
        sa.Column("summary", JsonText(), nullable=False),
        sa.Column("data", JsonText(), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_timeline_incident_id")),
        sa.PrimaryKeyConstraint("incident_id", "sequence", name=op.f("pk_timeline")),
    )
    op.create_table(
        "wake",
        sa.Column("id", KeyText(), nullable=False),
        sa.Column("incident_id", KeyText(), nullable=False),
        sa.Column("reason", KeyText(), nullable=False),
        sa.Column("due_at", UtcTime(), nullable=False),
        sa.Column("holder", KeyText(), nullable=False),
        sa.Column("leased_until", UtcTime(), nullable=True),
        sa.ForeignKeyConstraint(["incident_id"], ["incident.id"], name=op.f("fk_wake_incident_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wake")),
    )
    op.create_index("ix_wake_due_at_id", "wake", ["due_at", "id"], unique=False)
    op.create_index("ix_wake_incident_leased_until", "wake", ["incident_id", "leased_until"], unique=False)
    op.create_index(
        "ix_wake_waiting",
        "wake",
        ["incident_id", "reason"],
        unique=True,
        sqlite_where=sa.text("holder = ''"),
        postgresql_where=sa.text("holder = ''"),
    )


def downgrade() -> None:
    """Schemas go forward only: going back is restoring the backup."""
    raise NotImplementedError("restore the backup that was taken before the upgrade")
