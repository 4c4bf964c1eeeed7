"""Which incident an alert belongs to: the same firing's, else its service's (or its name's) recent open one, else a new one.

Every alert leaves join points: keys under which the next one looks. A key points at few incidents (those that ended are
dropped when a new one opens), so that the ten thousandth alert of a storm costs what the first did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import bindparam, delete, exists, select
from sqlalchemy.dialects import postgresql, sqlite

from knowledge.ledger.happenings import HappeningKind, happened
from knowledge.ledger.ids import new_id
from knowledge.ledger.lifecycle import ENDS
from knowledge.ledger.rows.base import bounded
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


# What has not ended at any of the keys, the last touched first; locked.
_OPEN_AT = (
    select(JoinPointRow.key, IncidentRow)
    .join(IncidentRow, JoinPointRow.incident_id == IncidentRow.id)
    .where(
        JoinPointRow.cluster == bindparam("cluster"),
        JoinPointRow.key.in_(bindparam("keys", expanding=True)),
        IncidentRow.status.not_in(sorted(ENDS)),
    )
    .order_by(IncidentRow.updated_at.desc(), IncidentRow.id.desc())
    .with_for_update(of=IncidentRow)
)


_LEAVE_POSTGRESQL = postgresql.insert(JoinPointRow).on_conflict_do_nothing()
_LEAVE_SQLITE = sqlite.insert(JoinPointRow).on_conflict_do_nothing()


@dataclass(slots=True)
class Joiner:
    """Finds or opens incidents within one transaction, which must hold :func:`intake_lock` of the alert's cluster."""

    writing: Writing
    window: timedelta
    _locked: dict[str, IncidentRow] = field(default_factory=dict)

    def place(self, alert: Alert) -> tuple[IncidentRow, AlertFate]:
        """The incident of a firing alert, and whether it was opened for it or joined. Leaves the join points."""
        fingerprint, *kin = keys = [fingerprint_key(alert), *kin_keys(alert)]
        found = self._open_at(alert.cluster, keys)
        row = next((row for key, row in found if key == fingerprint), None)
        row = row or next((row for key, row in found if key == kin[0] and self._is_recent_kin(row)), None)
        fate = AlertFate.JOINED if row else AlertFate.OPENED
        if row is None:
            row = self._opened(alert)
            self._drop_ended(alert.cluster, keys)
        if Severity(row.severity).rank > alert.severity.rank:
            row.severity = alert.severity
        row.updated_at = self.writing.at
        known = {key for key, at in found if at.id == row.id}
        leave_points(self.writing, alert.cluster, [key for key in keys if key not in known], row.id)
        return row, fate

    def incident(self, id: str) -> IncidentRow | None:
        """The incident's row, locked once per transaction."""
        if id not in self._locked:
            row = self.writing.session.get(IncidentRow, id, with_for_update=True)
            if row is None:
                return None
            self._locked[id] = row
        return self._locked[id]

    def _open_at(self, cluster: str, keys: Sequence[str]) -> list[tuple[str, IncidentRow]]:
        """By the keys as they were asked for: the ledger keeps long ones shortened."""
        spelled = {bounded(key): key for key in keys}
        rows = self.writing.session.execute(_OPEN_AT, {"cluster": cluster, "keys": list(keys)}).all()
        found = [(spelled[key], row) for key, row in rows]
        self._locked.update({row.id: row for _, row in found})
        return found

    def _is_recent_kin(self, row: IncidentRow) -> bool:
        """A person's ticket is not joined by kinship: a critical alert must not hide in somebody's question."""
        return row.opened_by == "alert" and row.updated_at >= self.writing.at - self.window

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
        self._locked[row.id] = row
        happened(self.writing, HappeningKind.INCIDENT_OPENED, row.id)
        return row


def leave_points(writing: Writing, cluster: str, keys: Sequence[str], incident_id: str) -> None:
    """From now on the next alert under one of ``keys`` finds the incident."""
    rows = [{"cluster": cluster, "key": key, "incident_id": incident_id} for key in keys]
    if rows:
        writing.session.connection().execute(_LEAVE_POSTGRESQL if writing.is_postgresql else _LEAVE_SQLITE, rows)


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
