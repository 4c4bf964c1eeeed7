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
    was = {item[key]: (place, item) for place, item in enumerate(tree)}
    mine = {item[key]: strategic_merge(was.get(item[key], (0, {}))[1], item, field, parent) for item in patch}
    others = [copy.deepcopy(item) for item in tree if item[key] not in mine]
    return _in_server_order(others, list(mine.values()), {name: place for name, (place, _) in was.items()}, key)


def _in_server_order(others: list[Any], mine: list[Any], places: dict[Any, int], key: str) -> list[Any]:
    """Both lists in one, as the API server orders them: an entry that only the object has goes before a patched one only
    when both were there and it stood in front."""
    merged: list[Any] = []
    others, mine = list(others), list(mine)
    while others and mine:
        place = places.get(mine[0][key])
        is_first = place is not None and places[others[0][key]] < place
        merged.append((others if is_first else mine).pop(0))
    return [*merged, *mine, *others]


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
