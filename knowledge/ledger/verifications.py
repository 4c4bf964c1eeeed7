"""Verifications: what new evidence said after an execution."""

from __future__ import annotations

from sqlalchemy import select

from knowledge.errors import NotFound
from knowledge.ledger.ids import new_id
from knowledge.ledger.rows.work import ExecutionRow, VerificationRow
from knowledge.ledger.store import Store
from knowledge.vocabulary import Verification


class Verifications:
    def __init__(self, store: Store) -> None:
        self._store = store

    def put(self, incident_id: str, verification: Verification) -> None:
        """NotFound when the execution is not one of the incident's. Manual steps have none: ``execution_id`` is empty."""
        with self._store.write() as writing:
            if verification.execution_id:
                execution = writing.session.get(ExecutionRow, verification.execution_id)
                if execution is None or execution.incident_id != incident_id:
                    raise NotFound(
                        f"{incident_id} has no execution {verification.execution_id}", next_step="opsdesk incident show"
                    )
            writing.session.add(
                VerificationRow(
                    id=new_id("ver", writing.at),
                    incident_id=incident_id,
                    execution_id=verification.execution_id,
                    payload=verification.model_dump(mode="json"),
                )
            )
            outcome = verification.outcome
            writing.audit("desk", "verification.put", incident_id, execution=verification.execution_id, outcome=outcome)

    def for_incident(self, incident_id: str) -> list[Verification]:
        """Newest first."""
        with self._store.read() as session:
            query = select(VerificationRow).where(VerificationRow.incident_id == incident_id)
            rows = session.scalars(query.order_by(VerificationRow.id.desc()))
            return [Verification.model_validate(row.payload) for row in rows]

    def latest(self, incident_id: str) -> Verification | None:
        found = self.for_incident(incident_id)
        return found[0] if found else None
