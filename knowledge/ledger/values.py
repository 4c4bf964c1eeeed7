"""The ledger's own small values: what its parts hand out besides the vocabulary's nouns."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import Field

from knowledge.vocabulary import Alert, AlertFate, Json, Noun

SourceKind = Literal["alertmanager", "grafana", "generic"]
SourceAuth = Literal["bearer", "hmac", "hmac-timestamp"]
"""How a source proves its calls: its secret as a bearer token; a signature over the body; one over the time and the body, so
that a call that somebody recorded is of no use to him later."""


class WakeReason(StrEnum):
    """Why an incident asks for a worker. Parts write these; a caller of ``wakes.add`` may use words of its own."""

    OPENED = "opened"
    ALERT_JOINED = "alert_joined"
    ALERTS_RESOLVED = "alerts_resolved"
    REOPENED = "reopened"
    MERGED = "merged"
    APPROVAL_DECIDED = "approval_decided"
    APPROVAL_EXPIRED = "approval_expired"
    EXECUTION_FINISHED = "execution_finished"
    UNDO_REQUESTED = "undo_requested"


class AlertReceipt(Noun):
    """What became of one alert of a delivery. ``incident_id`` is empty for a resolved alert that nobody saw firing."""

    alert_id: str
    fate: AlertFate
    incident_id: str


class AlertRecord(Noun):
    """An alert as the ledger holds it. ``alert.status`` is the latest; ``fate`` is what its first firing became."""

    alert_id: str
    alert: Alert
    fate: AlertFate
    incident_id: str
    resends: int
    received_at: datetime
    seen_at: datetime


class Wake(Noun):
    """``holder`` is who claimed it: hand it back to ``done`` so that a late worker cannot finish another's wake."""

    id: str
    incident_id: str
    reason: str
    due_at: datetime
    holder: str = ""


class Token(Noun):
    """A personal token without its secret."""

    principal_id: str
    label: str
    created_at: datetime
    expires_at: datetime | None = None


class Feedback(Noun):
    id: str
    incident_id: str
    principal: str
    verdict: Literal["right", "wrong", "partly"]
    text: str
    at: datetime


class Freeze(Noun):
    cluster: str
    actor: str
    reason: str
    frozen_at: datetime


class Source(Noun):
    """Who may post alerts. The secret never leaves: ask ``accepts_bearer`` or ``accepts_signature``."""

    id: str
    kind: SourceKind
    auth: SourceAuth
    secret: str = Field(repr=False, exclude=True)

    def accepts_bearer(self, token: str) -> bool:
        """True when ``token`` is this source's; compared in constant time."""
        presented = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
        return self.auth == "bearer" and hmac.compare_digest(presented, self.secret)

    def accepts_signature(self, body: bytes, signature: str, timestamp: str = "") -> bool:
        """True when ``signature`` is the hex HMAC-SHA256 of ``body``, or of ``timestamp:body`` where a time is given; a leading
        ``sha256=`` is fine. Whether the time is near is the caller's to say."""
        if self.auth == "hmac-timestamp" and not timestamp:
            return False
        told = f"{timestamp}:".encode("utf-8", "surrogatepass") + body if timestamp else body
        expected = hmac.new(self.secret.encode(), told, hashlib.sha256).hexdigest()
        presented = signature.removeprefix("sha256=").strip().lower()
        same = hmac.compare_digest(presented.encode("utf-8", "surrogatepass"), expected.encode())
        return self.auth != "bearer" and same


class LibraryChunk(Noun):
    """``vector`` is float32, little-endian."""

    chunk_no: int
    text: str
    vector: bytes = Field(repr=False)


class LibraryEntry(Noun):
    collection: str
    id: str
    text: str
    language: str
    metadata: Json
    digest: str
    chunks: tuple[LibraryChunk, ...]
