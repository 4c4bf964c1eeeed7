"""DaemonSets: one pod on every node that will have it, replaced one node at a time."""

from __future__ import annotations

from typing import Any

from evals.practice.controllers import pods as podfacts
from evals.practice.controllers import revisions
from evals.practice.controllers.parts import Name, Parts, WorkQueue, controller_of, key_of, owner_reference
from evals.practice.controllers.selectors import labels_of, node_fits, tolerates
from evals.practice.errors import ApiError
from evals.practice.store import Change, name_of, namespace_of

Object = dict[str, Any]
_RESOURCE = "daemonsets.apps"
_HASH = "controller-revision-hash"
_TOLERATED = (
    ("not-ready", "NoExecute"), ("unreachable", "NoExecute"), ("disk-pressure", "NoSchedule"),
    ("memory-pressure", "NoSchedule"), ("pid-pressure", "NoSchedule"), ("unschedulable", "NoSchedule"),
)  # fmt: skip


class DaemonSets:
    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.recorder = parts.recorder("daemonset-controller")
        self.queue: WorkQueue[Name] = WorkQueue(parts.clock, self.reconcile)
        self._subscription = parts.store.subscribe(self._follow, _RESOURCE, "pods", "nodes")
        self._add_all()

    def stop(self) -> None:
        self._subscription.cancel()
        self.queue.stop()

    def _add_all(self) -> None:
        for one in self.parts.store.each(_RESOURCE):
            self.queue.add(key_of(one))

    def _follow(self, change: Change) -> None:
        if change.resource == "nodes":
            if (
                change.previous is None
                or change.previous["spec"] != change.object["spec"]
                or (labels_of(change.previous) != labels_of(change.object))
            ):
                self._add_all()
        elif change.resource == _RESOURCE:
            if change.type != "DELETED":
                self.queue.add(key_of(change.object))
        else:
            owner = controller_of(change.object)
            if owner and owner["kind"] == "DaemonSet":
                self.queue.add((namespace_of(change.object), owner["name"]))

    def reconcile(self, key: Name) -> None:
        found = self.parts.store.find(_RESOURCE, *key)
        if found is None:
            return
        digest = name_of(revisions.current(self.parts, found)).rpartition("-")[2]
        by_node: dict[str, list[Object]] = {}
        for pod in self.parts.pods_by_controller.of(found["metadata"]["uid"]):
            by_node.setdefault(_node_of(pod), []).append(pod)
        nodes = [name_of(node) for node in self.parts.store.list("nodes") if self._wants(found, node)]
        if "deletionTimestamp" not in found["metadata"]:
            self._place(found, nodes, by_node, digest)
            self._roll(found, nodes, by_node, digest)
        self._write_status(found, nodes, digest)

    def _wants(self, found: Object, node: Object) -> bool:
        pod = _pod_for(found, name_of(node), "")
        taints = (one for one in node["spec"].get("taints") or () if one["effect"] != "PreferNoSchedule")
        return node_fits(pod, node) and all(tolerates(pod, taint) for taint in taints)

    def _place(self, found: Object, nodes: list[str], by_node: dict[str, list[Object]], digest: str) -> None:
        for node, owned in by_node.items():
            for pod in owned:
                over = podfacts.phase_of(pod) in ("Failed", "Succeeded")
                if (node not in nodes or over) and not podfacts.is_leaving(pod):
                    if over:
                        message = f"Found failed daemon pod {namespace_of(pod)}/{name_of(pod)} on node {node}, will try to kill it"
                        self.recorder.warning(found, "FailedDaemonPod", message)
                    self._delete(found, pod)
        for node in nodes:
            if not by_node.get(node):
                self._create(found, node, digest)

    def _create(self, found: Object, node: str, digest: str) -> None:
        try:
            made = self.parts.store.create("pods", _pod_for(found, node, digest))
        except ApiError as refused:
            self.recorder.warning(found, "FailedCreate", f"Error creating: {refused}")
            self.queue.add_after(key_of(found), self.parts.timing.refused_retry)
            return
        self.recorder.normal(found, "SuccessfulCreate", f"Created pod: {name_of(made)}")

    def _delete(self, found: Object, pod: Object) -> None:
        self.parts.store.mark_deleted("pods", *key_of(pod))
        self.recorder.normal(found, "SuccessfulDelete", f"Deleted pod: {name_of(pod)}")

    def _roll(self, found: Object, nodes: list[str], by_node: dict[str, list[Object]], digest: str) -> None:
        strategy = found["spec"].get("updateStrategy") or {}
        if strategy.get("type") == "OnDelete":
            return
        text = str((strategy.get("rollingUpdate") or {}).get("maxUnavailable", 1))
        budget = max(1, len(nodes) * int(text[:-1]) // 100 if text.endswith("%") else int(text))
        old = []
        for node in nodes:
            owned = [pod for pod in by_node.get(node, ()) if not podfacts.is_leaving(pod)]
            if not owned or not podfacts.is_ready(owned[0]):
                budget -= 1
            if owned and labels_of(owned[0]).get(_HASH) != digest:
                old.append(owned[0])
        unready = [pod for pod in old if not podfacts.is_ready(pod)]
        for pod in unready:
            self._delete(found, pod)
        for pod in [pod for pod in old if podfacts.is_ready(pod)][: max(budget, 0)]:
            self._delete(found, pod)

    def _write_status(self, found: Object, nodes: list[str], digest: str) -> None:
        owned = {_node_of(pod): pod for pod in self.parts.pods_by_controller.of(found["metadata"]["uid"])
                 if not podfacts.is_leaving(pod)}  # fmt: skip
        placed = [owned[node] for node in nodes if node in owned]
        ready = sum(1 for pod in placed if podfacts.is_ready(pod))
        status: Object = {
            "currentNumberScheduled": len(placed),
            "numberMisscheduled": sum(1 for node in owned if node not in nodes),
            "desiredNumberScheduled": len(nodes),
            "numberReady": ready,
            "observedGeneration": found["metadata"].get("generation", 1),
        }
        counts = {
            "updatedNumberScheduled": sum(1 for pod in placed if labels_of(pod).get(_HASH) == digest),
            "numberAvailable": ready,
            "numberUnavailable": len(nodes) - ready,
        }
        status |= {name: count for name, count in counts.items() if count}
        self.parts.store.set_status(_RESOURCE, found, status)


def _node_of(pod: Object) -> str:
    """The node of a daemon pod, known before it is bound."""
    if pod["spec"].get("nodeName"):
        return str(pod["spec"]["nodeName"])
    required = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    return str(required["nodeSelectorTerms"][0]["matchFields"][0]["values"][0])


def _pod_for(found: Object, node: str, digest: str) -> Object:
    pod = podfacts.from_template(found["spec"]["template"], namespace_of(found), owner_reference(found))
    generation = str(found["metadata"].get("generation", 1))
    pod["metadata"]["generateName"] = f"{name_of(found)}-"
    pod["metadata"]["labels"] = pod["metadata"].get("labels", {}) | {
        _HASH: digest,
        "pod-template-generation": generation,
    }
    spec = pod["spec"]
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    old = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get("requiredDuringSchedulingIgnoredDuringExecution")
    terms = [{**one, **term} for one in (old or {}).get("nodeSelectorTerms") or ()] or [term]
    affinity = spec.setdefault("affinity", {}).setdefault("nodeAffinity", {})
    affinity["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": terms}
    rows = spec.setdefault("tolerations", [])
    rows += [{"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": effect} for key, effect in _TOLERATED]
    return pod
