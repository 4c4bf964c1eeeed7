"""What was concluded: the detectors' findings and the diagnoses drawn from them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select

from knowledge.ledger.happenings import HappeningKind, happened
from knowledge.ledger.ids import new_id
from knowledge.ledger.rows.figures import ConclusionRow
from knowledge.ledger.rows.work import DiagnosisRow, FindingRow
from knowledge.ledger.store import Store
from knowledge.ledger.timeline import locked_incident
from knowledge.vocabulary import Diagnosis, Finding


class Findings:
    def __init__(self, store: Store) -> None:
        self._store = store

    def put_many(self, incident_id: str, findings: Sequence[Finding]) -> None:
        """Adds findings; one with a known id replaces its earlier self."""
        with self._store.write() as writing:
            locked_incident(writing, incident_id)
            of_incident = FindingRow.incident_id == incident_id
            last = writing.session.scalar(select(func.max(FindingRow.position)).where(of_incident)) or 0
            for finding in {each.id: each for each in findings}.values():
                row = writing.session.get(FindingRow, (incident_id, finding.id))
                if row is None:
                    last += 1
                    row = FindingRow(incident_id=incident_id, id=finding.id, position=last, fault="", payload={})
                    writing.session.add(row)
                row.fault, row.payload = finding.fault, finding.model_dump(mode="json")

    def for_incident(self, incident_id: str) -> list[Finding]:
        with self._store.read() as session:
            query = select(FindingRow).where(FindingRow.incident_id == incident_id).order_by(FindingRow.position)
            return [Finding.model_validate(row.payload) for row in session.scalars(query)]


class Diagnoses:
    """Every diagnosis of an incident is kept; the latest stands."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, incident_id: str, diagnosis: Diagnosis) -> str:
        """Its id."""
        with self._store.write() as writing:
            locked_incident(writing, incident_id)
            diagnosis_id = new_id("dia", writing.at)
            payload = diagnosis.model_dump(mode="json")
            writing.session.add(DiagnosisRow(id=diagnosis_id, incident_id=incident_id, at=writing.at, payload=payload))
            chosen = diagnosis.chosen.fault if diagnosis.chosen else ""
            writing.session.add(
                ConclusionRow(
                    diagnosis_id=diagnosis_id,
                    incident_id=incident_id,
                    at=writing.at,
                    verdict=diagnosis.verdict,
                    fault=chosen,
                    object_key=diagnosis.chosen.object.key if diagnosis.chosen else "",
                    confidence=diagnosis.confidence,
                    seconds=diagnosis.seconds,
                )
            )
            happened(writing, HappeningKind.DIAGNOSED, incident_id, diagnosis_id, said=diagnosis.summary)
            writing.audit(
                "desk", "diagnosis.put", incident_id, diagnosis=diagnosis_id, verdict=diagnosis.verdict, fault=chosen
            )
            return diagnosis_id

    def latest(self, incident_id: str) -> Diagnosis | None:
        found = self.for_incident(incident_id, limit=1)
        return found[0] if found else None

    def for_incident(self, incident_id: str, limit: int = 20) -> list[Diagnosis]:
        """Newest first."""
        with self._store.read() as session:
            query = select(DiagnosisRow).where(DiagnosisRow.incident_id == incident_id)
            rows = session.scalars(query.order_by(DiagnosisRow.id.desc()).limit(limit))
            return [Diagnosis.model_validate(row.payload) for row in rows]
