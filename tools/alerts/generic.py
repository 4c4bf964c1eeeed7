"""Alerts of any other sender, in a form that is easy to write: one object, a list of them, or ``{"alerts": [...]}``.

``name`` is all that is needed. ``status`` (firing, resolved), ``severity`` (words, P1 to P5, Chinese), ``cluster``,
``namespace``, ``service``, ``labels``, ``annotations``, ``summary``, ``description``, ``starts_at``, ``ends_at``,
``fingerprint`` and ``url`` may be given; common spellings of other products are understood.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from knowledge.vocabulary import Alert
from tools.alerts import fields
from tools.alerts.meaning import cluster_of, fingerprint_of, namespace_of, service_of, severity_of

_SPELLINGS = {
    "name": ("name", "alertname", "alert", "title", "alert_name", "ruleName", "名称"),
    "status": ("status", "state", "状态"),
    "severity": ("severity", "priority", "level", "级别"),
    "cluster": ("cluster", "集群"),
    "namespace": ("namespace", "命名空间"),
    "service": ("service", "app", "服务"),
    "summary": ("summary", "message", "msg", "摘要"),
    "description": ("description", "details", "描述"),
    "starts_at": ("starts_at", "startsAt", "started_at", "timestamp", "time"),
    "ends_at": ("ends_at", "endsAt", "resolved_at"),
    "fingerprint": ("fingerprint", "id", "key", "dedup_key", "alert_id"),
    "url": ("url", "generatorURL", "link"),
}
_RESOLVED = frozenset(
    {"resolved", "ok", "recovered", "recovery", "closed", "normal", "resolve", "已恢复", "恢复", "已解决"}
)
_FIRING = frozenset(
    {"", "firing", "alerting", "problem", "open", "triggered", "trigger", "active", "critical", "告警", "触发"}
)


@dataclass(frozen=True, slots=True)
class GenericSource:
    id: str = "generic"

    def parse(self, payload: object, *, default_cluster: str) -> list[Alert]:
        if isinstance(payload, list):
            return [
                self._one(each, f"[{index}]", default_cluster)
                for index, each in enumerate(fields.alerts_in(payload, ""))
            ]
        given = fields.mapping(payload, "")
        if "alerts" in given:
            return [
                self._one(each, f"alerts[{index}]", default_cluster)
                for index, each in enumerate(fields.alerts_in(given["alerts"], "alerts"))
            ]
        return [self._one(given, "", default_cluster)]

    def _one(self, value: object, path: str, default_cluster: str) -> Alert:
        given = fields.mapping(value, path)
        labels = fields.labels(given.get("labels"), _under(path, "labels"))
        name = _said(given, "name", path) or labels.get("alertname", "")
        if not name:
            fields.malformed(_under(path, "name"), "every alert needs a name", 'send {"name": "..."} at least')
        status = _said(given, "status", path).strip().lower()
        if status not in _RESOLVED | _FIRING:
            fields.malformed(_under(path, "status"), f"expected firing or resolved, got {status[:40]!r}")
        annotations = fields.notes(given.get("annotations"), _under(path, "annotations"))
        for part in ("summary", "description"):
            if told := _said(given, part, path, limit=2**31):
                annotations.setdefault(part, told[: fields.MAX_ANNOTATION])
        starts_at, ends_at = _moment(given, "starts_at", path), _moment(given, "ends_at", path)
        return Alert(
            source=self.id,
            fingerprint=_said(given, "fingerprint", path, limit=256) or self._fingerprint(given, name, labels, path),
            status="resolved" if status in _RESOLVED else "firing",
            name=name,
            severity=severity_of(labels, _said(given, "severity", path)),
            cluster=_said(given, "cluster", path) or cluster_of(labels, default_cluster),
            namespace=_said(given, "namespace", path) or namespace_of(labels),
            service=_said(given, "service", path) or service_of(labels),
            labels=labels,
            annotations=annotations,
            starts_at=starts_at or datetime.now(UTC),
            ends_at=ends_at if status in _RESOLVED else None,
            generator_url=_said(given, "url", path, limit=16_384),
        )

    def _fingerprint(self, given: Mapping[str, Any], name: str, labels: Mapping[str, str], path: str) -> str:
        said = {part: _said(given, part, path) for part in ("cluster", "namespace", "service")}
        return fingerprint_of(
            self.id, name, {**labels, **{f"said_{part}": value for part, value in said.items() if value}}
        )


def _under(path: str, field: str) -> str:
    return f"{path}.{field}" if path else field


def _said(given: Mapping[str, Any], part: str, path: str, *, limit: int = fields.MAX_LABEL) -> str:
    for spelling in _SPELLINGS[part]:
        if given.get(spelling) is not None:
            return fields.text(given[spelling], _under(path, spelling), limit=limit)
    return ""


def _moment(given: Mapping[str, Any], part: str, path: str) -> datetime | None:
    for spelling in _SPELLINGS[part]:
        if given.get(spelling) is not None:
            return fields.moment(given[spelling], _under(path, spelling))
    return None


SOURCE = GenericSource()
