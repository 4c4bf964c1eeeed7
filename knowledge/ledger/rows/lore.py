"""Tables of what the desk learns, and of the library's texts and vectors."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.ledger.rows.base import Base, Payload, Words


class LessonRow(Base):
    __tablename__ = "lesson"
    __table_args__ = (Index("ix_lesson_status_id", "status", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    incident_id: Mapped[str | None] = mapped_column(ForeignKey("incident.id"), index=True)
    status: Mapped[str]
    payload: Mapped[Payload]


class FeedbackRow(Base):
    __tablename__ = "feedback"

    id: Mapped[str] = mapped_column(primary_key=True)
    incident_id: Mapped[str] = mapped_column(ForeignKey("incident.id"), index=True)
    principal: Mapped[str]
    verdict: Mapped[str]
    text: Mapped[Words]
    at: Mapped[datetime]


class OutcomeRow(Base):
    """Whether a case's remedy held. ``id`` is the execution's and the case's where known: told twice, counted once."""

    __tablename__ = "outcome"
    __table_args__ = (Index("ix_outcome_case_held", "case_id", "held"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[str]
    fault: Mapped[str] = mapped_column(index=True)
    held: Mapped[bool]
    at: Mapped[datetime]


class LibraryEntryRow(Base):
    __tablename__ = "library_entry"

    collection: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    language: Mapped[str]
    digest: Mapped[str]
    text: Mapped[Words]
    details: Mapped[Payload]
    stored_at: Mapped[datetime]


class LibraryChunkRow(Base):
    """``vector`` is little-endian float32, as the embedder gave it."""

    __tablename__ = "library_chunk"
    __table_args__ = (
        ForeignKeyConstraint(["collection", "entry_id"], ["library_entry.collection", "library_entry.id"]),
    )

    collection: Mapped[str] = mapped_column(primary_key=True)
    entry_id: Mapped[str] = mapped_column(primary_key=True)
    chunk_no: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    text: Mapped[Words]
    vector: Mapped[bytes]
