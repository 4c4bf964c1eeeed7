"""Leaves out of what is shown everything that names a namespace outside the reader's scope.

An incident may be within a reader's scope while its evidence reaches further: a gateway in another namespace, a noisy
neighbour on the same node. Objects without a namespace (nodes, volumes) are everybody's of the cluster.
"""

from __future__ import annotations

import re
from typing import Any

from knowledge.vocabulary import Evidence, Scope

_KEY = re.compile(r"[A-Z][A-Za-z0-9]*/(?P<namespace>[a-z0-9][a-z0-9.-]*)/[^/]+")
_NAMING = ("object", "target", "diagnosed_object")


def sees_all(scope: Scope, cluster: str) -> bool:
    return "*" in scope.namespaces and scope.allows(cluster=cluster)


def evidence_within(scope: Scope, evidence: list[Evidence]) -> list[Evidence]:
    return [
        fact
        for fact in evidence
        if scope.allows(cluster=fact.cluster, namespace=fact.object.namespace if fact.object else "")
    ]


def narrowed(value: Any, scope: Scope, cluster: str) -> Any:
    """``value`` (JSON) without what is outside: list elements go, a single value becomes None."""
    if sees_all(scope, cluster):
        return value
    return _narrowed(value, scope, cluster)


def _narrowed(value: Any, scope: Scope, cluster: str) -> Any:
    if isinstance(value, dict):
        if _is_outside(value, scope, cluster):
            return None
        return {key: _narrowed(part, scope, cluster) for key, part in value.items()}
    if isinstance(value, list):
        kept = (_narrowed(part, scope, cluster) for part in value)
        return [part for before, part in zip(value, kept, strict=True) if part is not None or before is None]
    if isinstance(value, str) and _key_is_outside(value, scope, cluster):
        return None
    return value


def _is_outside(value: dict[str, Any], scope: Scope, cluster: str) -> bool:
    """True for a thing on an object outside, for a reference to one, and for a link between two when either is."""
    for name in _NAMING:
        reference = value.get(name)
        if isinstance(reference, dict) and _reference_is_outside(reference, scope, cluster):
            return True
        if isinstance(reference, str) and _key_is_outside(reference, scope, cluster):
            return True
    ends = [value[end] for end in ("cause", "effect") if isinstance(value.get(end), str)]
    return _reference_is_outside(value, scope, cluster) or any(_key_is_outside(end, scope, cluster) for end in ends)


def _reference_is_outside(value: dict[str, Any], scope: Scope, cluster: str) -> bool:
    if not {"kind", "name", "namespace"} <= value.keys():
        return False
    namespace = value["namespace"]
    return isinstance(namespace, str) and not scope.allows(
        cluster=str(value.get("cluster") or cluster), namespace=namespace
    )


def _key_is_outside(value: str, scope: Scope, cluster: str) -> bool:
    found = _KEY.fullmatch(value)
    return found is not None and not scope.allows(cluster=cluster, namespace=found["namespace"])
