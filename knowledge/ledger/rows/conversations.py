"""Tables of the chat: conversations and what was said in them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.ledger.rows.base import Base, Payload, Words


class ConversationRow(Base):
    """``incident_id`` is set where it is about one, from its first word on or since it led to it."""

    __tablename__ = "conversation"
    __table_args__ = (Index("ix_conversation_principal_id", "principal_id", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    principal_id: Mapped[str]
    incident_id: Mapped[str | None] = mapped_column(ForeignKey("incident.id"), index=True)
    title: Mapped[Words]
    channel: Mapped[str]
    opened_at: Mapped[datetime]
    updated_at: Mapped[datetime] = mapped_column(index=True)
    length: Mapped[int]


class MessageRow(Base):
    """One thing said, by a person or by the desk. ``payload`` holds what the desk's side needs beside its text."""

    __tablename__ = "message"

    conversation_id: Mapped[str] = mapped_column(ForeignKey("conversation.id"), primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(unique=True)
    said_by: Mapped[str]
    principal_id: Mapped[str]
    text: Mapped[Words]
    payload: Mapped[Payload]
    at: Mapped[datetime]
