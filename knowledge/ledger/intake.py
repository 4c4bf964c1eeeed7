"""One delivery on its way in: what becomes of each of its alerts, and what is told of it.

Statements are built once, with parameters: in a storm their construction would cost more than the database does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam, select

from knowledge.ledger.ids import new_id
from knowledge.ledger.joining import Joiner
from knowledge.ledger.rows.intake import AlertRow, IncidentRow
from knowledge.ledger.store import Writing
from knowledge.ledger.timeline import tell
from knowledge.ledger.values import AlertReceipt, WakeReason
from knowledge.ledger.wakes import add_wake
from knowledge.vocabulary import Alert, AlertFate, Text

_NAMED = 5

# The very firing first, then the newest others of its fingerprint: at most one of those still fires.
_FIRINGS = (
    select(AlertRow)
    .where(
        AlertRow.source == bindparam("source"),
        AlertRow.cluster == bindparam("cluster"),
        AlertRow.fingerprint == bindparam("fingerprint"),
    )
    .order_by((AlertRow.starts_at == bindparam("starts_at")).desc(), AlertRow.starts_at.desc())
    .limit(3)
)
_STILL_FIRING = (
    select(AlertRow.id).where(AlertRow.incident_id == bindparam("incident_id"), AlertRow.status == "firing").limit(1)
)


@dataclass(slots=True)
class Intake:
    """One delivery on its way in: alerts are taken one by one, the story of each incident is told once at the end."""

    writing: Writing
    joiner: Joiner
    delivery_id: str
    _news: dict[str, dict[AlertFate, list[Alert]]] = field(default_factory=dict)

    def take(self, alert: Alert) -> AlertReceipt:
        rows = self._firings(alert)
        known = rows.pop(0) if rows and rows[0].starts_at == alert.starts_at else None
        if alert.status == "resolved":
            return self._resolve(alert, known, rows)
        if known is not None:
            known.resends, known.seen_at = known.resends + 1, self.writing.at
            return AlertReceipt(alert_id=known.id, fate=AlertFate.DUPLICATE, incident_id=known.incident_id or "")
        return self._fire(alert, rows)

    def _firings(self, alert: Alert) -> list[AlertRow]:
        where = {
            "source": alert.source,
            "cluster": alert.cluster,
            "fingerprint": alert.fingerprint,
            "starts_at": alert.starts_at,
        }
        return list(self.writing.session.scalars(_FIRINGS, where))

    def close(self, source: str) -> None:
        """Tells each touched incident what came, and wakes it. Duplicates tell nothing."""
        for incident_id, by_fate in self._news.items():
            row = self.joiner.incident(incident_id)
            if row is None:
                continue
            for fate, alerts in by_fate.items():
                tell(
                    self.writing,
                    row,
                    "intake",
                    source,
                    _story(fate, alerts),
                    {"alerts": [each.name for each in alerts]},
                )
            if AlertFate.OPENED in by_fate:
                add_wake(self.writing, incident_id, WakeReason.OPENED)
            elif AlertFate.JOINED in by_fate:
                add_wake(self.writing, incident_id, WakeReason.ALERT_JOINED)
            if AlertFate.RESOLVED in by_fate and not self._is_firing(incident_id):
                self._all_resolved(row, source)

    def _fire(self, alert: Alert, siblings: Sequence[AlertRow]) -> AlertReceipt:
        if siblings and siblings[0].starts_at > alert.starts_at:
            return self._file_late(alert, siblings[0])
        incident, fate = self.joiner.place(alert)
        for row in siblings:
            if row.status == "firing":
                self._end(row, alert.starts_at)
        row = self._store(alert, incident.id, fate)
        self._note(incident.id, fate, alert)
        return AlertReceipt(alert_id=row.id, fate=fate, incident_id=incident.id)

    def _file_late(self, alert: Alert, newer: AlertRow) -> AlertReceipt:
        """A firing that comes after a newer one of its fingerprint is history: the newer one says what is now."""
        ended = alert.model_copy(update={"status": "resolved", "ends_at": newer.starts_at})
        fate = AlertFate.JOINED if newer.incident_id else AlertFate.RESOLVED
        row = self._store(ended, newer.incident_id, fate)
        return AlertReceipt(alert_id=row.id, fate=fate, incident_id=newer.incident_id or "")

    def _resolve(self, alert: Alert, known: AlertRow | None, siblings: Sequence[AlertRow]) -> AlertReceipt:
        """Sources without a start of their own name another one in the resolved alert: its firing is found all the same."""
        ended_at = alert.ends_at or self.writing.at
        began_before = (row for row in siblings if row.status == "firing" and row.starts_at <= ended_at)
        firing = known or next(began_before, None)
        if firing is None:
            row = self._store(alert, None, AlertFate.RESOLVED)
            return AlertReceipt(alert_id=row.id, fate=AlertFate.RESOLVED, incident_id="")
        if firing.status == "resolved":
            firing.resends, firing.seen_at = firing.resends + 1, self.writing.at
            return AlertReceipt(alert_id=firing.id, fate=AlertFate.DUPLICATE, incident_id=firing.incident_id or "")
        self._end(firing, ended_at)
        if firing.incident_id:
            self._note(firing.incident_id, AlertFate.RESOLVED, alert)
        return AlertReceipt(alert_id=firing.id, fate=AlertFate.RESOLVED, incident_id=firing.incident_id or "")

    def _store(self, alert: Alert, incident_id: str | None, fate: AlertFate) -> AlertRow:
        row = AlertRow(
            id=new_id("alr", self.writing.at),
            source=alert.source,
            cluster=alert.cluster,
            fingerprint=alert.fingerprint,
            starts_at=alert.starts_at,
            status=alert.status,
            fate=fate,
            incident_id=incident_id,
            namespace=alert.namespace,
            service=alert.service,
            delivery_id=self.delivery_id,
            resends=0,
            received_at=self.writing.at,
            seen_at=self.writing.at,
            payload=alert.model_dump(mode="json"),
        )
        self.writing.session.add(row)
        return row

    def _end(self, row: AlertRow, ends_at: datetime) -> None:
        row.status, row.seen_at = "resolved", self.writing.at
        row.payload = row.payload | {"status": "resolved", "ends_at": ends_at.isoformat()}

    def _note(self, incident_id: str, fate: AlertFate, alert: Alert) -> None:
        self._news.setdefault(incident_id, {}).setdefault(fate, []).append(alert)

    def _is_firing(self, incident_id: str) -> bool:
        return self.writing.session.scalar(_STILL_FIRING, {"incident_id": incident_id}) is not None

    def _all_resolved(self, row: IncidentRow, source: str) -> None:
        all_clear = Text(en="every alert of this incident is resolved", zh="本事件的全部告警均已恢复")
        tell(self.writing, row, "alerts_resolved", source, all_clear)
        add_wake(self.writing, row.id, WakeReason.ALERTS_RESOLVED)


def _story(fate: AlertFate, alerts: Sequence[Alert]) -> Text:
    names = ", ".join(alert.name for alert in alerts[:_NAMED]) + (" ..." if len(alerts) > _NAMED else "")
    english = {AlertFate.OPENED: "opened by", AlertFate.JOINED: "joined by", AlertFate.RESOLVED: "resolved:"}[fate]
    chinese = {AlertFate.OPENED: "告警触发", AlertFate.JOINED: "告警并入", AlertFate.RESOLVED: "告警恢复"}[fate]
    count = "" if len(alerts) == 1 else f"{len(alerts)} alerts: "
    return Text(en=f"{english} {count}{names}", zh=f"{chinese}（{len(alerts)} 条）：{names}")
