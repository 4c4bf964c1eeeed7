"""Alerts: a machine spoke. What is acknowledged to its sender is in the ledger, whole, and asks for a worker."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, bindparam, delete, select

from knowledge.ledger.intake import Intake
from knowledge.ledger.joining import Joiner, intake_lock
from knowledge.ledger.reach import newest
from knowledge.ledger.rows.intake import AlertRow, DeliveryRow
from knowledge.ledger.sharing import SharedTransaction
from knowledge.ledger.store import Store, Writing
from knowledge.ledger.values import AlertReceipt, AlertRecord
from knowledge.vocabulary import Alert, AlertFate, Scope, digest_of

_MOST_AT_ONCE = 16

_EARLIER = select(DeliveryRow.receipts).where(DeliveryRow.id == bindparam("id"))


@dataclass(frozen=True, slots=True)
class _Delivery:
    key: str
    source: str
    raw: bytes
    alerts: Sequence[Alert]

    @property
    def id(self) -> str:
        """Another body under a known key is another delivery: a sender that repeats its keys loses nothing."""
        return digest_of([self.source, self.key, hashlib.sha256(self.raw).hexdigest()])


class Alerts:
    def __init__(self, store: Store, join_window: timedelta) -> None:
        self._store = store
        self._join_window = join_window
        self._shared = SharedTransaction(self._take_in, most=_MOST_AT_ONCE)

    def receive(self, delivery_key: str, source: str, raw: bytes, alerts: Sequence[Alert]) -> list[AlertReceipt]:
        """Takes one webhook call in, whole or not at all: when this returns, nothing of it can be lost.

        The same key with the same body again gives the same receipts and changes nothing. One receipt per alert, in
        order: a firing alert opens or joins an incident, a resend is a duplicate, a resolved one updates its firing.
        Deliveries that arrive together share a transaction and its flush to the disk.
        """
        return self._shared.run(_Delivery(delivery_key, source, raw, tuple(alerts)))

    def _take_in(self, deliveries: Sequence[_Delivery]) -> list[list[AlertReceipt]]:
        with self._store.write() as writing:
            clusters = {alert.cluster for delivery in deliveries for alert in delivery.alerts}
            empty = {delivery.id for delivery in deliveries if not delivery.alerts}
            for name in sorted({intake_lock(cluster) for cluster in clusters} | empty):
                writing.hold(name)
            joiner = Joiner(writing, self._join_window)
            return [_take_one(writing, joiner, delivery) for delivery in deliveries]

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


def _take_one(writing: Writing, joiner: Joiner, delivery: _Delivery) -> list[AlertReceipt]:
    delivery_id = delivery.id
    earlier = writing.session.scalar(_EARLIER, {"id": delivery_id})
    if earlier is not None:
        return [AlertReceipt.model_validate(receipt) for receipt in earlier]
    intake = Intake(writing, joiner, delivery_id)
    receipts = [intake.take(alert) for alert in delivery.alerts]
    intake.close(delivery.source)
    writing.session.add(
        DeliveryRow(
            id=delivery_id,
            source=delivery.source,
            key=delivery.key,
            raw=delivery.raw,
            receipts=[receipt.model_dump(mode="json") for receipt in receipts],
            received_at=writing.at,
        )
    )
    fates = Counter(receipt.fate.value for receipt in receipts)
    writing.audit(delivery.source, "alerts.receive", delivery.key, **fates)
    return receipts


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
