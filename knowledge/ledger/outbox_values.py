"""The outbox's small values. What a notice says, and the address within its channel, are the faces' own: plain JSON here."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import Field

from knowledge.vocabulary import Json, Noun


class NoticeState(StrEnum):
    """``obsolete``: what it asks for has been decided meanwhile."""

    WAITING = "waiting"
    SENT = "sent"
    GIVEN_UP = "given_up"
    OBSOLETE = "obsolete"


class Outgoing(Noun):
    """One notice for one place. ``key`` is the same however often it is composed; ``place`` is the address in one word."""

    key: str
    route: str
    channel: str
    place: str
    kind: str
    incident_id: str = ""
    subject: str = ""
    is_page: bool = False
    due_at: datetime
    address: Json
    notice: Json


class NoticeRecord(Outgoing):
    """As it stands in the ledger."""

    id: str
    state: NoticeState
    batch: str
    attempts: int
    created_at: datetime
    ended_at: datetime | None
    error: str


class Batch(Noun):
    """What goes to one place as one message, in order of time. ``attempts`` failed so far, the first at ``began_at``."""

    id: str
    channel: str
    place: str
    address: Json
    notices: tuple[Json, ...]
    attempts: int
    began_at: datetime


class Pace(Noun):
    """How much one place bears: ``burst`` messages within ``burst_seconds``; more than that become one digest, at most one
    in ``digest_seconds``. Pages go at once."""

    burst: int = Field(default=5, ge=1)
    burst_seconds: float = 60.0
    digest_seconds: float = 60.0
    most_in_digest: int = 500


class SilentExecution(Noun):
    """An execution that its executor (``holder``, by its fencing ``token``) left in the middle."""

    execution_id: str
    incident_id: str
    holder: str
    token: int
    since: datetime
