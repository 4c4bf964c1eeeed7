"""The timeline: an incident's story, one line per stage, in the order in which it happened."""

from __future__ import annotations

from sqlalchemy import func, select

from knowledge.errors import NotFound
from knowledge.ledger.rows.intake import IncidentRow, TimelineRow
from knowledge.ledger.store import Store, Writing
from knowledge.vocabulary import Json, Text, TimelineEntry


class Timeline:
    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, incident_id: str, stage: str, actor: str, summary: Text, data: Json | None = None) -> TimelineEntry:
        """Appends a line. Its sequence counts from 1 within the incident, without gaps. NotFound for no such incident."""
        with self._store.write() as writing:
            row = tell(writing, locked_incident(writing, incident_id), stage, actor, summary, data)
            return _entry(row)

    def for_incident(self, incident_id: str, after_sequence: int = 0, limit: int = 1000) -> list[TimelineEntry]:
        with self._store.read() as session:
            query = (
                select(TimelineRow)
                .where(TimelineRow.incident_id == incident_id, TimelineRow.sequence > after_sequence)
                .order_by(TimelineRow.sequence)
                .limit(limit)
            )
            return [_entry(row) for row in session.scalars(query)]

    def count(self, incident_id: str, stage: str) -> int:
        """How many entries of a stage there are, however long the story."""
        query = select(func.count()).where(TimelineRow.incident_id == incident_id, TimelineRow.stage == stage)
        with self._store.read() as session:
            return session.scalar(query) or 0


def locked_incident(writing: Writing, incident_id: str) -> IncidentRow:
    """The incident's row, held until the transaction ends. NotFound when there is none."""
    row = writing.session.get(IncidentRow, incident_id, with_for_update=True)
    if row is None:
        raise NotFound(f"there is no incident {incident_id}", next_step="opsdesk incidents lists them")
    return row


def tell(
    writing: Writing, incident: IncidentRow, stage: str, actor: str, summary: Text, data: Json | None = None
) -> TimelineRow:
    """Adds a line within a running transaction; ``incident`` must be locked by it."""
    incident.timeline_length += 1
    incident.updated_at = writing.at
    row = TimelineRow(
        incident_id=incident.id,
        sequence=incident.timeline_length,
        at=writing.at,
        stage=stage,
        actor=actor,
        summary=summary.model_dump(),
        data=data or {},
    )
    writing.session.add(row)
    return row


def _entry(row: TimelineRow) -> TimelineEntry:
    return TimelineEntry(
        sequence=row.sequence,
        incident_id=row.incident_id,
        at=row.at,
        stage=row.stage,
        actor=row.actor,
        summary=Text.model_validate(row.summary),
        data=row.data,
    )
