"""Tables of the desk itself: who may act, who sends alerts, what is frozen, who holds what, and the audit chain."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.ledger.rows.base import Base, Names, Payload, Words


class PrincipalRow(Base):
    """``id`` is the folded name: one spelling of a person wherever a requester or a voter is compared."""

    __tablename__ = "principal"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[Words]
    kind: Mapped[str]
    person: Mapped[str]
    roles: Mapped[Names]
    scope: Mapped[Payload]
    is_disabled: Mapped[bool]
    created_at: Mapped[datetime]


class TokenRow(Base):
    """Only the digest of a token is kept; the token itself is shown once."""

    __tablename__ = "token"
    __table_args__ = (UniqueConstraint("principal_id", "label"),)

    digest: Mapped[str] = mapped_column(primary_key=True)
    principal_id: Mapped[str] = mapped_column(ForeignKey("principal.id"))
    label: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]


class SourceRow(Base):
    """``secret`` is a digest for a bearer token; for HMAC it is the secret, sealed when the desk has a key file."""

    __tablename__ = "source"

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    auth: Mapped[str]
    secret: Mapped[Words]
    is_sealed: Mapped[bool]
    created_at: Mapped[datetime]


class FreezeRow(Base):
    __tablename__ = "freeze"

    cluster: Mapped[str] = mapped_column(primary_key=True)
    actor: Mapped[str]
    reason: Mapped[Words]
    frozen_at: Mapped[datetime]


class LeaseRow(Base):
    """``token`` only rises; a released lease keeps its row so that an old holder's token stays stale."""

    __tablename__ = "lease"

    name: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str]
    token: Mapped[int]
    ends_at: Mapped[datetime]


class AuditRow(Base):
    __tablename__ = "audit"

    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    actor: Mapped[str]
    verb: Mapped[str]
    subject: Mapped[str]
    detail: Mapped[Payload]
    previous: Mapped[str]
    digest: Mapped[str]


class CheckpointRow(Base):
    """The chain's length and digest at a moment, signed; kept here so that the next one is due only when it has grown."""

    __tablename__ = "audit_checkpoint"

    sequence: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    digest: Mapped[str]
    at: Mapped[datetime]
    key: Mapped[str]
    signature: Mapped[str]
