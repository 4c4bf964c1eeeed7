"""POST pods/eviction: a deletion that asks the disruption budgets first."""

from __future__ import annotations

from typing import Any

from evals.practice.clock import timestamp
from evals.practice.errors import ApiError, bad_request, too_many_requests
from evals.practice.hooks import Object
from evals.practice.http.body import read_as
from evals.practice.http.call import Answer, Call
from evals.practice.http.selectors import matches_selector
from evals.practice.store import copy_of, name_of

_PDB = "poddisruptionbudgets.policy"
_REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."


def evict_pod(call: Call) -> Answer:
    """201 when the pod is going, 429 when a budget does not allow it, 500 when two budgets cover it."""
    place, store = call.place, call.cluster.store
    pod = store.get("pods", place.namespace, place.name)
    eviction = read_as(call, "policy", "v1", "Eviction")
    if eviction.get("metadata", {}).get("name") != place.name:
        raise bad_request("name in URL does not match name in Eviction object")
    options: dict[str, Any] = eviction.get("deleteOptions") or {}
    dry = options.get("dryRun") == ["All"] or call.query.get("dryRun") == "All"
    if not _leaves_freely(pod):
        _ask_budgets(call, pod, dry=dry)
    if not dry:
        _mark_disrupted(call, pod)
        store.mark_deleted("pods", place.namespace, place.name, grace_seconds=options.get("gracePeriodSeconds"))
    return Answer({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}, status=201)


def _leaves_freely(pod: Object) -> bool:
    """A pod that does not run, or that is going already, costs no budget."""
    phase = pod.get("status", {}).get("phase")
    return phase in ("Succeeded", "Failed", "Pending") or "deletionTimestamp" in pod["metadata"]


def _is_ready(pod: Object) -> bool:
    conditions = pod.get("status", {}).get("conditions") or []
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _ask_budgets(call: Call, pod: Object, *, dry: bool) -> None:
    store = call.cluster.store
    labels = pod["metadata"].get("labels") or {}
    budgets = [b for b in store.list(_PDB, call.place.namespace) if matches_selector(b["spec"].get("selector"), labels)]
    if not budgets:
        return
    if len(budgets) > 1:
        why = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        raise ApiError(500, "", why)
    budget, status = budgets[0], budgets[0].get("status") or {}
    healthy, desired = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
    policy = budget["spec"].get("unhealthyPodEvictionPolicy", "IfHealthyBudget")
    if not _is_ready(pod) and (policy == "AlwaysAllow" or (healthy >= desired > 0)):
        return
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        cause = {
            "reason": "DisruptionBudget",
            "message": f"The disruption budget {name_of(budget)} is still being processed by the server.",
        }
        raise too_many_requests(_REFUSED, details={"causes": [cause], "retryAfterSeconds": 10}, retry_after_seconds=10)
    if status.get("disruptionsAllowed", 0) <= 0:
        text = f"The disruption budget {name_of(budget)} needs {desired} healthy pods and has {healthy} currently"
        raise too_many_requests(_REFUSED, details={"causes": [{"reason": "DisruptionBudget", "message": text}]})
    if not dry:
        _book(call, budget, pod)


def _book(call: Call, budget: Object, pod: Object) -> None:
    """Count the disruption at once, before the budget's controller sees the pod go."""
    status = copy_of(budget)["status"]
    status["disruptionsAllowed"] -= 1
    status.setdefault("disruptedPods", {})[name_of(pod)] = timestamp(call.cluster.clock.now())
    call.cluster.store.set_status(_PDB, budget, status)


def _mark_disrupted(call: Call, pod: Object) -> None:
    store = call.cluster.store
    fresh = copy_of(store.get("pods", call.place.namespace, name_of(pod)))
    conditions = fresh.setdefault("status", {}).setdefault("conditions", [])
    conditions[:] = [one for one in conditions if one["type"] != "DisruptionTarget"]
    condition = {"type": "DisruptionTarget", "status": "True", "lastProbeTime": None,
                 "lastTransitionTime": timestamp(call.cluster.clock.now()), "reason": "EvictionByEvictionAPI",
                 "message": "Eviction API: evicting"}  # fmt: skip
    conditions.append(condition)
    store.update("pods", fresh, subresource="status")
