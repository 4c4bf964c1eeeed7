"""The kubelets of all nodes in one: they follow the pods that are bound, run their programs and keep the nodes' leases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from evals.practice.clock import Timer, micro_timestamp
from evals.practice.controllers.parts import Name, Parts, key_of
from evals.practice.controllers.pods import condition
from evals.practice.controllers.recorder import Recorder
from evals.practice.errors import ApiError
from evals.practice.hooks import LogLine
from evals.practice.kubelet.behaviour import Behaviour, Situation
from evals.practice.kubelet.images import RIG_IMAGES, Registry
from evals.practice.kubelet.logbook import Logbook
from evals.practice.kubelet.pod_worker import PodWorker
from evals.practice.kubelet.programs import behave
from evals.practice.kubelet.trouble import Troubles
from evals.practice.store import Change, copy_of, name_of

Object = dict[str, Any]
LiveLines = Callable[[Object, str, datetime], list[LogLine]]


class Kubelets:
    def __init__(self, parts: Parts, registry: Registry | None = None) -> None:
        self.parts = parts
        self.registry = registry or Registry(sizes=dict(RIG_IMAGES), on_nodes=frozenset(RIG_IMAGES))
        self.logbook = Logbook(self)
        self.troubles = Troubles()
        self.live_sources: list[LiveLines] = []
        """Add a function here to let running containers print what depends on the rest of the cluster (requests)."""
        self._workers: dict[Name, PodWorker] = {}
        self._recorders: dict[str, Recorder] = {}
        self._parked: dict[str, list[Callable[[], None]]] = {}
        self._next_address: dict[str, int] = {}
        self._numbers: dict[str, int] = {}
        self._lease_timer: Timer | None = None
        self._subscriptions = [parts.store.subscribe(self._follow, "pods"),
                               parts.store.subscribe(self._follow_node, "nodes")]  # fmt: skip
        for pod in parts.store.list("pods"):
            self._accept(pod)
        self._renew_leases()

    def stop(self) -> None:
        for one in self._subscriptions:
            one.cancel()
        if self._lease_timer is not None:
            self._lease_timer.cancel()
        for worker in self._workers.values():
            worker.stop()

    # -- what workers ask ----------------------------------------------------------------------------------------------

    def behave(self, situation: Situation) -> Behaviour:
        return self.troubles.changed(situation, behave(situation))

    def recorder(self, node: str) -> Recorder:
        if node not in self._recorders:
            self._recorders[node] = self.parts.recorder("kubelet", node)
        return self._recorders[node]

    def worker_of(self, pod: Object) -> PodWorker | None:
        return self._workers.get(key_of(pod))

    def workers(self) -> list[PodWorker]:
        return list(self._workers.values())

    def is_up(self, node: str) -> bool:
        """Whether the node's kubelet works: its Ready condition is the one switch for that."""
        found = self.parts.store.find("nodes", None, node)
        ready = condition(found, "Ready") if found else None
        return ready is not None and ready["status"] == "True"

    def park(self, node: str, action: Callable[[], None]) -> None:
        self._parked.setdefault(node, []).append(action)

    def address_of(self, node: str) -> str:
        found = self.parts.store.find("nodes", None, node)
        for row in (found or {}).get("status", {}).get("addresses") or ():
            if row["type"] == "InternalIP":
                return str(row["address"])
        return "10.0.0.1"

    def next_address(self, node: str) -> str:
        """A new pod address out of the node's range; ranges follow the order in which nodes were first used."""
        number = self._numbers.setdefault(node, len(self._numbers))
        used = self._next_address[node] = self._next_address.get(node, 1) + 1
        return (
            f"10.{244 + number // 250}.{number % 250}.{used}"
            if used < 250
            else f"10.{200 + used // 250 % 40}.{number % 250}.{used % 250}"
        )

    def listens(self, pod: Object, port: int) -> bool:
        """Whether a program of the pod answers on the port now."""
        worker = self._workers.get(key_of(pod))
        now = self.parts.clock.monotonic()
        return worker is not None and any(
            one.view.running and one.run is not None
            and one.run.behaviour.listens(port, now - one.run.started, one.run.scale)
            for one in worker.containers
        )  # fmt: skip

    def live_lines(self, pod: Object, container: str, now: datetime) -> list[LogLine]:
        return [line for source in self.live_sources for line in source(pod, container, now)]

    # -- changes -------------------------------------------------------------------------------------------------------

    def _follow(self, change: Change) -> None:
        key = key_of(change.object)
        worker = self._workers.get(key)
        if change.type == "DELETED":
            if worker is not None:
                worker.stop()
                del self._workers[key]
            return
        if worker is None:
            self._accept(change.object)
        elif worker.pod["metadata"]["uid"] != change.object["metadata"]["uid"]:
            worker.stop()
            del self._workers[key]
            self._accept(change.object)
        elif self.is_up(worker.node):
            worker.changed(change.object)
        else:
            self.park(worker.node, lambda: self._catch_up(key))

    def _catch_up(self, key: Name) -> None:
        worker = self._workers.get(key)
        newest = self.parts.store.find("pods", *key)
        if worker is not None and newest is not None:
            worker.changed(newest)
            worker.publish()

    def _accept(self, pod: Object) -> None:
        node = pod["spec"].get("nodeName")
        if not node:
            return
        worker = self._workers[key_of(pod)] = PodWorker(self, pod)
        worker.later(0, worker.begin)

    def _follow_node(self, change: Change) -> None:
        node = name_of(change.object)
        if change.type == "MODIFIED" and change.previous is not None:
            if change.previous["spec"].get("unschedulable") != change.object["spec"].get("unschedulable"):
                state = "NodeNotSchedulable" if change.object["spec"].get("unschedulable") else "NodeSchedulable"
                self.recorder(node).normal(change.object, state, f"Node {node} status is now: {state}")
            if change.previous.get("status") == change.object.get("status"):
                return
        if change.type != "DELETED" and self.is_up(node):
            for action in self._parked.pop(node, []):
                self.parts.clock.call_later(0, action)
            self._reconsider(node, change)

    def _reconsider(self, node: str, change: Change) -> None:
        was_down = change.previous is not None and (condition(change.previous, "Ready") or {}).get("status") != "True"
        for pod in self.parts.pods_by_node.of(node):
            worker = self._workers.get(key_of(pod))
            if worker is not None and was_down:
                worker.later(0, worker.publish)
            if worker is not None:
                worker.later(0, worker.reconsider)

    # -- leases --------------------------------------------------------------------------------------------------------

    def _renew_leases(self) -> None:
        for node in self.parts.store.list("nodes"):
            if self.is_up(name_of(node)):
                self._renew(node)
        self._lease_timer = self.parts.clock.call_later(self.parts.timing.lease_period, self._renew_leases)

    def _renew(self, node: Object) -> None:
        name, now = name_of(node), micro_timestamp(self.parts.clock.now())
        spec = {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": now}
        old = self.parts.store.find("leases.coordination.k8s.io", "kube-node-lease", name)
        try:
            if old is None:
                owner = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": node["metadata"]["uid"]}
                meta = {"name": name, "namespace": "kube-node-lease", "ownerReferences": [owner]}
                self.parts.store.create("leases.coordination.k8s.io", {"metadata": meta, "spec": spec})
            else:
                lease = copy_of(old)
                lease["spec"] = spec
                self.parts.store.update("leases.coordination.k8s.io", lease)
        except ApiError:
            return  # the namespace of the leases is not made yet
