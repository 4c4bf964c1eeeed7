"""Label selectors, node selectors and tolerations, evaluated as the API server and the scheduler do."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def matches(selector: Object | None, labels: Object) -> bool:
    """A LabelSelector (matchLabels, matchExpressions) against labels; an absent one matches nothing."""
    if selector is None:
        return False
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    return all(_expression(one, labels) for one in selector.get("matchExpressions") or ())


def matches_map(selector: Object, labels: Object) -> bool:
    """A Service's selector: plain equality of every key."""
    return all(labels.get(key) == value for key, value in selector.items())


def labels_of(obj: Object) -> Object:
    found: Object = obj["metadata"].get("labels") or {}
    return found


def _expression(one: Object, labels: Object) -> bool:
    key, values = one["key"], one.get("values") or []
    match one["operator"]:
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return key not in labels or labels[key] not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case "Gt" | "Lt" as operator:
            found = str(labels.get(key, ""))
            if not found.lstrip("-").isdigit() or not values:
                return False
            return int(found) > int(values[0]) if operator == "Gt" else int(found) < int(values[0])
    return False


def node_fits(pod: Object, node: Object) -> bool:
    """nodeSelector and required node affinity."""
    spec = pod["spec"]
    if not matches_map(spec.get("nodeSelector") or {}, labels_of(node)):
        return False
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return True
    fields = {"metadata.name": node["metadata"]["name"]}
    for term in required.get("nodeSelectorTerms") or ():
        labels_ok = all(_expression(one, labels_of(node)) for one in term.get("matchExpressions") or ())
        fields_ok = all(_expression(one, fields) for one in term.get("matchFields") or ())
        if labels_ok and fields_ok:
            return True
    return False


def tolerates(pod: Object, taint: Object) -> bool:
    return toleration_for(pod, taint) is not None


def toleration_for(pod: Object, taint: Object) -> Object | None:
    """The first toleration of the pod that covers the taint."""
    for one in pod["spec"].get("tolerations") or ():
        if one.get("effect") and one["effect"] != taint["effect"]:
            continue
        if one.get("key") and one["key"] != taint["key"]:
            continue
        if one.get("operator", "Equal") == "Exists" or (one.get("value") or "") == (taint.get("value") or ""):
            found: Object = one
            return found
    return None
