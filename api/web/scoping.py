"""Leaves out of what is shown everything that names a namespace outside the reader's scope.

An incident may be within a reader's scope while its evidence reaches further: a gateway in another namespace, a noisy
neighbour on the same node. Objects without a namespace (nodes, volumes) are everybody's of the cluster.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from api.bootstrap import Desk
from knowledge.vocabulary import Evidence, Incident, Principal, Scope, Text

HIDDEN = Text(en="(concerns what lies outside your scope)", zh="（涉及您权限范围之外的对象）")
_IN_TEXT = re.compile(
    r"\b[A-Z][A-Za-z0-9]*/(?P<key>[a-z0-9][a-z0-9-]*)/[a-z0-9]|/namespaces/(?P<path>[a-z0-9][a-z0-9-]*)"
    r"|(?:^|\s)(?:-n|--namespace)[ =]?(?P<flag>[a-z0-9][a-z0-9-]*)"
)
"""How prose, scripts and outputs name a namespace."""
_WORD = re.compile(r"[a-z0-9][a-z0-9.-]*[a-z0-9]|[a-z0-9]")
_PROSE = frozenset(" /:@=\n\t，。：")
_KEY = re.compile(r"[A-Z][A-Za-z0-9]*/(?P<namespace>[a-z0-9][a-z0-9.-]*)/[^/]+")
_PLACES = ("namespace", "exported_namespace", "kubernetes_namespace", "pod_namespace", "exported_pod_namespace")
_LABEL = re.compile(r"namespace[\"']?\s{0,3}(?:=~?|:)\s{0,3}[\"']?(?P<name>[a-z0-9][a-z0-9-]*)")
"""How series and alerts name theirs in text."""
_NAMING = ("object", "target", "diagnosed_object")


def sees_all(scope: Scope, cluster: str) -> bool:
    return "*" in scope.namespaces and scope.allows(cluster=cluster)


def evidence_within(scope: Scope, evidence: list[Evidence]) -> list[Evidence]:
    """The facts about what the scope covers. What is about no one object (numbers, alerts, pastes) says by its labels, and
    otherwise by its words, whose it is."""
    return [fact for fact in evidence if _is_fact_within(scope, fact)]


def _is_fact_within(scope: Scope, fact: Evidence) -> bool:
    if not scope.allows(cluster=fact.cluster, namespace=fact.object.namespace if fact.object else ""):
        return False
    if fact.object is not None or sees_all(scope, fact.cluster):
        return True
    labels = fact.body.get("labels")
    told = [part.get(name) for part in (fact.body, labels) if isinstance(part, dict) for name in _PLACES]
    told += [found["name"] for found in _LABEL.finditer(fact.text)]
    is_within = all(scope.allows(cluster=fact.cluster, namespace=one) for one in told if isinstance(one, str))
    return is_within and not _tells(fact.text, scope, fact.cluster, frozenset())


def narrowed(value: Any, scope: Scope, cluster: str, outside: frozenset[str] = frozenset()) -> Any:
    """``value`` (JSON) without what is outside: list elements go, a single value becomes None, and prose that names it is
    left out whole. ``outside``: names that are known to be there (:func:`names_outside`)."""
    if sees_all(scope, cluster):
        return value
    return _narrowed(value, scope, cluster, outside)


def _narrowed(value: Any, scope: Scope, cluster: str, outside: frozenset[str]) -> Any:
    if isinstance(value, dict):
        if _is_outside(value, scope, cluster):
            return None
        if value.keys() == {"en", "zh"} and any(_tells(str(text), scope, cluster, outside) for text in value.values()):
            return HIDDEN.model_dump()
        parts = {key: _narrowed(part, scope, cluster, outside) for key, part in value.items()}
        told = (key for key, part in value.items() if isinstance(part, str) and parts[key] is None)
        return parts | dict.fromkeys(told, HIDDEN.en)  # a title stays a text, whatever somebody wrote into it
    if isinstance(value, list):
        kept = (_narrowed(part, scope, cluster, outside) for part in value)
        left = [part for before, part in zip(value, kept, strict=True) if part is not None or before is None]
        return [part for part in left if not (isinstance(part, str) and part in outside)]
    if isinstance(value, str):
        if _key_is_outside(value, scope, cluster):
            return None
        return HIDDEN.en if _PROSE & set(value) and _tells(value, scope, cluster, outside) else value
    return value


def _tells(text: str, scope: Scope, cluster: str, outside: frozenset[str]) -> bool:
    """Whether a text names a namespace or an object outside."""
    for found in _IN_TEXT.finditer(text):
        if not scope.allows(cluster=cluster, namespace=found["key"] or found["path"] or found["flag"]):
            return True
    return bool(outside) and any(word in outside for word in _words(text))


def _words(text: str) -> Iterator[str]:
    """The names in a text, and what a dot ends in them (``envoy.gateway.svc``)."""
    for found in _WORD.finditer(text):
        yield found[0]
        if "." in found[0]:
            yield from found[0].split(".")


def names_outside(desk: Desk, principal: Principal, incident: Incident) -> frozenset[str]:
    """As :func:`names_beyond`, for a reader."""
    return names_beyond(desk, principal.scope, incident)


def names_beyond(desk: Desk, scope: Scope, incident: Incident) -> frozenset[str]:
    """Namespaces, and objects in them, that the ledger knows of this incident and that lie outside the scope. Blocking."""
    ledger = desk.ledger
    if sees_all(scope, incident.cluster):
        return frozenset()
    objects = [fact.object for fact in ledger.evidence.for_incident(incident.id, limit=MOST_FACTS) if fact.object]
    objects += [finding.object for finding in ledger.findings.for_incident(incident.id)]
    places = {(one.cluster, one.namespace, one.name) for one in objects}
    for plan in ledger.plans.for_incident(incident.id):
        review = ledger.reviews.latest_for_plan(plan.id)
        for step in review.steps if review else ():
            if step.target is not None:
                places.add((step.target.cluster, step.target.namespace, step.target.name))
            for request in step.requests:
                places |= {(review.cluster, one, "") for one in _IN_PATH.findall(request.path)} if review else set()
    for record in ledger.alerts.list(MOST_FACTS, incident_id=incident.id):
        places.add((record.alert.cluster, record.alert.namespace, record.alert.service))
    found: set[str] = set()
    for cluster, namespace, name in places:
        if namespace and not scope.allows(cluster=cluster, namespace=namespace):
            found |= {namespace, name}
    return frozenset(found - {""})


MOST_FACTS = 5_000
_IN_PATH = re.compile(r"/namespaces/([^/]+)/")


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
