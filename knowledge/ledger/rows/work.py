"""Tables of what is concluded, proposed, decided and done."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.ledger.rows.base import Base, Payload, Words

_LIVE = text("status IN ('waiting', 'approved')")


class FindingRow(Base):
    __tablename__ = "finding"
    __table_args__ = (Index("ix_finding_incident_fault", "incident_id", "fault"),)

    incident_id: Mapped[str] = mapped_column(ForeignKey("incident.id"), primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    fault: Mapped[str] = mapped_column(index=True)
    payload: Mapped[Payload]


class DiagnosisRow(Base):
    __tablename__ = "diagnosis"

    id: Mapped[str] = mapped_column(primary_key=True)
    incident_id: Mapped[str] = mapped_column(ForeignKey("incident.id"), index=True)
    at: Mapped[datetime]
    payload: Mapped[Payload]


class PlanRow(Base):
    __tablename__ = "plan"

    id: Mapped[str] = mapped_column(primary_key=True)
    incident_id: Mapped[str] = mapped_column(ForeignKey("incident.id"), index=True)
    cluster: Mapped[str]
    created_at: Mapped[datetime]
    payload: Mapped[Payload]


class ReviewRow(Base):
    __tablename__ = "review"

    id: Mapped[str] = mapped_column(primary_key=True)
    plan_id: Mapped[str] = mapped_column(ForeignKey("plan.id"), index=True)
    incident_id: Mapped[str] = mapped_column(ForeignKey("incident.id"), index=True)
    digest: Mapped[str]
    reviewed_at: Mapped[datetime]
    payload: Mapped[Payload]


class ApprovalRow(Base):
    """One live request per plan: the partial unique index holds it, whatever the code does."""

    __tablename__ = "approval"
    __table_args__ = (
        Index("ix_approval_live", "plan_id", unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE),
        Index("ix_approval_status_id", "status", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    incident_id: Mapped[str] = mapped_column(ForeignKey("incident.id"), index=True)
    plan_id: Mapped[str] = mapped_column(ForeignKey("plan.id"), index=True)
    review_id: Mapped[str] = mapped_column(ForeignKey("review.id"))
    digest: Mapped[str]
    status: Mapped[str]
    cluster: Mapped[str]
    expires_at: Mapped[datetime]
    holds_until: Mapped[datetime | None]
    version: Mapped[int]
    payload: Mapped[Payload]


class ExecutionRow(Base):
    """``granted_by`` is the approval, or the review that needed none: unique, so that either runs once, ever."""

    __tablename__ = "execution"
    __table_args__ = (Index("ix_execution_status_id", "status", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    incident_id: Mapped[str] = mapped_column(ForeignKey("incident.id"), index=True)
    plan_id: Mapped[str] = mapped_column(ForeignKey("plan.id"), index=True)
    review_id: Mapped[str] = mapped_column(ForeignKey("review.id"))
    granted_by: Mapped[str] = mapped_column(unique=True)
    cluster: Mapped[str]
    status: Mapped[str]
    is_cancelled: Mapped[bool]
    holder: Mapped[str]
    token: Mapped[int]
    leased_until: Mapped[datetime | None]
    starts_before: Mapped[datetime | None]
    requested_at: Mapped[datetime]
    version: Mapped[int]
    payload: Mapped[Payload]


class ExecutionStepRow(Base):
    """The write-ahead record of one write: ``intended`` before it is sent, an outcome after."""

    __tablename__ = "execution_step"

    execution_id: Mapped[str] = mapped_column(ForeignKey("execution.id"), primary_key=True)
    step_key: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    outcome: Mapped[str]
    request_digest: Mapped[str]
    payload: Mapped[Payload]


class ExecutionTargetRow(Base):
    __tablename__ = "execution_target"
    __table_args__ = (Index("ix_execution_target_key", "target_key", "cluster"),)

    execution_id: Mapped[str] = mapped_column(ForeignKey("execution.id"), primary_key=True)
    target_key: Mapped[str] = mapped_column(primary_key=True)
    cluster: Mapped[str]


class VerificationRow(Base):
    __tablename__ = "verification"

    id: Mapped[str] = mapped_column(primary_key=True)
    incident_id: Mapped[str] = mapped_column(ForeignKey("incident.id"), index=True)
    execution_id: Mapped[str] = mapped_column(index=True)
    payload: Mapped[Payload]


class RehearsalRow(Base):
    """A plan that waits for the executor's review. One per plan: asked for again, it is the same one."""

    __tablename__ = "rehearsal"
    __table_args__ = (Index("ix_rehearsal_status_requested_at", "status", "requested_at"),)

    plan_id: Mapped[str] = mapped_column(ForeignKey("plan.id"), primary_key=True)
    incident_id: Mapped[str] = mapped_column(ForeignKey("incident.id"))
    cluster: Mapped[str]
    status: Mapped[str]
    token: Mapped[int]
    leased_until: Mapped[datetime | None]
    review_id: Mapped[str]
    error: Mapped[Words]
    requested_at: Mapped[datetime]
