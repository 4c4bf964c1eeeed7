"""Who sees an incident that names no namespace. Who has the whole cluster does; who asked it does; somebody with some of its
namespaces does when all that is known of it lies in them. Until something is known, it is nobody's of these."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from knowledge.ledger.rows.intake import AlertRow, EvidenceLinkRow, EvidenceRow, IncidentRow
from knowledge.ledger.rows.work import FindingRow
from knowledge.vocabulary import Json, Scope


def seen_of(session: Session, rows: Sequence[IncidentRow], reach: Scope, reader: str = "") -> list[IncidentRow]:
    """Those of the incidents that ``reach`` lets its reader see; ``reader`` is a principal's id, for what they asked."""
    return [
        row
        for row in rows
        if reach.allows(cluster=row.cluster, namespace=row.namespace, service=row.service)
        and (row.namespace or "*" in reach.namespaces or _is_own(row, reader) or _lies_within(session, row, reach))
    ]


def _is_own(row: IncidentRow, reader: str) -> bool:
    return bool(reader) and row.requester == reader


def _lies_within(session: Session, row: IncidentRow, reach: Scope) -> bool:
    """Whether evidence was gathered of objects, and all of it, every finding and every alert lie within ``reach``."""
    evidence = (
        select(EvidenceRow.payload)
        .join(EvidenceLinkRow, EvidenceLinkRow.evidence_id == EvidenceRow.id)
        .where(EvidenceLinkRow.incident_id == row.id)
    )
    findings = select(FindingRow.payload).where(FindingRow.incident_id == row.id)
    objects = [found for one in session.scalars(evidence) if (found := one.get("object"))]
    objects += [found for one in session.scalars(findings) if (found := one.get("object"))]
    alerts = session.execute(
        select(AlertRow.cluster, AlertRow.namespace, AlertRow.service).where(AlertRow.incident_id == row.id)
    )
    return (
        bool(objects)
        and all(_allows(reach, one, row.cluster) for one in objects)
        and all(reach.allows(cluster=one.cluster, namespace=one.namespace, service=one.service) for one in alerts)
    )


def _allows(reach: Scope, found: Json, cluster: str) -> bool:
    return reach.allows(cluster=str(found.get("cluster") or cluster), namespace=str(found.get("namespace", "")))
