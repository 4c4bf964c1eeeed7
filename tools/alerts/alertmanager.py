"""Prometheus Alertmanager's webhook, version 4."""

from __future__ import annotations

from dataclasses import dataclass

from knowledge.vocabulary import Alert
from tools.alerts import fields
from tools.alerts.grouped import parse_grouped


@dataclass(frozen=True, slots=True)
class AlertmanagerSource:
    id: str = "alertmanager"

    def parse(self, payload: object, *, default_cluster: str) -> list[Alert]:
        given = fields.mapping(payload, "")
        version = given.get("version", "4")
        if version != "4":
            fields.malformed("version", f"expected '4', got {str(version)[:40]!r}", "use Alertmanager 0.16 or newer")
        return parse_grouped(self.id, given, default_cluster=default_cluster)


SOURCE = AlertmanagerSource()
