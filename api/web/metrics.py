"""What Prometheus reads of us. One registry per application, so that two in one process do not share counters."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import AlertFate, ExecutionStatus, IncidentStatus

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
DIAGNOSIS_BUCKETS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class DeskMetrics:
    """Counters of what this process took in; gauges read from the ledger at each scrape, so that every replica agrees.

    ``opsdesk_diagnosis_seconds`` is fed at a scrape with the diagnoses that the ledger got since the one before,
    whichever process made them.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._scraping = threading.Lock()
        self._last_diagnosis = ledger.counts.latest_diagnosis()
        self.registry = CollectorRegistry()
        self._webhooks = Counter(
            "opsdesk_webhooks_received", "Webhook calls", ["source", "outcome"], registry=self.registry
        )
        self._alerts = Counter("opsdesk_alerts", "Alerts by what became of them", ["fate"], registry=self.registry)
        self._incidents = Gauge("opsdesk_incidents", "Incidents", ["status"], registry=self.registry)
        self._executions = Gauge("opsdesk_executions", "Executions", ["status"], registry=self.registry)
        self._waiting = Gauge("opsdesk_approvals_waiting", "Approval requests nobody decided", registry=self.registry)
        self._notices = Gauge("opsdesk_notices", "Notices by what became of them", ["state"], registry=self.registry)
        self._diagnosis = Histogram(
            "opsdesk_diagnosis_seconds", "Time of a diagnosis", buckets=DIAGNOSIS_BUCKETS, registry=self.registry
        )
        for fate in AlertFate:
            self._alerts.labels(fate.value)

    def webhook(self, source: str, outcome: str) -> None:
        """``source`` must be a configured one: a label takes no words from outside."""
        self._webhooks.labels(source, outcome).inc()

    def alerts(self, fates: Iterable[AlertFate]) -> None:
        for fate in fates:
            self._alerts.labels(fate.value).inc()

    def page(self) -> bytes:
        """Blocking: it asks the ledger."""
        with self._scraping:
            incidents, executions = (
                self._ledger.counts.incidents_by_status(),
                self._ledger.counts.executions_by_status(),
            )
            for incident_status in IncidentStatus:
                self._incidents.labels(incident_status.value).set(incidents.get(incident_status.value, 0))
            for execution_status in ExecutionStatus:
                self._executions.labels(execution_status.value).set(executions.get(execution_status.value, 0))
            self._waiting.set(self._ledger.counts.approvals_waiting())
            for state, count in self._ledger.outbox.counts().items():
                self._notices.labels(state.value).set(count)
            self._observe_diagnoses()
            return generate_latest(self.registry)

    def _observe_diagnoses(self) -> None:
        for diagnosis_id, seconds in self._ledger.counts.diagnoses_after(self._last_diagnosis):
            self._diagnosis.observe(seconds)
            self._last_diagnosis = diagnosis_id
