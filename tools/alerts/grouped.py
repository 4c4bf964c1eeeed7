"""The grouped form that Alertmanager made common and Grafana took over: ``{"status", "alerts": [{"labels", ...}]}``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from knowledge.vocabulary import Alert
from tools.alerts import fields
from tools.alerts.meaning import cluster_of, fingerprint_of, namespace_of, service_of, severity_of, with_annotation


def parse_grouped(source: str, payload: Mapping[str, Any], *, default_cluster: str) -> list[Alert]:
    group_status = payload.get("status")
    parsed = [
        _parse_one(source, each, f"alerts[{index}]", group_status, default_cluster)
        for index, each in enumerate(fields.alerts_in(payload.get("alerts"), "alerts"))
    ]
    truncated = payload.get("truncatedAlerts") or 0
    if isinstance(truncated, int) and truncated > 0:
        told = f"{truncated} more alerts of this group were left out by the sender (max_alerts)"
        parsed[0] = with_annotation(parsed[0], "opsdesk_truncated", told)
    return parsed


def _parse_one(source: str, value: object, path: str, group_status: object, default_cluster: str) -> Alert:
    given = fields.mapping(value, path)
    labels = fields.labels(given.get("labels"), f"{path}.labels")
    name = labels.get("alertname") or labels.get("rulename") or ""
    if not name:
        fields.malformed(f"{path}.labels.alertname", "every alert needs a name")
    status = fields.text(given.get("status") or group_status, f"{path}.status").lower()
    if status not in {"firing", "resolved"}:
        fields.malformed(f"{path}.status", f"expected firing or resolved, got {status[:40]!r}")
    starts_at = fields.moment(given.get("startsAt"), f"{path}.startsAt")
    ends_at = fields.moment(given.get("endsAt"), f"{path}.endsAt")
    annotations = fields.notes(given.get("annotations"), f"{path}.annotations")
    for url in ("dashboardURL", "panelURL", "valueString"):
        if told := given.get(url):
            annotations.setdefault(url, fields.text(told, f"{path}.{url}", limit=2**31)[: fields.MAX_ANNOTATION])
    fingerprint = fields.text(given.get("fingerprint"), f"{path}.fingerprint", limit=256)
    return Alert(
        source=source,
        fingerprint=fingerprint or fingerprint_of(source, name, labels),
        status="firing" if status == "firing" else "resolved",
        name=name,
        severity=severity_of(labels),
        cluster=cluster_of(labels, default_cluster),
        namespace=namespace_of(labels),
        service=service_of(labels),
        labels=labels,
        annotations=annotations,
        starts_at=starts_at or datetime.now(UTC),
        ends_at=ends_at if status == "resolved" else None,
        generator_url=fields.text(given.get("generatorURL"), f"{path}.generatorURL", limit=16_384),
    )
