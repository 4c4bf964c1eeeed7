"""Tables of signing in: passwords, one-time links, browser sessions, failed attempts, and what a person prefers."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.ledger.rows.base import Base, Words


class PasswordRow(Base):
    """``hash`` is argon2's own text: it names its parameters and its salt."""

    __tablename__ = "password"

    principal_id: Mapped[str] = mapped_column(ForeignKey("principal.id"), primary_key=True)
    hash: Mapped[Words]
    set_at: Mapped[datetime]


class OneTimeLinkRow(Base):
    """Only the digest of the link's secret is kept. ``principal_id`` is empty for the link that makes the first admin."""

    __tablename__ = "one_time_link"

    digest: Mapped[str] = mapped_column(primary_key=True)
    purpose: Mapped[str]
    principal_id: Mapped[str]
    made_at: Mapped[datetime]
    ends_at: Mapped[datetime]


class BrowserSessionRow(Base):
    """``digest`` is that of the cookie's secret. ``token_digest`` names the personal token that opened it, empty when none
    did; ``hint`` is what the provider wants back at sign-out, sealed."""

    __tablename__ = "browser_session"

    id: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    principal_id: Mapped[str] = mapped_column(ForeignKey("principal.id"), index=True)
    opened_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    method: Mapped[str]
    via: Mapped[str]
    token_digest: Mapped[str]
    agent: Mapped[Words]
    address: Mapped[str]
    hint: Mapped[Words]


class FailedSignInRow(Base):
    """How often signing in failed lately for an account, a browser or an address, and until when it has to wait."""

    __tablename__ = "failed_sign_in"

    key: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    failed_at: Mapped[datetime] = mapped_column(index=True)
    waits_until: Mapped[datetime | None]


class SpentStateRow(Base):
    """A provider's answer that was taken: the same one is not taken again."""

    __tablename__ = "spent_state"

    digest: Mapped[str] = mapped_column(primary_key=True)
    ends_at: Mapped[datetime] = mapped_column(index=True)


class PreferenceRow(Base):
    """Empty: what the browser says."""

    __tablename__ = "preference"

    principal_id: Mapped[str] = mapped_column(ForeignKey("principal.id"), primary_key=True)
    language: Mapped[str]
    time_zone: Mapped[str]
    theme: Mapped[str]
