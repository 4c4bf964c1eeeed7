"""The scheduler: which node a pod goes to, or why none will have it, in the words of kube-scheduler."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from evals.practice.clock import timestamp
from evals.practice.controllers.parts import Name, Parts, WorkQueue, controller_of, key_of
from evals.practice.controllers.pods import condition, phase_of
from evals.practice.controllers.recorder import SchedulerRecorder
from evals.practice.controllers.resources import pod_requests, thousandths
from evals.practice.controllers.selectors import labels_of, node_fits, tolerates
from evals.practice.store import Change, copy_of, name_of, namespace_of

Object = dict[str, Any]
_NOT_FIT = "node(s) didn't match Pod's node affinity/selector"


@dataclass(slots=True)
class _Usage:
    """What the pods of one node ask for."""

    totals: dict[str, int] = field(default_factory=dict)
    """In thousandths, so that adding stays exact and quick."""
    pods: dict[str, dict[str, int]] = field(default_factory=dict)
    owners: Counter[str] = field(default_factory=Counter)

    def add(self, pod: Object) -> None:
        uid = pod["metadata"]["uid"]
        if uid in self.pods:
            return
        asked = self.pods[uid] = _asked(pod)
        for name, value in asked.items():
            self.totals[name] = self.totals.get(name, 0) + value
        self.owners[_owner(pod)] += 1

    def drop(self, pod: Object) -> None:
        for name, value in self.pods.pop(pod["metadata"]["uid"]).items():
            self.totals[name] -= value
        self.owners[_owner(pod)] -= 1


class Scheduler:
    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.recorder = SchedulerRecorder(parts.store, parts.clock, is_muted=not parts.timing.keeps_events)
        self.queue: WorkQueue[Name] = WorkQueue(parts.clock, self.schedule)
        self._usage: dict[str, _Usage] = {}
        self._waiting: dict[Name, set[str]] = {}
        """Pods that found no node -> the reasons."""
        self._subscriptions = [
            parts.store.subscribe(self._follow_pod, "pods"),
            parts.store.subscribe(self._follow_node, "nodes"),
            parts.store.subscribe(self._follow_claim, "persistentvolumeclaims"),
        ]
        for pod in parts.store.list("pods"):
            self._account(pod)
            if not pod["spec"].get("nodeName"):
                self.queue.add(key_of(pod))

    def stop(self) -> None:
        for one in self._subscriptions:
            one.cancel()
        self.queue.stop()

    # -- changes -------------------------------------------------------------------------------------------------------

    def _account(self, pod: Object) -> None:
        node = pod["spec"].get("nodeName")
        if node and phase_of(pod) not in ("Succeeded", "Failed"):
            self._usage.setdefault(node, _Usage()).add(pod)

    def _follow_pod(self, change: Change) -> None:
        pod = change.object
        node = pod["spec"].get("nodeName")
        is_over = change.type == "DELETED" or phase_of(pod) in ("Succeeded", "Failed")
        if not node:
            if change.type == "DELETED":
                self._waiting.pop(key_of(pod), None)
            elif change.type == "ADDED" or _gates(pod) != _gates(change.previous or pod):
                self.queue.add(key_of(pod))
            return
        if is_over:
            if node in self._usage and pod["metadata"]["uid"] in self._usage[node].pods:
                self._usage[node].drop(pod)
                self._retry_soon({"Insufficient", "Too many pods"})
        else:
            self._account(pod)

    def _follow_node(self, change: Change) -> None:
        old, new = change.previous, change.object
        if old is None or old["spec"] != new["spec"] or labels_of(old) != labels_of(new):
            self._retry_soon(set())
        elif old.get("status", {}).get("allocatable") != new.get("status", {}).get("allocatable"):
            self._retry_soon({"Insufficient"})

    def _follow_claim(self, _change: Change) -> None:
        self._retry_soon({"persistentvolumeclaim", "unbound", "Persistent"})

    def _retry_soon(self, reasons: set[str]) -> None:
        """Try waiting pods again whose reasons begin with one of these (none named: all)."""
        for key, why in self._waiting.items():
            if not reasons or any(one in text for one in reasons for text in why):
                self.queue.add_after(key, 0.05)

    # -- one pod -------------------------------------------------------------------------------------------------------

    def schedule(self, key: Name) -> None:
        pod = self.parts.store.find("pods", *key)
        if pod is None or pod["spec"].get("nodeName") or "deletionTimestamp" in pod["metadata"]:
            self._waiting.pop(key, None)
            return
        if pod["spec"].get("schedulerName", "default-scheduler") != "default-scheduler":
            return
        if _gates(pod):
            self._put_unscheduled(pod, "SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates")
            return
        nodes = self.parts.store.list("nodes")
        claim = self._claim_problem(pod)
        asked = _asked(pod)
        verdicts = {} if claim else {name_of(node): self._refusals(pod, node, asked) for node in nodes}
        fitting = [node for node in nodes if not claim and not verdicts[name_of(node)]]
        if fitting:
            self._bind(pod, min(fitting, key=lambda node: self._load(pod, node)))
            return
        message = _message(len(nodes), claim, verdicts)
        self._waiting[key] = {claim} if claim else {one for rows in verdicts.values() for one in rows}
        self.recorder.record(pod, "Warning", "FailedScheduling", "Scheduling", message)
        self._put_unscheduled(pod, "Unschedulable", message)

    def _refusals(self, pod: Object, node: Object, asked: dict[str, int]) -> list[str]:
        """Reasons of the first filter that refuses; [] when the node will do."""
        if node["spec"].get("unschedulable") and not tolerates(
            pod, {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
        ):
            return ["node(s) were unschedulable"]
        for taint in node["spec"].get("taints") or ():
            if taint["effect"] != "PreferNoSchedule" and not tolerates(pod, taint):
                return [f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value') or ''}}}"]
        if not node_fits(pod, node):
            return [_NOT_FIT]
        return self._shortages(node, asked)

    def _shortages(self, node: Object, asked: dict[str, int]) -> list[str]:
        usage = self._usage.get(name_of(node)) or _Usage()
        allocatable = node.get("status", {}).get("allocatable") or {}
        found = []
        if len(usage.pods) + 1 > thousandths(allocatable.get("pods", "110")) / 1000:
            found.append("Too many pods")
        for name, value in asked.items():
            if value and usage.totals.get(name, 0) + value > thousandths(allocatable.get(name)):
                found.append(f"Insufficient {name}")
        return found

    def _load(self, pod: Object, node: Object) -> tuple[float, float, str]:
        """Smaller is better: spread replicas, then the least asked-for node."""
        usage = self._usage.get(name_of(node)) or _Usage()
        allocatable = node.get("status", {}).get("allocatable") or {}
        share = 0.0
        for name in ("cpu", "memory"):
            whole = thousandths(allocatable.get(name))
            share += usage.totals.get(name, 0) / whole if whole else 0.0
        return usage.owners[_owner(pod)], share + len(usage.pods) / 1000, name_of(node)

    def _claim_problem(self, pod: Object) -> str:
        for volume in pod["spec"].get("volumes") or ():
            claim = volume.get("persistentVolumeClaim")
            if not claim:
                continue
            found = self.parts.store.find("persistentvolumeclaims", namespace_of(pod), claim["claimName"])
            if found is None:
                return f'persistentvolumeclaim "{claim["claimName"]}" not found'
            if found.get("status", {}).get("phase") != "Bound" and not self._waits_for_consumer(found):
                return "pod has unbound immediate PersistentVolumeClaims"
        return ""

    def _waits_for_consumer(self, claim: Object) -> bool:
        found = self.parts.store.find(
            "storageclasses.storage.k8s.io", None, claim["spec"].get("storageClassName") or ""
        )
        return found is not None and found.get("volumeBindingMode") == "WaitForFirstConsumer"

    def _bind(self, pod: Object, node: Object) -> None:
        bound = copy_of(pod)
        bound["spec"]["nodeName"] = name_of(node)
        self._waiting.pop(key_of(pod), None)
        bound = self.parts.store.update("pods", bound, subresource="binding")
        status = copy_of(bound.get("status") or {})
        now = timestamp(self.parts.clock.now())
        row = {"type": "PodScheduled", "status": "True", "lastProbeTime": None, "lastTransitionTime": now}
        status["conditions"] = [row]
        self.parts.store.set_status("pods", bound, status)
        note = f"Successfully assigned {namespace_of(pod)}/{name_of(pod)} to {name_of(node)}"
        self.recorder.record(pod, "Normal", "Scheduled", "Binding", note)

    def _put_unscheduled(self, pod: Object, reason: str, message: str) -> None:
        old = condition(pod, "PodScheduled")
        now = timestamp(self.parts.clock.now())
        since = old["lastTransitionTime"] if old and old["status"] == "False" else now
        row = {"type": "PodScheduled", "status": "False", "lastProbeTime": None, "lastTransitionTime": since,
               "reason": reason, "message": message}  # fmt: skip
        status = {"phase": "Pending", **(pod.get("status") or {})}
        status["conditions"] = [row]
        self.parts.store.set_status("pods", pod, status)


def _asked(pod: Object) -> dict[str, int]:
    return {name: -(-value * 1000 // 1) for name, value in pod_requests(pod).items()}


def _owner(pod: Object) -> str:
    owner = controller_of(pod)
    return str(owner["uid"]) if owner else str(pod["metadata"]["uid"])


def _gates(pod: Object) -> object:
    return pod["spec"].get("schedulingGates") or None


def _message(count: int, claim: str, verdicts: dict[str, list[str]]) -> str:
    if not count:
        return "no nodes available to schedule pods"
    start = f"0/{count} nodes are available: "
    unhelpful = "Preemption is not helpful for scheduling"
    if claim:
        return f"{start}{claim}. preemption: {start}{count} {unhelpful}."
    reasons = Counter(reason for rows in verdicts.values() for reason in rows)
    helpful = sum(1 for rows in verdicts.values() if rows[0].startswith(("Insufficient", "Too many")))
    rows = [f"{helpful} No preemption victims found for incoming pod"] if helpful else []
    if count - helpful:
        rows.append(f"{count - helpful} {unhelpful}")
    why = ", ".join(sorted(f"{number} {reason}" for reason, number in reasons.items()))
    return f"{start}{why}. preemption: {start}{', '.join(sorted(rows))}."
