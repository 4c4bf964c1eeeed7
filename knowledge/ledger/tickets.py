"""Tickets: a person asked. A ticket opens its own incident, so that its asker can see what becomes of it."""

from __future__ import annotations

from sqlalchemy import select

from knowledge.ledger.happenings import HappeningKind, happened
from knowledge.ledger.ids import new_id
from knowledge.ledger.lifecycle import incident_of
from knowledge.ledger.rows.intake import IncidentRow, TicketRow
from knowledge.ledger.store import Store, Writing
from knowledge.ledger.timeline import locked_incident, tell
from knowledge.ledger.values import WakeReason
from knowledge.ledger.wakes import add_wake
from knowledge.vocabulary import Incident, IncidentStatus, Severity, Text, Ticket

MOST_TOLD = 4_000
"""Characters of a ticket that the timeline repeats; the whole stands in the ticket."""


class Tickets:
    def __init__(self, store: Store) -> None:
        self._store = store

    def open(self, ticket: Ticket, title: str, severity: Severity, idempotency_key: str = "") -> Incident:
        """An incident, its first timeline line and a wake. The same ticket id, or the same requester and key, again:
        the incident of the first time, and nothing new."""
        with self._store.write() as writing:
            writing.hold(f"ticket {ticket.id}")
            writing.hold(f"ticket key {ticket.requester} {idempotency_key}")
            known = _known(writing, ticket, idempotency_key)
            if known is not None:
                return incident_of(locked_incident(writing, known.incident_id))
            row = _incident(writing, ticket, title, severity)
            writing.session.add(
                TicketRow(
                    id=ticket.id,
                    incident_id=row.id,
                    requester=ticket.requester,
                    request_key=idempotency_key,
                    payload=ticket.model_dump(mode="json"),
                )
            )
            said = Text(en=f"ticket from {ticket.requester}: {title}", zh=f"{ticket.requester} 提交工单：{title}")
            told = ticket.model_copy(update={"text": ticket.text[:MOST_TOLD]})
            tell(writing, row, "intake", ticket.requester, said, told.model_dump(mode="json"))
            add_wake(writing, row.id, WakeReason.OPENED)
            happened(writing, HappeningKind.INCIDENT_OPENED, row.id)
            writing.audit(ticket.requester, "ticket.open", row.id, ticket=ticket.id, channel=ticket.channel)
            return incident_of(row)

    def for_incident(self, incident_id: str) -> list[Ticket]:
        """Oldest first; more than one after a merge."""
        with self._store.read() as session:
            rows = session.scalars(select(TicketRow).where(TicketRow.incident_id == incident_id))
            tickets = [Ticket.model_validate(row.payload) for row in rows]
        return sorted(tickets, key=lambda ticket: (ticket.opened_at, ticket.id))


def _known(writing: Writing, ticket: Ticket, idempotency_key: str) -> TicketRow | None:
    row = writing.session.get(TicketRow, ticket.id)
    if row is None and idempotency_key:
        query = select(TicketRow).where(
            TicketRow.requester == ticket.requester, TicketRow.request_key == idempotency_key
        )
        row = writing.session.scalars(query).first()
    return row


def _incident(writing: Writing, ticket: Ticket, title: str, severity: Severity) -> IncidentRow:
    row = IncidentRow(
        id=new_id("inc", writing.at),
        title=title,
        status=IncidentStatus.OPEN,
        severity=severity,
        cluster=ticket.cluster,
        namespace=ticket.namespace,
        service=ticket.service,
        language=ticket.language,
        opened_by="ticket",
        requester=ticket.requester,
        assignee="",
        reason="",
        merged_into="",
        opened_at=ticket.opened_at,
        updated_at=writing.at,
        closed_at=None,
        version=0,
        timeline_length=0,
    )
    writing.session.add(row)
    writing.session.flush()
    return row
