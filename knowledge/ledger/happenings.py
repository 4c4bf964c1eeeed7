"""What happened and may have to be told, kept in the very transaction in which it happened: a process that dies right after
it has told nobody, but the next one will."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from knowledge.ledger.ids import new_id
from knowledge.ledger.rows.notices import HappeningRow
from knowledge.ledger.store import Writing
from knowledge.vocabulary import Noun, Text

NOTHING_SAID = Text(en="", zh="")


class HappeningKind(StrEnum):
    """In the order of an incident's life. Notices carry the same words."""

    INCIDENT_OPENED = "incident_opened"
    DIAGNOSED = "diagnosed"
    WAITING_FOR_APPROVAL = "waiting_for_approval"
    APPROVAL_EXPIRED = "approval_expired"
    DECIDED = "decided"
    BREAK_GLASS = "break_glass"
    EXECUTED = "executed"
    FAILED = "failed"
    UNDONE = "undone"
    HANDED_OVER = "handed_over"
    ANSWERED = "answered"
    RESOLVED = "resolved"
    REOPENED = "reopened"


class Happening(Noun):
    """``subject`` is the id of the approval request, execution or diagnosis that it is about; empty: the incident."""

    id: str
    kind: HappeningKind
    incident_id: str
    subject: str = ""
    is_page: bool = False
    said: Text = NOTHING_SAID
    at: datetime


def happened(
    writing: Writing,
    kind: HappeningKind,
    incident_id: str,
    subject: str = "",
    *,
    said: Text = NOTHING_SAID,
    is_page: bool = False,
) -> None:
    """Keeps it within a running transaction. ``is_page``: somebody has to look now, whatever the hour."""
    writing.session.add(
        HappeningRow(
            id=new_id("hap", writing.at),
            kind=kind,
            incident_id=incident_id,
            subject=subject,
            is_page=is_page,
            said=said.model_dump(),
            at=writing.at,
        )
    )
