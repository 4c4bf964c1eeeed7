"""Evidence, content-addressed: a fact is kept once, however many incidents cite it, and no longer than it is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, exists, func, select
from sqlalchemy.engine import CursorResult

from knowledge.errors import NotFound
from knowledge.ledger.lifecycle import ENDS
from knowledge.ledger.rows.intake import EvidenceLinkRow, EvidenceRow, IncidentRow
from knowledge.ledger.store import Store, Writing
from knowledge.vocabulary import Evidence


class EvidenceStore:
    def __init__(self, store: Store) -> None:
        self._store = store

    def put_many(self, incident_id: str, evidence: Sequence[Evidence]) -> None:
        """Keeps each fact once and links it to the incident. Known ones are only seen again."""
        with self._store.write() as writing:
            if writing.session.get(IncidentRow, incident_id) is None:
                raise NotFound(f"there is no incident {incident_id}", next_step="opsdesk incidents lists them")
            writing.hold("evidence")
            unique = {fact.id: fact for fact in evidence}
            _keep(writing, unique)
            _link(writing, incident_id, list(unique))

    def get(self, id: str) -> Evidence:
        with self._store.read() as session:
            row = session.get(EvidenceRow, id)
        if row is None:
            raise NotFound(f"there is no evidence {id}", next_step="it may have been swept: see the retention setting")
        return Evidence.model_validate(row.payload)

    def for_incident(self, incident_id: str, limit: int = 200, after: str | None = None) -> list[Evidence]:
        """In the order in which it was gathered; ``after`` is the id of the last one of the page before."""
        with self._store.read() as session:
            query = (
                select(EvidenceRow)
                .join(EvidenceLinkRow, EvidenceLinkRow.evidence_id == EvidenceRow.id)
                .where(EvidenceLinkRow.incident_id == incident_id)
                .order_by(EvidenceLinkRow.position)
                .limit(limit)
            )
            if after is not None:
                last = session.get(EvidenceLinkRow, (incident_id, after))
                query = query.where(EvidenceLinkRow.position > (last.position if last else 0))
            return [Evidence.model_validate(row.payload) for row in session.scalars(query)]

    def incidents_citing(self, id: str) -> list[str]:
        """The incidents that this fact is linked to: who may read one of them may read it."""
        with self._store.read() as session:
            query = select(EvidenceLinkRow.incident_id).where(EvidenceLinkRow.evidence_id == id)
            return list(session.scalars(query.order_by(EvidenceLinkRow.incident_id)))

    def sweep(self, older_than: datetime) -> int:
        """Forgets facts last seen before ``older_than``, but for those that an open incident cites. Returns how many."""
        with self._store.write() as writing:
            writing.hold("evidence")
            session = writing.session
            open_link = (
                select(EvidenceLinkRow.evidence_id)
                .join(IncidentRow, IncidentRow.id == EvidenceLinkRow.incident_id)
                .where(EvidenceLinkRow.evidence_id == EvidenceRow.id, IncidentRow.status.not_in(ENDS))
            )
            stale = select(EvidenceRow.id).where(EvidenceRow.seen_at < older_than, ~exists(open_link))
            session.execute(
                delete(EvidenceLinkRow).where(EvidenceLinkRow.evidence_id.in_(stale)),
                execution_options={"synchronize_session": False},
            )
            unlinked = ~exists(select(EvidenceLinkRow.evidence_id).where(EvidenceLinkRow.evidence_id == EvidenceRow.id))
            gone: CursorResult[tuple[()]] = session.connection().execute(
                delete(EvidenceRow).where(EvidenceRow.seen_at < older_than, unlinked)
            )
            writing.audit("desk", "evidence.sweep", older_than.isoformat(), count=gone.rowcount)
            return gone.rowcount


def _keep(writing: Writing, facts: dict[str, Evidence]) -> None:
    known = {row.id: row for row in writing.session.scalars(select(EvidenceRow).where(EvidenceRow.id.in_(facts)))}
    for fact in facts.values():
        if fact.id in known:
            known[fact.id].seen_at = writing.at
        else:
            payload = fact.model_dump(mode="json")
            writing.session.add(
                EvidenceRow(id=fact.id, kind=fact.kind, cluster=fact.cluster, seen_at=writing.at, payload=payload)
            )
    writing.session.flush()


def _link(writing: Writing, incident_id: str, ids: list[str]) -> None:
    links = EvidenceLinkRow.incident_id == incident_id
    linked = set(
        writing.session.scalars(select(EvidenceLinkRow.evidence_id).where(links, EvidenceLinkRow.evidence_id.in_(ids)))
    )
    last = writing.session.scalar(select(func.max(EvidenceLinkRow.position)).where(links)) or 0
    new = [evidence_id for evidence_id in ids if evidence_id not in linked]
    writing.session.add_all(
        EvidenceLinkRow(incident_id=incident_id, evidence_id=evidence_id, position=position)
        for position, evidence_id in enumerate(new, last + 1)
    )
    writing.session.flush()
