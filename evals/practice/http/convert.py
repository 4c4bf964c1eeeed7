"""Two views of one stored object: events.k8s.io/v1 of core events, autoscaling/v1 of autoscaling/v2."""

from __future__ import annotations

from evals.practice.clock import micro_timestamp
from evals.practice.hooks import Object
from evals.practice.kinds import Kind

# core field -> events.k8s.io field
_EVENT_RENAMES = {
    "involvedObject": "regarding",
    "message": "note",
    "reportingComponent": "reportingController",
    "count": "deprecatedCount",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "source": "deprecatedSource",
}
_EVENT_BACK = {new: old for old, new in _EVENT_RENAMES.items()}
_NEW_EVENT_ALWAYS = {
    "eventTime": None,
    "deprecatedFirstTimestamp": None,
    "deprecatedLastTimestamp": None,
}

__all__ = ["from_stored", "micro_timestamp", "to_stored"]


def from_stored(kind: Kind, obj: Object) -> Object:
    """The object as this kind shows it: the same object when the store holds that version."""
    if kind.store_key == kind.resource and kind.version != "v1":
        return obj
    if kind.resource == "events.events.k8s.io" and obj:
        shown = {_EVENT_RENAMES.get(key, key): value for key, value in obj.items()}
        shown.update(apiVersion=kind.api_version, kind=kind.kind)
        shown["deprecatedSource"] = shown.get("deprecatedSource") or {}
        for key, value in _NEW_EVENT_ALWAYS.items():
            shown.setdefault(key, value)
        if not shown.get("reportingController"):
            shown.pop("reportingController", None)
        if not shown.get("reportingInstance"):
            shown.pop("reportingInstance", None)
        return shown
    if kind.resource == "horizontalpodautoscalers.autoscaling" and kind.version == "v1" and obj:
        return _hpa_v1(kind, obj)
    return obj


def to_stored(kind: Kind, obj: Object) -> Object:
    """A client's object in the version that the store holds."""
    if kind.resource == "events.events.k8s.io":
        return {_EVENT_BACK.get(key, key): value for key, value in obj.items()} | {"apiVersion": "v1", "kind": "Event"}
    if kind.resource == "horizontalpodautoscalers.autoscaling" and kind.version == "v1":
        return _hpa_v2(obj)
    return obj


def _hpa_v1(kind: Kind, obj: Object) -> Object:
    spec = {key: value for key, value in obj.get("spec", {}).items() if key not in ("metrics", "behavior")}
    for metric in obj.get("spec", {}).get("metrics") or []:
        target = metric.get("resource", {}).get("target", {})
        if metric.get("resource", {}).get("name") == "cpu" and "averageUtilization" in target:
            spec["targetCPUUtilizationPercentage"] = target["averageUtilization"]
    status = {k: v for k, v in obj.get("status", {}).items() if k not in ("conditions", "currentMetrics")}
    return {**obj, "apiVersion": kind.api_version, "spec": spec, "status": status}


def _hpa_v2(obj: Object) -> Object:
    spec = dict(obj.get("spec", {}))
    percentage = spec.pop("targetCPUUtilizationPercentage", None)
    if percentage is not None:
        target = {"type": "Utilization", "averageUtilization": percentage}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    return {**obj, "apiVersion": "autoscaling/v2", "spec": spec}
