"""Whether labels and taints fit: node selectors, node affinity, tolerations, label selectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from knowledge.vocabulary import Json


def node_affinity_fits(spec: Json, node: Json) -> bool:
    """A pod's node selector and its required node affinity, as far as they are known."""
    labels = (node.get("metadata") or {}).get("labels") or {}
    name = (node.get("metadata") or {}).get("name", "")
    if any(labels.get(key) != str(value) for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    terms = (affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}).get("nodeSelectorTerms") or ()
    return not terms or any(_term_fits(term, labels, name) for term in terms)


def _term_fits(term: Json, labels: Mapping[str, str], name: str) -> bool:
    fields = {"metadata.name": name}
    rules = [(rule, labels) for rule in term.get("matchExpressions") or ()]
    rules += [(rule, fields) for rule in term.get("matchFields") or ()]
    return bool(rules) and all(expression_fits(rule, values) for rule, values in rules)


def expression_fits(rule: Json, labels: Mapping[str, Any]) -> bool:
    key, values = rule.get("key", ""), [str(value) for value in rule.get("values") or ()]
    operator, has = rule.get("operator"), labels.get(rule.get("key", ""))
    if operator == "Exists":
        return key in labels
    if operator == "DoesNotExist":
        return key not in labels
    if operator == "In":
        return str(has) in values if has is not None else False
    if operator == "NotIn":
        return has is None or str(has) not in values
    if operator in ("Gt", "Lt") and values and str(has or "").lstrip("-").isdigit() and values[0].lstrip("-").isdigit():
        return int(str(has)) > int(values[0]) if operator == "Gt" else int(str(has)) < int(values[0])
    return False


def selector_fits(selector: Json, labels: Mapping[str, Any]) -> bool:
    """A label selector as claims and workloads have it; an empty one fits everything."""
    equal = all(str(labels.get(key)) == str(value) for key, value in (selector.get("matchLabels") or {}).items())
    return equal and all(expression_fits(rule, labels) for rule in selector.get("matchExpressions") or ())


def tolerated(tolerations: Sequence[Json], taint: Json) -> bool:
    return any(_tolerates(toleration, taint) for toleration in tolerations)


def _tolerates(toleration: Json, taint: Json) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint.get("effect"):
        return False
    if toleration.get("operator") == "Exists":
        return not toleration.get("key") or toleration["key"] == taint.get("key")
    return toleration.get("key") == taint.get("key") and str(toleration.get("value", "")) == str(taint.get("value", ""))
