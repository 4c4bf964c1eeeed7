"""Narrow tables that reports sum over: what is too wide to read fifty thousand times stays where it is."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.ledger.rows.base import Base


class ConclusionRow(Base):
    """A diagnosis without its reasons, written with it."""

    __tablename__ = "conclusion"

    diagnosis_id: Mapped[str] = mapped_column(primary_key=True)
    incident_id: Mapped[str] = mapped_column(index=True)
    at: Mapped[datetime]
    verdict: Mapped[str]
    fault: Mapped[str]
    object_key: Mapped[str]
    confidence: Mapped[float]
    seconds: Mapped[float]


class ModelCallRow(Base):
    """One question to a chat model, whatever came of it. ``incident_id`` is empty for a chat that is about none."""

    __tablename__ = "model_call"
    __table_args__ = (Index("ix_model_call_incident_id", "incident_id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    incident_id: Mapped[str]
    purpose: Mapped[str]
    profile: Mapped[str]
    model: Mapped[str]
    outcome: Mapped[str]
    input_tokens: Mapped[int]
    output_tokens: Mapped[int]
    cost: Mapped[float]
    seconds: Mapped[float]
    is_estimated: Mapped[bool]
