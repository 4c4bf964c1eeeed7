"""Which incident an alert belongs to: the same firing's, else its service's (or its name's) recent open one, else a new one.

Every alert leaves join points: keys under which the next one looks. A look-up is one row by primary key, so that the ten
thousandth alert of a storm costs what the first did.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from knowledge.ledger.ids import new_id
from knowledge.ledger.incidents import ENDS
from knowledge.ledger.rows.intake import IncidentRow, JoinPointRow
from knowledge.ledger.store import Writing
from knowledge.vocabulary import Alert, AlertFate, IncidentStatus, Severity

_TITLE_LENGTH = 200


def fingerprint_key(alert: Alert) -> str:
    return f"fingerprint/{alert.source}/{alert.fingerprint}"


def kin_keys(alert: Alert) -> list[str]:
    """The keys that an alert leaves, the first is the one it looks under.

    A namespace is part of it: services of one name in two namespaces are two services, and their incident would show each
    team the other's evidence. An alert that names no namespace joins its service's incident in whichever namespace.
    """
    if not alert.service:
        return [f"name/{alert.namespace}/{alert.name}"]
    if not alert.namespace:
        return [f"service/*/{alert.service}"]
    return [f"service/{alert.namespace}/{alert.service}", f"service/*/{alert.service}"]


@dataclass(slots=True)
class Joiner:
    """Finds or opens incidents within one transaction, which must hold :func:`intake_lock` of the alert's cluster."""

    writing: Writing
    window: timedelta
    _locked: set[str] = field(default_factory=set)

    def place(self, alert: Alert) -> tuple[IncidentRow, AlertFate]:
        """The incident of a firing alert, and whether it was opened for it or joined. Leaves the join points."""
        row = self._open_at(alert, fingerprint_key(alert), is_bounded=False)
        row = row or self._open_at(alert, kin_keys(alert)[0], is_bounded=True)
        fate = AlertFate.JOINED if row else AlertFate.OPENED
        row = row or self._opened(alert)
        if Severity(row.severity).rank > alert.severity.rank:
            row.severity = alert.severity
        row.updated_at = self.writing.at
        for key in (fingerprint_key(alert), *kin_keys(alert)):
            self._point(alert.cluster, key, row.id)
        return row, fate

    def incident(self, id: str) -> IncidentRow | None:
        """The incident's row, locked once per transaction."""
        if id in self._locked:
            return self.writing.session.get(IncidentRow, id)
        self._locked.add(id)
        return self.writing.session.get(IncidentRow, id, with_for_update=True)

    def _open_at(self, alert: Alert, key: str, *, is_bounded: bool) -> IncidentRow | None:
        point = self.writing.session.get(JoinPointRow, (alert.cluster, key))
        row = self.incident(point.incident_id) if point else None
        if row is None or row.status in ENDS:
            return None
        if not is_bounded:
            return row
        is_recent = row.updated_at >= self.writing.at - self.window
        return row if is_recent and row.opened_by == "alert" else None

    def _point(self, cluster: str, key: str, incident_id: str) -> None:
        point = self.writing.session.get(JoinPointRow, (cluster, key))
        if point is None:
            self.writing.session.add(JoinPointRow(cluster=cluster, key=key, incident_id=incident_id))
            self.writing.session.flush()
        elif point.incident_id != incident_id:
            point.incident_id = incident_id

    def _opened(self, alert: Alert) -> IncidentRow:
        summary = alert.summary
        title = alert.name if summary == alert.name else f"{alert.name}: {summary}"
        row = IncidentRow(
            id=new_id("inc", self.writing.at),
            title=title[:_TITLE_LENGTH],
            status=IncidentStatus.OPEN,
            severity=alert.severity,
            cluster=alert.cluster,
            namespace=alert.namespace,
            service=alert.service,
            language="en",
            opened_by="alert",
            requester="",
            assignee="",
            reason="",
            merged_into="",
            opened_at=self.writing.at,
            updated_at=self.writing.at,
            closed_at=None,
            version=0,
            timeline_length=0,
        )
        self.writing.session.add(row)
        self.writing.session.flush()
        self._locked.add(row.id)
        return row


def intake_lock(cluster: str) -> str:
    """Alerts of one cluster are placed one delivery after the other: two at once would open two incidents."""
    return f"intake {cluster}"
