"""The webhook as Alertmanager sends it (version 4), for an alert that fires now."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any


def firing(name: str, *, cluster: str, namespace: str, service: str, severity: str, summary: str) -> dict[str, Any]:
    """One firing alert in one group."""
    labels = {
        "alertname": name,
        "cluster": cluster,
        "namespace": namespace,
        "service": service,
        "severity": severity,
    }
    fingerprint = hashlib.sha256(repr(sorted(labels.items())).encode()).hexdigest()[:16]
    started = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    alert = {
        "status": "firing",
        "labels": labels,
        "annotations": {"summary": summary},
        "startsAt": started,
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus.monitoring:9090/graph",
        "fingerprint": fingerprint,
    }
    return {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="{name}"}}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "opsdesk",
        "groupLabels": {"alertname": name},
        "commonLabels": labels,
        "commonAnnotations": {"summary": summary},
        "externalURL": "http://alertmanager.monitoring:9093",
        "alerts": [alert],
    }
