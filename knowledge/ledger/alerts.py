"""Alerts: a machine spoke. What is acknowledged to its sender is in the ledger, whole, and asks for a worker."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, Select, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from knowledge.ledger.ids import new_id
from knowledge.ledger.joining import Joiner, intake_lock
from knowledge.ledger.reach import newest
from knowledge.ledger.rows.intake import AlertRow, DeliveryRow, IncidentRow
from knowledge.ledger.store import Store, Writing
from knowledge.ledger.timeline import tell
from knowledge.ledger.values import AlertReceipt, AlertRecord, WakeReason
from knowledge.ledger.wakes import add_wake
from knowledge.vocabulary import Alert, AlertFate, Scope, Text, digest_of

_NAMED = 5


class Alerts:
    def __init__(self, store: Store, join_window: timedelta) -> None:
        self._store = store
        self._join_window = join_window

    def receive(self, delivery_key: str, source: str, raw: bytes, alerts: Sequence[Alert]) -> list[AlertReceipt]:
        """Takes one webhook call in, in one transaction: when this returns, nothing of it can be lost.

        The same key with the same body again gives the same receipts and changes nothing. One receipt per alert, in
        order: a firing alert opens or joins an incident, a resend is a duplicate, a resolved one updates its firing.
        """
        body = digest_of([source, delivery_key, hashlib.sha256(raw).hexdigest()])
        with self._store.write() as writing:
            for cluster in sorted({alert.cluster for alert in alerts}):
                writing.hold(intake_lock(cluster))
            earlier = _earlier_receipts(writing, body, source, delivery_key, raw)
            if earlier is not None:
                return earlier
            intake = _Intake(writing, Joiner(writing, self._join_window), delivery_id=body)
            receipts = [intake.take(alert) for alert in alerts]
            intake.close(source)
            delivery = writing.session.get_one(DeliveryRow, body)
            delivery.receipts = [receipt.model_dump(mode="json") for receipt in receipts]
            fates = [receipt.fate.value for receipt in receipts]
            writing.audit(
                source, "alerts.receive", delivery_key, **{fate: fates.count(fate) for fate in sorted(set(fates))}
            )
            return receipts

    def for_incident(self, incident_id: str, limit: int = 1000) -> list[Alert]:
        """The incident's alerts as they last were, oldest first."""
        with self._store.read() as session:
            query = select(AlertRow).where(AlertRow.incident_id == incident_id).order_by(AlertRow.id).limit(limit)
            return [_alert(row) for row in session.scalars(query)]

    def list(
        self,
        limit: int = 50,
        before: str | None = None,
        status: str | None = None,
        *,
        incident_id: str | None = None,
        reach: Scope | None = None,
    ) -> list[AlertRecord]:
        """Newest first, with what became of each. ``before`` is the alert_id of the last one of the page before."""
        query = select(AlertRow)
        if status is not None:
            query = query.where(AlertRow.status == status)
        if incident_id is not None:
            query = query.where(AlertRow.incident_id == incident_id)
        with self._store.read() as session:
            return [_record(row) for row in newest(session, query, AlertRow, reach or Scope(), limit, before)]

    def sweep_deliveries(self, older_than: datetime) -> int:
        """Forgets raw webhook bodies; the alerts themselves stay. Returns how many."""
        with self._store.write() as writing:
            gone: CursorResult[Any] = writing.session.connection().execute(
                delete(DeliveryRow).where(DeliveryRow.received_at < older_than)
            )
            writing.audit("desk", "deliveries.sweep", older_than.isoformat(), count=gone.rowcount)
            return gone.rowcount


