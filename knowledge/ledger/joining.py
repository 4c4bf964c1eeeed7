"""Which incident an alert belongs to: the same firing's, else its service's (or its name's) recent open one, else a new one.

Every alert leaves join points: keys under which the next one looks. A key points at few incidents (those that ended are
dropped when a new one opens), so that the ten thousandth alert of a storm costs what the first did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import Select, delete, exists, select
from sqlalchemy.dialects import postgresql, sqlite

from knowledge.ledger.ids import new_id
from knowledge.ledger.lifecycle import ENDS
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
        keys = [fingerprint_key(alert), *kin_keys(alert)]
        row = self._same_firing(alert.cluster, keys[0]) or self._recent_kin(alert.cluster, keys[1])
        fate = AlertFate.JOINED if row else AlertFate.OPENED
        row = row or self._opened(alert)
        if fate is AlertFate.OPENED:
            self._drop_ended(alert.cluster, keys)
        if Severity(row.severity).rank > alert.severity.rank:
            row.severity = alert.severity
        row.updated_at = self.writing.at
        leave_points(self.writing, alert.cluster, keys, row.id)
        return row, fate

    def incident(self, id: str) -> IncidentRow | None:
        """The incident's row, locked once per transaction."""
        if id in self._locked:
            return self.writing.session.get(IncidentRow, id)
        self._locked.add(id)
        return self.writing.session.get(IncidentRow, id, with_for_update=True)

    def _same_firing(self, cluster: str, key: str) -> IncidentRow | None:
        return self._first(_open_at(cluster, key))

    def _recent_kin(self, cluster: str, key: str) -> IncidentRow | None:
        """A person's ticket is not joined by kinship: a critical alert must not hide in somebody's question."""
        since = self.writing.at - self.window
        kin = _open_at(cluster, key).where(IncidentRow.updated_at >= since, IncidentRow.opened_by == "alert")
        return self._first(kin)

    def _first(self, query: Select[IncidentRow]) -> IncidentRow | None:
        row = self.writing.session.scalars(query).first()
        if row is not None:
            self._locked.add(row.id)
        return row

    def _drop_ended(self, cluster: str, keys: Sequence[str]) -> None:
        ended = select(IncidentRow.id).where(IncidentRow.id == JoinPointRow.incident_id, IncidentRow.status.in_(ENDS))
        at_keys = (JoinPointRow.cluster == cluster, JoinPointRow.key.in_(keys))
        self.writing.session.execute(
            delete(JoinPointRow).where(*at_keys, exists(ended)), execution_options={"synchronize_session": False}
        )

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


def _open_at(cluster: str, key: str) -> Select[IncidentRow]:
    """The incident at a key that has not ended, the last touched one first; locked."""
    return (
        select(IncidentRow)
        .join(JoinPointRow, JoinPointRow.incident_id == IncidentRow.id)
        .where(JoinPointRow.cluster == cluster, JoinPointRow.key == key, IncidentRow.status.not_in(ENDS))
        .order_by(IncidentRow.updated_at.desc(), IncidentRow.id.desc())
        .limit(1)
        .with_for_update(of=IncidentRow)
    )


def leave_points(writing: Writing, cluster: str, keys: Sequence[str], incident_id: str) -> None:
    """From now on the next alert under one of ``keys`` finds the incident."""
    into = (postgresql.insert if writing.is_postgresql else sqlite.insert)(JoinPointRow)
    rows = [{"cluster": cluster, "key": key, "incident_id": incident_id} for key in keys]
    writing.session.execute(into.values(rows).on_conflict_do_nothing())


def move_points(writing: Writing, id: str, into: str) -> None:
    """What would have joined the incident ``id`` joins ``into``: a merge holds for what comes later, too."""
    points = writing.session.execute(
        select(JoinPointRow.cluster, JoinPointRow.key).where(JoinPointRow.incident_id == id)
    ).all()
    for cluster in {point.cluster for point in points}:
        leave_points(writing, cluster, [point.key for point in points if point.cluster == cluster], into)
    writing.session.execute(delete(JoinPointRow).where(JoinPointRow.incident_id == id))


def intake_lock(cluster: str) -> str:
    """Alerts of one cluster are placed one delivery after the other: two at once would open two incidents."""
    return f"intake {cluster}"
