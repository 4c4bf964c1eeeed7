"""Which statuses end an incident, and the row as a noun."""

from __future__ import annotations

from knowledge.ledger.rows.intake import IncidentRow
from knowledge.vocabulary import Incident, IncidentStatus

ENDS = frozenset({IncidentStatus.ANSWERED, IncidentStatus.RESOLVED, IncidentStatus.CLOSED, IncidentStatus.MERGED})
LATER_ENDS = {
    IncidentStatus.ANSWERED: {IncidentStatus.RESOLVED, IncidentStatus.CLOSED},
    IncidentStatus.RESOLVED: {IncidentStatus.CLOSED},
}
"""An end that may still become another one without being reopened."""


def incident_of(row: IncidentRow) -> Incident:
    values = {name: getattr(row, name) for name in Incident.model_fields}
    return Incident.model_validate(values)
