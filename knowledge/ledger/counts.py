"""Sums over the ledger, for gauges and counters on a dashboard. They read rows that an index finds, never whole payloads."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from knowledge.ledger.rows.intake import IncidentRow
from knowledge.ledger.rows.lore import FeedbackRow, LessonRow
from knowledge.ledger.rows.work import ApprovalRow, DiagnosisRow, ExecutionRow
from knowledge.ledger.store import Store
from knowledge.vocabulary import ApprovalStatus, Diagnosis


class Counts:
    def __init__(self, store: Store) -> None:
        self._store = store

    def incidents_by_status(self) -> dict[str, int]:
        """Statuses that no incident has are absent."""
        with self._store.read() as session:
            rows = session.execute(select(IncidentRow.status, func.count()).group_by(IncidentRow.status))
            return {str(status): count for status, count in rows}

    def last_touched(self) -> datetime | None:
        """When anything last happened to any incident: who shows several looks again when it is another moment."""
        with self._store.read() as session:
            return session.scalar(select(func.max(IncidentRow.updated_at)))

    def last_moved(self, incident_id: str) -> tuple[object, ...]:
        """Something that differs when what there is to show of an incident may differ; steps of an execution count, too."""
        of_runs = ExecutionRow.incident_id == incident_id
        runs = select(func.coalesce(func.sum(ExecutionRow.version + 1), 0)).where(of_runs)
        said = select(func.max(FeedbackRow.id)).where(FeedbackRow.incident_id == incident_id)
        lessons = select(func.max(LessonRow.status)).where(LessonRow.incident_id == incident_id)
        query = select(
            IncidentRow.updated_at,
            IncidentRow.version,
            IncidentRow.timeline_length,
            runs.scalar_subquery(),
            said.scalar_subquery(),
            lessons.scalar_subquery(),
        ).where(IncidentRow.id == incident_id)
        with self._store.read() as session:
            row = session.execute(query).one_or_none()
            return () if row is None else tuple(row)

    def executions_by_status(self) -> dict[str, int]:
        with self._store.read() as session:
            rows = session.execute(select(ExecutionRow.status, func.count()).group_by(ExecutionRow.status))
            return {str(status): count for status, count in rows}

    def approvals_waiting(self) -> int:
        with self._store.read() as session:
            query = select(func.count()).where(
                ApprovalRow.status == ApprovalStatus.WAITING, ApprovalRow.expires_at > self._store.now()
            )
            return session.scalar(query.select_from(ApprovalRow)) or 0

    def latest_diagnosis(self) -> str:
        """The greatest diagnosis id; empty when there is none."""
        with self._store.read() as session:
            return session.scalar(select(func.max(DiagnosisRow.id))) or ""

    def diagnoses_after(self, diagnosis_id: str, limit: int = 1000) -> list[tuple[str, float]]:
        """(id, seconds that it took), oldest first."""
        with self._store.read() as session:
            query = select(DiagnosisRow).where(DiagnosisRow.id > diagnosis_id).order_by(DiagnosisRow.id).limit(limit)
            return [(row.id, Diagnosis.model_validate(row.payload).seconds) for row in session.scalars(query)]