@dataclass(slots=True)
class _Intake:
    """One delivery on its way in: alerts are taken one by one, the story of each incident is told once at the end."""

    writing: Writing
    joiner: Joiner
    delivery_id: str
    _news: dict[str, dict[AlertFate, list[Alert]]] = field(default_factory=dict)

    def take(self, alert: Alert) -> AlertReceipt:
        known = self.writing.session.scalars(_same_firing(alert)).first()
        if alert.status == "resolved":
            return self._resolve(alert, known)
        if known is not None:
            known.resends, known.seen_at = known.resends + 1, self.writing.at
            return AlertReceipt(alert_id=known.id, fate=AlertFate.DUPLICATE, incident_id=known.incident_id or "")
        return self._fire(alert)

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

    def _fire(self, alert: Alert) -> AlertReceipt:
        siblings = list(self.writing.session.scalars(_other_firings(alert)))
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

    def _resolve(self, alert: Alert, known: AlertRow | None) -> AlertReceipt:
        """Sources without a start of their own name another one in the resolved alert: its firing is found all the same."""
        ended_at = alert.ends_at or self.writing.at
        firing = known or next(
            (
                row
                for row in self.writing.session.scalars(_other_firings(alert))
                if row.status == "firing" and row.starts_at <= ended_at
            ),
            None,
        )
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
        self.writing.session.flush()
        return row

    def _end(self, row: AlertRow, ends_at: datetime) -> None:
        row.status, row.seen_at = "resolved", self.writing.at
        row.payload = row.payload | {"status": "resolved", "ends_at": ends_at.isoformat()}
        self.writing.session.flush()

    def _note(self, incident_id: str, fate: AlertFate, alert: Alert) -> None:
        self._news.setdefault(incident_id, {}).setdefault(fate, []).append(alert)

    def _is_firing(self, incident_id: str) -> bool:
        query = select(AlertRow.id).where(AlertRow.incident_id == incident_id, AlertRow.status == "firing").limit(1)
        return self.writing.session.scalar(query) is not None

    def _all_resolved(self, row: IncidentRow, source: str) -> None:
        all_clear = Text(en="every alert of this incident is resolved", zh="本事件的全部告警均已恢复")
        tell(self.writing, row, "alerts_resolved", source, all_clear)
        add_wake(self.writing, row.id, WakeReason.ALERTS_RESOLVED)


def _earlier_receipts(
    writing: Writing, body: str, source: str, delivery_key: str, raw: bytes
) -> list[AlertReceipt] | None:
    """None when this delivery is new; its row then stands. Of two at once the second waits here for the first."""
    into = (postgresql.insert if writing.is_postgresql else sqlite.insert)(DeliveryRow)
    new = into.values(id=body, source=source, key=delivery_key, raw=raw, receipts=[], received_at=writing.at)
    if writing.session.scalar(new.on_conflict_do_nothing().returning(DeliveryRow.id)) is not None:
        return None
    earlier = writing.session.get_one(DeliveryRow, body)
    return [AlertReceipt.model_validate(receipt) for receipt in earlier.receipts]


def _same_firing(alert: Alert) -> Select[AlertRow]:
    return _of_fingerprint(alert).where(AlertRow.starts_at == alert.starts_at)


def _other_firings(alert: Alert) -> Select[AlertRow]:
    """The latest firings of the same fingerprint, newest first: at most one of them still fires."""
    return (
        _of_fingerprint(alert).where(AlertRow.starts_at != alert.starts_at).order_by(AlertRow.starts_at.desc()).limit(2)
    )


def _of_fingerprint(alert: Alert) -> Select[AlertRow]:
    return select(AlertRow).where(
        AlertRow.source == alert.source, AlertRow.cluster == alert.cluster, AlertRow.fingerprint == alert.fingerprint
    )


def _story(fate: AlertFate, alerts: Sequence[Alert]) -> Text:
    names = ", ".join(alert.name for alert in alerts[:_NAMED]) + (" ..." if len(alerts) > _NAMED else "")
    english = {AlertFate.OPENED: "opened by", AlertFate.JOINED: "joined by", AlertFate.RESOLVED: "resolved:"}[fate]
    chinese = {AlertFate.OPENED: "告警触发", AlertFate.JOINED: "告警并入", AlertFate.RESOLVED: "告警恢复"}[fate]
    count = "" if len(alerts) == 1 else f"{len(alerts)} alerts: "
    return Text(en=f"{english} {count}{names}", zh=f"{chinese}（{len(alerts)} 条）：{names}")


def _alert(row: AlertRow) -> Alert:
    return Alert.model_validate(row.payload)


def _record(row: AlertRow) -> AlertRecord:
    return AlertRecord(
        alert_id=row.id,
        alert=_alert(row),
        fate=AlertFate(row.fate),
        incident_id=row.incident_id or "",
        resends=row.resends,
        received_at=row.received_at,
        seen_at=row.seen_at,
    )
