"""Merge and strategic merge patches, computed here, so that the review sees the outcome and the request is a tested patch.

The merge keys are facts of the Kubernetes API's types."""

from __future__ import annotations

import copy
from typing import Any

from knowledge.vocabulary import Json
from tools.ports import ResourceKind

_MERGE_KEYS = {
    "containers": "name", "initContainers": "name", "ephemeralContainers": "name", "env": "name", "volumes": "name",
    "volumeMounts": "mountPath", "volumeDevices": "devicePath", "imagePullSecrets": "name", "hostAliases": "ip",
    "ownerReferences": "uid", "topologySpreadConstraints": "topologyKey", "resourceClaims": "name", "secrets": "name",
    "schedulingGates": "name", "conditions": "type", "addresses": "type",
}  # fmt: skip
_ATOMIC = frozenset({"nodeSelector"})
_MERGED_VALUES = frozenset({"finalizers", "podCIDRs"})


def takes_strategic(kind: ResourceKind) -> bool:
    """Whether the kind is one of Kubernetes' own, which alone take strategic patches."""
    return "." not in kind.group or (kind.group.endswith(".k8s.io") and "x-k8s" not in kind.group)


def merge_patch(tree: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result: Json = copy.deepcopy(tree) if isinstance(tree, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def strategic_merge(tree: Any, patch: Any, field: str = "", parent: str = "") -> Any:
    """Kubernetes' own merge: lists of named things by their key, other lists replaced whole. Directives are refused before."""
    if isinstance(patch, dict):
        result: Json = copy.deepcopy(tree) if isinstance(tree, dict) else {}
        for key, value in patch.items():
            if value is None:
                result.pop(key, None)
            else:
                result[key] = strategic_merge(result.get(key), value, key, field)
        return result
    if isinstance(patch, list) and isinstance(tree, list):
        return _merge_list(tree, patch, field, parent)
    return copy.deepcopy(patch)


def _merge_list(tree: list[Any], patch: list[Any], field: str, parent: str) -> list[Any]:
    if field in _MERGED_VALUES:
        return [*tree, *(item for item in patch if item not in tree)]
    key = _key_of(field, parent)
    if key is None or not all(isinstance(item, dict) and key in item for item in (*tree, *patch)):
        return copy.deepcopy(patch)
    result = copy.deepcopy(tree)
    fresh: list[Any] = []
    for item in patch:
        at = next((i for i, old in enumerate(result) if old[key] == item[key]), None)
        if at is None:
            fresh.append(strategic_merge({}, item, field, parent))
        else:
            result[at] = strategic_merge(result[at], item, field, parent)
    # The server puts entries that only the patch has in front, as the patch orders them.
    return fresh + result


def _key_of(field: str, parent: str) -> str | None:
    if field == "ports":
        return "containerPort" if parent in {"containers", "initContainers"} else "port"
    return _MERGE_KEYS.get(field)


def three_way(observed: Json, last_applied: Json | None, manifest: Json, *, is_strategic: bool) -> Json:
    """What ``kubectl apply`` leaves: the manifest merged over the object, without what only the last apply had."""
    result = _without(observed, last_applied, manifest) if last_applied else copy.deepcopy(observed)
    merged = strategic_merge(result, manifest) if is_strategic else merge_patch(result, manifest)
    assert isinstance(merged, dict)
    return merged


def _without(observed: Any, last: Any, manifest: Any, field: str = "", parent: str = "") -> Any:
    """``observed`` less what stood in ``last`` and does not stand in ``manifest``."""
    if isinstance(observed, dict) and isinstance(last, dict) and isinstance(manifest, dict):
        return {
            key: _without(value, last.get(key), manifest.get(key), key, field) if key in manifest else value
            for key, value in observed.items()
            if key in manifest or key not in last
        }
    if isinstance(observed, list) and isinstance(last, list) and isinstance(manifest, list):
        key = _key_of(field, parent)
        if key is None or not all(isinstance(i, dict) and key in i for i in (*observed, *last, *manifest)):
            return observed
        mine = {item[key]: item for item in manifest}
        before = {item[key]: item for item in last}
        return [
            _without(item, before.get(item[key]), mine.get(item[key]), field, parent) if item[key] in mine else item
            for item in observed
            if item[key] in mine or item[key] not in before
        ]
    return observed
