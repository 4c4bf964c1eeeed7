"""Tables of what has to be told: what happened, written with it, and what is on its way to whom."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.ledger.rows.base import Base, Payload, Words


class HappeningRow(Base):
    """Written in the transaction of what it tells; deleted in the one that keeps its notices. No foreign key: what happened is
    told even of an incident that somebody took out of the ledger."""

    __tablename__ = "happening"

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    incident_id: Mapped[str]
    subject: Mapped[str]
    is_page: Mapped[bool]
    said: Mapped[Payload]
    at: Mapped[datetime]


class NoticeRow(Base):
    """One notice to one place. ``key`` makes it once, however often it is composed; ``batch`` are those that go as one
    message, and stay together at every retry."""

    __tablename__ = "notice"
    __table_args__ = (
        Index("ix_notice_state_due_at", "state", "due_at"),
        Index("ix_notice_place_batched_at", "channel", "place", "batched_at"),
        Index("ix_notice_incident_id", "incident_id"),
        Index("ix_notice_batch", "batch"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    route: Mapped[str]
    channel: Mapped[str]
    place: Mapped[str]
    kind: Mapped[str]
    incident_id: Mapped[str]
    subject: Mapped[str]
    is_page: Mapped[bool]
    state: Mapped[str]
    due_at: Mapped[datetime]
    batch: Mapped[str]
    batched_at: Mapped[datetime | None]
    attempts: Mapped[int]
    holder: Mapped[str]
    leased_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    error: Mapped[Words]
    address: Mapped[Payload]
    payload: Mapped[Payload]
