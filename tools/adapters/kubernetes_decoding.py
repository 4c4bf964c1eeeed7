"""Answers of an API server from bytes to plain dicts, as cheaply as can be: a list of thousands of pods is tens of megabytes.

Two things make it dear. A third of an object says which field was set by whom (``managedFields[].fieldsV1``), which nobody
here reads: lists of built-in kinds are decoded with a shape that skips it without making objects of it. And the interpreter's
cycle collector goes over all that was decoded so far again and again, though decoded JSON has no cycles: it rests meanwhile.
"""

from __future__ import annotations

from typing import Any, TypedDict

import msgspec

from tools.cycle_rest import collector_at_rest
from tools.ports import ResourceKind

LARGE_BYTES = 100_000
"""Below, resting is not worth its while."""


class _Writer(TypedDict, total=False):
    """An entry of ``managedFields`` without the fields themselves."""

    manager: Any
    operation: Any
    apiVersion: Any
    time: Any
    subresource: Any


class _Metadata(TypedDict, total=False):
    """All of ``ObjectMeta``: a field that is not named here is not kept."""

    name: Any
    generateName: Any
    namespace: Any
    selfLink: Any
    uid: Any
    resourceVersion: Any
    generation: Any
    creationTimestamp: Any
    deletionTimestamp: Any
    deletionGracePeriodSeconds: Any
    labels: Any
    annotations: Any
    ownerReferences: Any
    finalizers: Any
    managedFields: list[_Writer]


_PARTS: dict[str, tuple[str, ...]] = {
    "": ("spec", "status"),
    "ConfigMap": ("data", "binaryData", "immutable"),
    "Endpoints": ("subsets",),
    "EndpointSlice": ("addressType", "endpoints", "ports"),
    "Event": ("involvedObject", "regarding", "related", "reason", "message", "note", "type", "action", "count", "series", "source",
              "eventTime", "firstTimestamp", "lastTimestamp", "reportingComponent", "reportingInstance", "reportingController",
              "deprecatedCount", "deprecatedFirstTimestamp", "deprecatedLastTimestamp", "deprecatedSource"),
}  # fmt: skip
_PLAIN = frozenset(
    {"Pod", "Node", "Namespace", "Service", "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job", "CronJob", "Ingress",
     "NetworkPolicy", "HorizontalPodAutoscaler", "PodDisruptionBudget", "ResourceQuota", "LimitRange", "PersistentVolume",
     "PersistentVolumeClaim"}
)  # fmt: skip
_GROUPS = frozenset(
    {"", "apps", "batch", "autoscaling", "policy", "networking.k8s.io", "discovery.k8s.io", "events.k8s.io"}
)


def _decoder(parts: tuple[str, ...]) -> msgspec.json.Decoder[Any]:
    names = ("kind", "apiVersion", *parts)
    item = TypedDict("item", {**dict.fromkeys(names, Any), "metadata": _Metadata}, total=False)  # type: ignore[misc]
    page = {"metadata": Any, "items": list[item]}
    return msgspec.json.Decoder(TypedDict("page", page, total=False))  # type: ignore[operator]


_ANYTHING = msgspec.json.Decoder()
_DECODERS = {kind: _decoder(parts) for kind, parts in _PARTS.items()}


def decoded_page(body: bytes, kind: ResourceKind) -> Any:
    """One page of a list. Kinds whose top-level fields are known come without ``fieldsV1``; all others whole."""
    decoder = _DECODERS.get(kind.kind if kind.kind in _DECODERS else "" if kind.kind in _PLAIN else "-")
    if decoder is None or kind.group not in _GROUPS:
        return decoded(body)
    try:
        with collector_at_rest(is_worth_it=len(body) >= LARGE_BYTES):
            return decoder.decode(body)
    except msgspec.DecodeError:  # another shape than the documented one: a null where a list belongs, or no list at all
        return decoded(body)


def decoded(body: bytes) -> Any:
    """JSON, or text where it is not JSON; None of an empty body."""
    if not body:
        return None
    try:
        with collector_at_rest(is_worth_it=len(body) >= LARGE_BYTES):
            return _ANYTHING.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return body.decode("utf-8", "replace")
