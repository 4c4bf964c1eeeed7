"""Tables of what comes in and of the incident that it becomes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.ledger.rows.base import Base, Names, Payload, Words


class IncidentRow(Base):
    """The whole noun in columns, since every field of it is searched or shown in lists."""

    __tablename__ = "incident"
    __table_args__ = (
        Index("ix_incident_status_id", "status", "id"),
        Index("ix_incident_cluster_id", "cluster", "id"),
        Index("ix_incident_updated_at_id", "updated_at", "id"),
        Index("ix_incident_opened_at", "opened_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[Words]
    status: Mapped[str]
    severity: Mapped[str]
    cluster: Mapped[str]
    namespace: Mapped[str]
    service: Mapped[str]
    language: Mapped[str]
    opened_by: Mapped[str]
    requester: Mapped[str]
    assignee: Mapped[str] = mapped_column(index=True)
    reason: Mapped[Words]
    reason_zh: Mapped[Words] = mapped_column(server_default="", default="")
    merged_into: Mapped[str]
    opened_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    version: Mapped[int]
    timeline_length: Mapped[int]


class JoinPointRow(Base):
    """Where the next alert of this fingerprint, service or name may join: one look-up, however long the storm."""

    __tablename__ = "join_point"

    cluster: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    incident_id: Mapped[str] = mapped_column(ForeignKey("incident.id"), primary_key=True, index=True)


class TicketRow(Base):
    __tablename__ = "ticket"
    __table_args__ = (
        Index(
            "ix_ticket_request_key",
            "requester",
            "request_key",
            unique=True,
            sqlite_where=text("request_key <> ''"),
            postgresql_where=text("request_key <> ''"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    incident_id: Mapped[str] = mapped_column(ForeignKey("incident.id"), index=True)
    requester: Mapped[str]
    request_key: Mapped[str]
    payload: Mapped[Payload]


class DeliveryRow(Base):
    """One webhook call as it came, kept before any work, with the receipts that were given for it."""

    __tablename__ = "delivery"

    id: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str]
    key: Mapped[str]
    raw: Mapped[bytes]
    receipts: Mapped[Names]
    received_at: Mapped[datetime] = mapped_column(index=True)


class AlertRow(Base):
    __tablename__ = "alert"
    __table_args__ = (
        UniqueConstraint("source", "cluster", "fingerprint", "starts_at"),
        Index("ix_alert_incident_status", "incident_id", "status"),
        Index("ix_alert_status_id", "status", "id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str]
    cluster: Mapped[str]
    fingerprint: Mapped[str]
    starts_at: Mapped[datetime]
    status: Mapped[str]
    fate: Mapped[str]
    incident_id: Mapped[str | None] = mapped_column(ForeignKey("incident.id"))
    namespace: Mapped[str]
    service: Mapped[str]
    delivery_id: Mapped[str]
    resends: Mapped[int]
    received_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    payload: Mapped[Payload]


class TimelineRow(Base):
    __tablename__ = "timeline"

    incident_id: Mapped[str] = mapped_column(ForeignKey("incident.id"), primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    stage: Mapped[str]
    actor: Mapped[str]
    summary: Mapped[Payload]
    data: Mapped[Payload]


class WakeRow(Base):
    """A wake waits, is claimed for the length of a lease, and is deleted when done. Waiting ones of one reason are one."""

    __tablename__ = "wake"
    __table_args__ = (
        Index(
            "ix_wake_waiting",
            "incident_id",
            "reason",
            unique=True,
            sqlite_where=text("holder = ''"),
            postgresql_where=text("holder = ''"),
        ),
        Index("ix_wake_due_at_id", "due_at", "id"),
        Index("ix_wake_incident_leased_until", "incident_id", "leased_until"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    incident_id: Mapped[str] = mapped_column(ForeignKey("incident.id"))
    reason: Mapped[str]
    due_at: Mapped[datetime]
    holder: Mapped[str]
    leased_until: Mapped[datetime | None]


class EvidenceRow(Base):
    """Content-addressed: the same fact seen twice, or in two incidents, is one row. ``seen_at`` is the last time."""

    __tablename__ = "evidence"

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    cluster: Mapped[str]
    seen_at: Mapped[datetime] = mapped_column(index=True)
    payload: Mapped[Payload]


class EvidenceLinkRow(Base):
    __tablename__ = "evidence_link"
    __table_args__ = (UniqueConstraint("incident_id", "position"),)

    incident_id: Mapped[str] = mapped_column(ForeignKey("incident.id"), primary_key=True)
    evidence_id: Mapped[str] = mapped_column(ForeignKey("evidence.id"), primary_key=True, index=True)
    position: Mapped[int]
