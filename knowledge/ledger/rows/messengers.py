"""Tables of the chat platforms: who is who there, what came in from them, and what was posted where."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.ledger.rows.base import Base, Payload, Words


class LinkedIdentityRow(Base):
    """An account elsewhere that is one principal here. ``provider`` names the place with its tenant (``slack:T0123``)."""

    __tablename__ = "linked_identity"

    provider: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    principal_id: Mapped[str] = mapped_column(ForeignKey("principal.id"), index=True)
    linked_at: Mapped[datetime]
    linked_by: Mapped[str]


class LinkCodeRow(Base):
    """A one-time code with which a signed-in person links an account elsewhere. Only its digest is kept, and only once."""

    __tablename__ = "link_code"

    digest: Mapped[str] = mapped_column(primary_key=True)
    principal_id: Mapped[str] = mapped_column(ForeignKey("principal.id"), index=True)
    ends_at: Mapped[datetime]


class ReceivedRow(Base):
    """One request of a chat platform, kept before it is acknowledged: a repeated one is known by its id. ``payload`` is
    emptied when the work is done; the row stays for a while, as the memory of the id."""

    __tablename__ = "messenger_received"
    __table_args__ = (Index("ix_messenger_received_provider_due_at", "provider", "due_at"),)

    provider: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    payload: Mapped[Payload]
    received_at: Mapped[datetime] = mapped_column(index=True)
    due_at: Mapped[datetime | None]
    attempts: Mapped[int]
    holder: Mapped[str]
    leased_until: Mapped[datetime | None]
    failure: Mapped[Words]


class PostRow(Base):
    """A message that the desk keeps up to date in a channel. ``shown`` is the digest of what stands there; ``due_at`` is set
    while it may differ from what should. ``trying_since``: a first posting was begun and its outcome is not known."""

    __tablename__ = "messenger_post"
    __table_args__ = (
        Index("ix_messenger_post_provider_due_at", "provider", "due_at"),
        Index("ix_messenger_post_incident_id", "incident_id"),
        Index("ix_messenger_post_message", "provider", "channel", "message_id"),
    )

    provider: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    incident_id: Mapped[str] = mapped_column(ForeignKey("incident.id"))
    message_id: Mapped[str]
    shown: Mapped[str]
    told: Mapped[int]
    wanted_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    trying_since: Mapped[datetime | None]
    attempts: Mapped[int]
    failure: Mapped[Words]
    posted_at: Mapped[datetime | None]


class FollowedRow(Base):
    """Up to when a platform's follower has seen the incidents' changes."""

    __tablename__ = "messenger_followed"

    provider: Mapped[str] = mapped_column(primary_key=True)
    until: Mapped[datetime]


class ThreadRow(Base):
    """Which conversation a person's words in a thread belong to. Everybody in a thread has a conversation of their own, since
    everybody has a scope of their own."""

    __tablename__ = "messenger_thread"
    __table_args__ = (Index("ix_messenger_thread_conversation_id", "conversation_id"),)

    provider: Mapped[str] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(primary_key=True)
    thread: Mapped[str] = mapped_column(primary_key=True)
    principal_id: Mapped[str] = mapped_column(primary_key=True)
    conversation_id: Mapped[str]
    at: Mapped[datetime]
