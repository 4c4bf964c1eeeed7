"""Grafana's webhook contact point: unified alerting (the grouped form), and the one-rule form of legacy alerting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from knowledge.vocabulary import Alert
from tools.alerts import fields
from tools.alerts.grouped import parse_grouped
from tools.alerts.meaning import cluster_of, fingerprint_of, namespace_of, service_of, severity_of

_LEGACY_STATES = {"alerting": "firing", "no_data": "firing", "ok": "resolved"}


@dataclass(frozen=True, slots=True)
class GrafanaSource:
    id: str = "grafana"

    def parse(self, payload: object, *, default_cluster: str) -> list[Alert]:
        given = fields.mapping(payload, "")
        if "alerts" not in given and "ruleName" in given:
            return [self._legacy(given, default_cluster)]
        return parse_grouped(self.id, given, default_cluster=default_cluster)

    def _legacy(self, given: Mapping[str, Any], default_cluster: str) -> Alert:
        name = fields.text(given["ruleName"], "ruleName")
        if not name:
            fields.malformed("ruleName", "every alert needs a name")
        state = fields.text(given.get("state"), "state")
        if state not in _LEGACY_STATES:
            fields.malformed("state", f"expected one of {', '.join(_LEGACY_STATES)}, got {state[:40]!r}")
        labels = {**fields.labels(given.get("tags"), "tags"), "rule_id": fields.text(given.get("ruleId"), "ruleId")}
        told = {"summary": given.get("title") or name, "description": given.get("message")}
        is_firing = _LEGACY_STATES[state] == "firing"
        now = datetime.now(UTC)
        return Alert(
            source=self.id,
            fingerprint=fingerprint_of(self.id, name, labels),
            status="firing" if is_firing else "resolved",
            name=name,
            severity=severity_of(labels),
            cluster=cluster_of(labels, default_cluster),
            namespace=namespace_of(labels),
            service=service_of(labels),
            labels=labels,
            annotations=fields.notes(told, "message"),
            starts_at=now,
            ends_at=None if is_firing else now,
            generator_url=fields.text(given.get("ruleUrl"), "ruleUrl", limit=16_384),
        )


SOURCE = GrafanaSource()
