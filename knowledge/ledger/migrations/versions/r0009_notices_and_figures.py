"""What has to be told to whom, and narrow tables that reports sum over."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from knowledge.ledger.rows.base import JsonText, KeyText, PlainText, UtcTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_AT_ONCE = 500


def upgrade() -> None:
    _create_happening()
    _create_notice()
    _create_model_call()
    _create_conclusion()
    op.create_index("ix_finding_incident_fault", "finding", ["incident_id", "fault"], unique=False)
    op.create_index("ix_incident_opened_at", "incident", ["opened_at"], unique=False)


def _create_happening() -> None:
    op.create_table(
        "happening",
        sa.Column("id", KeyText(), nullable=False),
        sa.Column("kind", KeyText(), nullable=False),
        sa.Column("incident_id", KeyText(), nullable=False),
        sa.Column("subject", KeyText(), nullable=False),
        sa.Column("is_page", sa.Boolean(), nullable=False),
        sa.Column("said", JsonText(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_happening")),
    )


def _create_notice() -> None:
    op.create_table(
        "notice",
        sa.Column("id", KeyText(), nullable=False),
        sa.Column("key", KeyText(), nullable=False),
        sa.Column("route", KeyText(), nullable=False),
        sa.Column("channel", KeyText(), nullable=False),
        sa.Column("place", KeyText(), nullable=False),
        sa.Column("kind", KeyText(), nullable=False),
        sa.Column("incident_id", KeyText(), nullable=False),
        sa.Column("subject", KeyText(), nullable=False),
        sa.Column("is_page", sa.Boolean(), nullable=False),
        sa.Column("state", KeyText(), nullable=False),
        sa.Column("due_at", UtcTime(), nullable=False),
        sa.Column("batch", KeyText(), nullable=False),
        sa.Column("batched_at", UtcTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("holder", KeyText(), nullable=False),
        sa.Column("leased_until", UtcTime(), nullable=True),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.Column("error", PlainText(), nullable=False),
        sa.Column("address", JsonText(), nullable=False),
        sa.Column("payload", JsonText(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint("key", name=op.f("uq_notice_key")),
    )
    op.create_index("ix_notice_state_due_at", "notice", ["state", "due_at"], unique=False)
    op.create_index("ix_notice_place_batched_at", "notice", ["channel", "place", "batched_at"], unique=False)
    op.create_index("ix_notice_incident_id", "notice", ["incident_id"], unique=False)
    op.create_index("ix_notice_batch", "notice", ["batch"], unique=False)


def _create_model_call() -> None:
    op.create_table(
        "model_call",
        sa.Column("id", KeyText(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("incident_id", KeyText(), nullable=False),
        sa.Column("purpose", KeyText(), nullable=False),
        sa.Column("profile", KeyText(), nullable=False),
        sa.Column("model", KeyText(), nullable=False),
        sa.Column("outcome", KeyText(), nullable=False),
        sa.Column("input_tokens", sa.Integer(), nullable=False),
        sa.Column("output_tokens", sa.Integer(), nullable=False),
        sa.Column("cost", sa.Float(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("is_estimated", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model_call")),
    )
    op.create_index("ix_model_call_incident_id", "model_call", ["incident_id"], unique=False)


def _create_conclusion() -> None:
    conclusion = op.create_table(
        "conclusion",
        sa.Column("diagnosis_id", KeyText(), nullable=False),
        sa.Column("incident_id", KeyText(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("verdict", KeyText(), nullable=False),
        sa.Column("fault", KeyText(), nullable=False),
        sa.Column("object_key", KeyText(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("diagnosis_id", name=op.f("pk_conclusion")),
    )
    op.create_index(op.f("ix_conclusion_incident_id"), "conclusion", ["incident_id"], unique=False)
    _conclude_what_there_is(conclusion)


def _conclude_what_there_is(conclusion: sa.Table) -> None:
    """Diagnoses that were kept before are in the reports, too. Some at a time: one may be wide."""
    diagnosis = sa.table(
        "diagnosis",
        sa.column("id", KeyText()),
        sa.column("incident_id", KeyText()),
        sa.column("at", UtcTime()),
        sa.column("payload", PlainText()),
    )
    connection, last = op.get_bind(), ""
    while True:
        page = connection.execute(
            sa.select(diagnosis).where(diagnosis.c.id > last).order_by(diagnosis.c.id).limit(_AT_ONCE)
        ).all()
        if not page:
            return
        last = page[-1].id
        connection.execute(conclusion.insert(), [_concluded(row) for row in page])


def _concluded(row: Any) -> dict[str, Any]:
    told = json.loads(row.payload)
    chosen = told.get("chosen") or {}
    place = chosen.get("object") or {}
    parts = (place.get("kind"), place.get("namespace"), place.get("name"))
    return {
        "diagnosis_id": row.id,
        "incident_id": row.incident_id,
        "at": row.at,
        "verdict": told["verdict"],
        "fault": chosen.get("fault", ""),
        "object_key": "/".join(part for part in parts if part),
        "confidence": told.get("confidence", 0.0),
        "seconds": told.get("seconds", 0.0),
    }


def downgrade() -> None:
    """Schemas go forward only: going back is restoring the backup."""
    raise NotImplementedError("restore the backup that was taken before the upgrade")
