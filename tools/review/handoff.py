"""A change that belongs to an object's owner, as a patch for a pull request there: only the fields that change, in the form
that kustomize takes as a strategic merge patch and that a chart's template can be held against."""

from __future__ import annotations

from typing import Any

import yaml

from knowledge.vocabulary import Json, OwnerPatch
from tools.actions.contract import Frozen

_SKIPPED = ("status",)
_NOT_OURS = ("resourceVersion", "uid", "generation", "creationTimestamp", "managedFields", "selfLink")


def handed_off(frozen: Frozen, owner: str, step: int) -> OwnerPatch | None:
    """What would change in the step's target, for whoever keeps it; None where there is nothing to show."""
    if frozen.target is None or frozen.observed is None or frozen.desired is None:
        return None
    changed = {key: value for key, value in _changed(frozen.observed, frozen.desired).items() if key not in _SKIPPED}
    metadata = {key: value for key, value in changed.pop("metadata", {}).items() if key not in _NOT_OURS}
    if not changed and not metadata:
        return None
    return OwnerPatch(step=step, owner=owner, target=frozen.target, patch=_document(frozen.observed, metadata, changed))


def scaler_patch(frozen: Frozen, scaler: Json, step: int) -> OwnerPatch | None:
    """The autoscaler's bounds that let the wanted number of replicas stand; None when the step wants no number."""
    wanted = ((frozen.desired or {}).get("spec") or {}).get("replicas")
    if frozen.target is None or not isinstance(wanted, int) or wanted < 1:
        return None
    spec = scaler.get("spec") or {}
    least, most = int(spec.get("minReplicas") or 1), int(spec.get("maxReplicas") or wanted)
    now = ((frozen.observed or {}).get("spec") or {}).get("replicas") or 1
    bounds = {"minReplicas": wanted} if wanted > now else {"minReplicas": min(least, wanted), "maxReplicas": wanted}
    if wanted > most:
        bounds["maxReplicas"] = wanted
    named = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        **scaler,
    }  # an item of a list names neither
    owner = f"HorizontalPodAutoscaler {scaler['metadata']['name']}"
    return OwnerPatch(step=step, owner=owner, target=frozen.target, patch=_document(named, {}, {"spec": bounds}))


def _document(item: Json, metadata: Json, changed: Json) -> str:
    name = {key: item["metadata"][key] for key in ("name", "namespace") if item["metadata"].get(key)}
    document = {
        "apiVersion": item.get("apiVersion", ""),
        "kind": item.get("kind", ""),
        "metadata": {**name, **metadata},
        **changed,
    }
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120)


def _changed(before: Json, after: Json) -> Json:
    """The fields of ``after`` that differ, None for those that are gone."""
    found: Json = {}
    for key in {**before, **after}:
        if key not in after:
            found[key] = None
        elif key not in before:
            found[key] = after[key]
        elif before[key] != after[key]:
            found[key] = _value(before[key], after[key])
    return found


def _value(before: Any, after: Any) -> Any:
    if isinstance(before, dict) and isinstance(after, dict):
        return _changed(before, after)
    if _is_named(before) and _is_named(after):
        return _items(before, after)
    return after


def _items(before: list[Json], after: list[Json]) -> list[Json]:
    """Items of a list that is merged by name (containers, env, volumes): the changed ones, each with its name."""
    old = {item["name"]: item for item in before}
    found: list[Json] = []
    for item in after:
        if item["name"] not in old:
            found.append(item)
        elif old[item["name"]] != item:
            found.append({"name": item["name"], **_changed(old[item["name"]], item)})
    kept = {item["name"] for item in after}
    return found + [{"$patch": "delete", "name": name} for name in old if name not in kept]


def _is_named(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) and "name" in item for item in value)
