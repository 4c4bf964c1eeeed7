"""JSON that is no Kubernetes object: alerts of any system, anomaly reports, lists of nodes, summaries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from knowledge.errors import OpsdeskError
from knowledge.vocabulary import Alert, Json
from tools.alerts import alertmanager, generic, grafana
from tools.transcript.changes import Move, moves_in
from tools.transcript.containers import read_taints
from tools.transcript.harvest import Depth, Harvest
from tools.transcript.kinds import kind_of
from tools.transcript.times import rfc3339, time_in

MAX_DEPTH = 12
MAX_VALUES = 50_000
_NAME_KEYS = ("name", "service", "service_name", "serviceName", "node", "pod", "instance", "host", "workload", "object", "app",
              "component", "target", "entity", "服务", "节点", "名称", "对象")  # fmt: skip
_KIND_KEYS = ("type", "kind", "object_type", "entity_type", "resource_type", "level", "category", "类型")
_WINDOW_KEYS = ("time_range", "timerange", "window", "period", "interval", "时间范围", "时间窗口")
_START_KEYS = ("start", "start_time", "startTime", "from", "begin", "startsAt", "started_at", "开始时间")
_END_KEYS = ("end", "end_time", "endTime", "until", "to", "endsAt", "结束时间")
_BEFORE_KEYS = (
    "before",
    "baseline",
    "normal",
    "previous",
    "old",
    "expected",
    "normal_value",
    "baseline_value",
    "基线",
    "正常值",
    "之前",
)
_AFTER_KEYS = (
    "after",
    "current",
    "value",
    "now",
    "actual",
    "new",
    "current_value",
    "observed",
    "当前",
    "当前值",
    "现值",
)
_METRIC_KEYS = (
    "metric",
    "metric_name",
    "metricName",
    "indicator",
    "kpi",
    "measure",
    "alertname",
    "rule",
    "指标",
    "指标名",
)


@dataclass(frozen=True, slots=True)
class Subject:
    kind: str = ""
    name: str = ""
    namespace: str = ""
    since: str = ""
    until: str = ""


def read_report(harvest: Harvest, value: Any, namespace: str) -> int:
    """Everything that can be told of a JSON value by its shape. Says how many facts."""
    before = harvest.facts
    if alerts := alerts_of(value, harvest.cluster):
        for alert in alerts:
            harvest.alerts.append(alert)
            harvest.facts += 1
            _changes_of_alert(harvest, alert)
        return harvest.facts - before
    budget = [MAX_VALUES]
    for mapping, subject in _walk(value, Subject(namespace=namespace), harvest, 0, budget):
        _read_node(harvest, mapping)
        _read_numbers(harvest, mapping, subject)
    return harvest.facts - before


def alerts_of(value: Any, cluster: str) -> list[Alert]:
    """Alerts of a webhook (Alertmanager, Grafana), of the alerts and rules APIs, or of a list with names and states."""
    value = _unwrapped(value)
    if not _has_alerts(value):
        return []
    for source in (alertmanager.SOURCE, grafana.SOURCE, generic.SOURCE):
        try:
            return list(source.parse(value, default_cluster=cluster))
        except (OpsdeskError, TypeError, ValueError, KeyError, AttributeError):
            continue
    return []


def _unwrapped(value: Any) -> Any:
    """The lists of Alertmanager's v2 and of Prometheus' APIs in the form that the webhook has."""
    if isinstance(value, dict) and isinstance(value.get("data"), dict):
        data = value["data"]
        if isinstance(data.get("groups"), list):
            rules = [
                rule
                for group in data["groups"]
                if isinstance(group, dict)
                for rule in group.get("rules") or ()
                if isinstance(rule, dict)
            ]
            value = [one for rule in rules for one in rule.get("alerts") or ()]
        elif isinstance(data.get("alerts"), list):
            value = data["alerts"]
    elif isinstance(value, dict) and value.get("status") == "success" and isinstance(value.get("data"), list):
        value = value["data"]
    if (
        isinstance(value, list)
        and value
        and all(isinstance(one, dict) and isinstance(one.get("labels"), dict) for one in value)
    ):
        return {"version": "4", "alerts": [_as_webhook(one) for one in value]}
    return value


def _as_webhook(one: Json) -> Json:
    state = one.get("state") or one.get("status") or "firing"
    if isinstance(state, dict):
        state = state.get("state", "active")
    resolved = str(state).lower() in {"resolved", "inactive"}
    return {
        "labels": one["labels"], "annotations": one.get("annotations") or {}, "status": "resolved" if resolved else "firing",
        "startsAt": one.get("startsAt") or one.get("activeAt"), "endsAt": one.get("endsAt") if resolved else None,
        "fingerprint": one.get("fingerprint") or "", "generatorURL": one.get("generatorURL") or "",
    }  # fmt: skip


def _has_alerts(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    if "ruleName" in value:
        return True
    alerts = value.get("alerts")
    return (
        isinstance(alerts, list) and bool(alerts) and all(isinstance(one, dict) and "labels" in one for one in alerts)
    )


def _changes_of_alert(harvest: Harvest, alert: Alert) -> None:
    subject = Subject(
        "Service" if alert.service else "", alert.service, alert.namespace, rfc3339(alert.starts_at) or ""
    )
    for text in alert.annotations.values():
        for move in moves_in(text, is_measure=True):
            put_change(harvest, move, subject)


def _walk(
    value: Any, subject: Subject, harvest: Harvest, depth: int, budget: list[int]
) -> Iterator[tuple[Json, Subject]]:
    """All objects of the value, each with whom it speaks of: itself, or who encloses it."""
    budget[0] -= 1
    if depth > MAX_DEPTH or budget[0] < 0:
        return
    if isinstance(value, list):
        for each in value:
            yield from _walk(each, subject, harvest, depth + 1, budget)
    elif isinstance(value, dict):
        here = _subject(value, subject, harvest)
        yield value, here
        for key, each in value.items():
            if isinstance(each, (dict, list)):
                below = (
                    Subject(here.kind, key, here.namespace, here.since, here.until)
                    if _is_keyed(value, key, each, here)
                    else here
                )
                yield from _walk(each, below, harvest, depth + 1, budget)


def _is_keyed(value: Json, key: str, each: Any, here: Subject) -> bool:
    """``{"services": {"web": {...}}}``: the key is the name."""
    return (
        isinstance(each, dict)
        and not here.name
        and len(value) > 0
        and re.fullmatch(r"[a-z0-9][a-z0-9.\-]{1,62}", key) is not None
    )


def _subject(value: Json, outer: Subject, harvest: Harvest) -> Subject:
    name = next((value[key] for key in _NAME_KEYS if isinstance(value.get(key), str) and value[key]), "")
    key = next((key for key in _NAME_KEYS if isinstance(value.get(key), str) and value[key]), "")
    kind_word = next((value[key] for key in _KIND_KEYS if isinstance(value.get(key), str)), "")
    kind = kind_of(kind_word) or (kind_of(key) if key not in {"name", "host"} else None)
    since, until = _window(value, harvest)
    if name and ("/" in name):
        word, _, rest = name.partition("/")
        kind, name = kind_of(word) or kind, rest
    where = value.get("namespace")
    return Subject(
        (kind.kind if kind else "") if name else outer.kind,
        name or outer.name,
        where if isinstance(where, str) and where else outer.namespace,
        since or outer.since,
        until or outer.until,
    )


def _window(value: Json, harvest: Harvest) -> tuple[str, str]:
    for key in _WINDOW_KEYS:
        told = value.get(key)
        if isinstance(told, str):
            left, _, right = re.sub(r"\s*(?:~|～|—|–|\bto\b|至|到|/|,)\s*", "~", told, count=1).partition("~")
            return rfc3339(time_in(left, harvest.zone)) or "", rfc3339(time_in(right, harvest.zone)) or ""
        if isinstance(told, dict):
            return _window(told, harvest)
    found = []
    for keys in (_START_KEYS, _END_KEYS):
        told = next((value[key] for key in keys if isinstance(value.get(key), str)), "")
        found.append(rfc3339(time_in(told, harvest.zone)) or "" if told else "")
    return found[0], found[1]


def _read_node(harvest: Harvest, value: Json) -> None:
    """A node as an inventory tells it: a name, and at least two of status, conditions, taints, labels, role."""
    name = value.get("name") or value.get("node") or value.get("hostname")
    signs = sum(1 for key in ("status", "conditions", "taints", "labels", "role", "roles") if key in value)
    is_ready_word = isinstance(value.get("status"), str) and re.match(r"(?:Not)?Ready\b|Unknown$", value["status"])
    if not isinstance(name, str) or signs < 2 or not (is_ready_word or "taints" in value):
        return
    item: Json = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {}, "status": {}}
    conditions: list[Json] = []
    given = value.get("conditions")
    if isinstance(given, dict):
        conditions = [
            {"type": str(name_told), "status": str(state)}
            for name_told, state in given.items()
            if isinstance(state, (str, bool))
        ]
    if is_ready_word and not any(one["type"] == "Ready" for one in conditions):
        word = str(value["status"]).split(",")[0]
        conditions.append({"type": "Ready", "status": {"Ready": "True", "NotReady": "False"}.get(word, "Unknown")})
        if "SchedulingDisabled" in value["status"]:
            item["spec"]["unschedulable"] = True
    item["status"]["conditions"] = conditions
    if isinstance(value.get("labels"), dict):
        item["metadata"]["labels"] = {str(key): str(told) for key, told in value["labels"].items()}
    taints = value.get("taints")
    if isinstance(taints, list):
        texts = [one for one in taints if isinstance(one, str)]
        told = read_taints(texts) + [one for one in taints if isinstance(one, dict) and "key" in one]
        if told:
            item["spec"]["taints"] = told
    harvest.put(item, Depth.TABLE)


def _read_numbers(harvest: Harvest, value: Json, subject: Subject) -> None:
    """Texts that tell of a change, lists of such texts, and pairs of fields (``baseline``, ``current``)."""
    if not subject.name:
        return
    for text in _texts(value):
        for move in moves_in(text, is_measure=True):
            put_change(harvest, move, subject)
    before = next((value[key] for key in _BEFORE_KEYS if isinstance(value.get(key), (int, float))), None)
    after = next((value[key] for key in _AFTER_KEYS if isinstance(value.get(key), (int, float))), None)
    metric = next((value[key] for key in _METRIC_KEYS if isinstance(value.get(key), str)), "")
    if before is not None and after is not None and metric:
        unit = value.get("unit") if isinstance(value.get("unit"), str) else ""
        for move in moves_in(f"{metric}: before={float(before):.9f} -> after={float(after):.9f}{unit}"):
            put_change(harvest, move, subject)


def _texts(value: Json) -> Iterator[str]:
    for each in value.values():
        if isinstance(each, str) and any(character.isdigit() for character in each):
            yield each
        elif isinstance(each, list):
            yield from (one for one in each if isinstance(one, str))


def put_change(harvest: Harvest, move: Move, subject: Subject) -> None:
    """Keeps a change under a name that is its own: subject and metric."""
    name = re.sub(r"[^a-z0-9.\-]+", "-", f"{subject.kind}-{subject.name}-{move.metric or move.about}".lower()).strip(
        "-"
    )[:120]
    namespace = "" if subject.kind in {"Node", "PersistentVolume", "GPU"} else subject.namespace or harvest.namespace
    spec: Json = {
        "subject": {"kind": subject.kind or "Service", "namespace": namespace, "name": subject.name},
        "metric": move.metric, "about": move.about, "after": move.after, "unit": move.unit, "text": move.text,
    }  # fmt: skip
    if move.before is not None:
        spec["before"] = move.before
    if move.ratio is not None:
        spec["ratio"] = move.ratio
    if subject.since or subject.until:
        spec["window"] = {"from": subject.since, "until": subject.until}
    harvest.put_pseudo("MetricChange", name, spec, namespace=namespace)
