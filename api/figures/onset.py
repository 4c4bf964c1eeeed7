"""The series around one incident's onset, put together from what the ledger and its cluster's metrics say."""

from __future__ import annotations

import asyncio
from datetime import datetime

from api.bootstrap import Desk
from api.figures.series import AroundOnset, around_onset
from api.web.scoping import evidence_within
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import Diagnosis, Evidence, Incident, Language, Principal

MOST_EVIDENCE = 1_000


async def incident_charts(
    desk: Desk, incident: Incident, principal: Principal, now: datetime, *, language: Language = Language.EN
) -> AroundOnset:
    """``incident`` must be one that the principal may see."""
    diagnosis, evidence, began_at = await asyncio.to_thread(_known, desk.ledger, incident)
    cluster = desk.deps.clusters.get(incident.cluster)
    return await around_onset(
        incident,
        diagnosis,
        evidence_within(principal.scope, evidence),
        cluster.metrics if cluster else None,
        now,
        reach=principal.scope,
        language=language,
        began_at=began_at,
    )


def _known(ledger: Ledger, incident: Incident) -> tuple[Diagnosis | None, list[Evidence], datetime | None]:
    alerts = ledger.alerts.for_incident(incident.id, limit=200)
    began_at = min((alert.starts_at for alert in alerts), default=None)
    evidence = ledger.evidence.for_incident(incident.id)
    return ledger.diagnoses.latest(incident.id), evidence[:MOST_EVIDENCE], began_at
