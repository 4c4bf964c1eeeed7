"""ResourceQuotas: 403 for a new object that would take more than is left."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from evals.practice.controllers.resources import amount, pod_requests, show
from evals.practice.errors import forbidden
from evals.practice.kinds import BY_RESOURCE
from evals.practice.store import Store, name_of, namespace_of

Object = dict[str, Any]
Usage = dict[str, Fraction]
_COMPUTE = ("cpu", "memory", "ephemeral-storage")
_NAMED = frozenset({"configmaps", "secrets", "services", "resourcequotas", "persistentvolumeclaims",
                    "replicationcontrollers", "pods"})  # fmt: skip


def usage_of(resource: str, obj: Object) -> Usage:
    """What one object takes, under every name by which a quota may count it."""
    found: Usage = {f"count/{resource}": Fraction(1)}
    if resource in _NAMED:
        found[resource] = Fraction(1)
    if resource == "services":
        kind = obj["spec"].get("type")
        if kind == "LoadBalancer":
            found["services.loadbalancers"] = Fraction(1)
        if kind in ("NodePort", "LoadBalancer"):
            found["services.nodeports"] = Fraction(len(obj["spec"].get("ports") or ()))
    if resource == "persistentvolumeclaims":
        storage = ((obj["spec"].get("resources") or {}).get("requests") or {}).get("storage")
        found["requests.storage"] = amount(storage)
        name = obj["spec"].get("storageClassName")
        if name:
            found[f"{name}.storageclass.storage.k8s.io/requests.storage"] = amount(storage)
            found[f"{name}.storageclass.storage.k8s.io/persistentvolumeclaims"] = Fraction(1)
    if resource == "pods":
        found.update(_pod_usage(obj))
    return found


def _pod_usage(pod: Object) -> Usage:
    found: Usage = {}
    for name, value in pod_requests(pod).items():
        found[f"requests.{name}"] = value
        if name in _COMPUTE:
            found[name] = value
    for name, value in pod_requests(pod, "limits").items():
        found[f"limits.{name}"] = value
    return found


def check_quotas(store: Store, resource: str, new: Object) -> None:
    """Refuse in the server's words. Use is counted from the objects, so that nothing has to be booked."""
    if not BY_RESOURCE[resource].namespaced or resource == "events":
        return
    taken = usage_of(resource, new)
    row = BY_RESOURCE[resource]
    for quota in store.list("resourcequotas", namespace_of(new)):
        if not _in_scope(quota, resource, new):
            continue
        hard = quota["spec"].get("hard") or {}
        if resource == "pods":
            _check_specified(quota, hard, new)
        counted = {name: value for name, value in taken.items() if name in hard and value}
        used = {name: _used(store, quota, name, resource) for name in counted}
        over = sorted(name for name, value in counted.items() if used[name] + value > amount(hard[name]))
        if over:
            requested = ",".join(f"{name}={show(name, counted[name])}" for name in over)
            before = ",".join(f"{name}={show(name, used[name])}" for name in over)
            limited = ",".join(f"{name}={hard[name]}" for name in over)
            why = f"exceeded quota: {name_of(quota)}, requested: {requested}, used: {before}, limited: {limited}"
            raise forbidden(row.plural, row.group, name_of(new), why)


def _used(store: Store, quota: Object, name: str, resource: str) -> Fraction:
    total = Fraction(0)
    for obj in store.each(resource, namespace_of(quota)):
        if resource == "pods" and not _is_counted(obj):
            continue
        if _in_scope(quota, resource, obj):
            total += usage_of(resource, obj).get(name, Fraction(0))
    return total


def _is_counted(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")


def _check_specified(quota: Object, hard: Object, pod: Object) -> None:
    """A quota on a compute resource wants every container to say how much it asks for."""
    missing: dict[str, list[str]] = {}
    for name in hard:
        of, _, resource = name.partition(".") if name.startswith(("requests.", "limits.")) else ("requests", "", name)
        if resource not in _COMPUTE:
            continue
        for container in [*pod["spec"].get("containers", ()), *(pod["spec"].get("initContainers") or ())]:
            resources = container.get("resources") or {}
            if resource not in (resources.get(of) or {}):
                missing.setdefault(name, []).append(container["name"])
    if missing:
        parts = "; ".join(f"{name} for: {','.join(sorted(missing[name]))}" for name in sorted(missing))
        raise forbidden("pods", "", name_of(pod), f"failed quota: {name_of(quota)}: must specify {parts}")


def _in_scope(quota: Object, resource: str, obj: Object) -> bool:
    scopes = list(quota["spec"].get("scopes") or ())
    rows = ((quota["spec"].get("scopeSelector") or {}).get("matchExpressions")) or ()
    scopes += [row["scopeName"] for row in rows if row.get("operator") == "Exists"]
    if resource != "pods":
        return not scopes and not rows
    spec = obj["spec"]
    facts = {
        "Terminating": spec.get("activeDeadlineSeconds") is not None,
        "NotTerminating": spec.get("activeDeadlineSeconds") is None,
        "BestEffort": (obj.get("status") or {}).get("qosClass") == "BestEffort",
        "NotBestEffort": (obj.get("status") or {}).get("qosClass") != "BestEffort",
        "PriorityClass": bool(spec.get("priorityClassName")),
    }
    return all(facts.get(scope, True) for scope in scopes) and all(_row_holds(row, spec) for row in rows)


def _row_holds(row: Object, spec: Object) -> bool:
    if row.get("scopeName") != "PriorityClass" or row.get("operator") not in ("In", "NotIn"):
        return True
    return bool((spec.get("priorityClassName") in (row.get("values") or ())) == (row["operator"] == "In"))
