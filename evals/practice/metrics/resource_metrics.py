"""What a metrics server measures: CPU and memory of running containers and of nodes, from their behaviour and the traffic."""

from __future__ import annotations

from typing import Any

from evals.practice.clock import timestamp
from evals.practice.controllers.parts import Parts
from evals.practice.controllers.pods import is_ready
from evals.practice.controllers.selectors import labels_of
from evals.practice.kubelet.container import Container
from evals.practice.kubelet.kubelet import Kubelets
from evals.practice.metrics.routes import GATEWAY_NAMESPACE
from evals.practice.metrics.traffic import Traffic
from evals.practice.store import name_of, namespace_of

Object = dict[str, Any]
_SYSTEM_CORES = 0.12
_SYSTEM_BYTES = 900 * 1024**2
_DRIVEN = (GATEWAY_NAMESPACE, "ai-serving")
_METRICS_LABEL = "k8s-app"


class ResourceMetrics:
    """The MetricsSource of the HTTP server and of the autoscalers. Without a ready metrics-server pod (where the platform
    runs one) nothing is measured."""

    def __init__(self, parts: Parts, kubelets: Kubelets, traffic: Traffic) -> None:
        self.parts = parts
        self.kubelets = kubelets
        self.traffic = traffic

    def is_up(self) -> bool:
        """False while the platform's metrics-server is deployed and not ready."""
        if self.parts.store.find("deployments.apps", "kube-system", "metrics-server") is None:
            return True
        pods = self.parts.pods_by_namespace.of("kube-system")
        return any(labels_of(pod).get(_METRICS_LABEL) == "metrics-server" and is_ready(pod) for pod in pods)

    def pod(self, namespace: str, name: str) -> Object | None:
        found = self.parts.store.find("pods", namespace, name)
        return self._measured(found) if found is not None and self.is_up() else None

    def pods(self, namespace: str | None) -> list[Object]:
        if not self.is_up():
            return []
        rows = (self._measured(pod) for pod in self.parts.store.list("pods", namespace))
        return [row for row in rows if row is not None]

    def node(self, name: str) -> Object | None:
        found = self.parts.store.find("nodes", None, name)
        return self._node(found) if found is not None and self.is_up() else None

    def nodes(self) -> list[Object]:
        if not self.is_up():
            return []
        rows = (self._node(node) for node in self.parts.store.list("nodes"))
        return [row for row in rows if row is not None]

    # -- numbers -------------------------------------------------------------------------------------------------------

    def usage(self, pod: Object, container: Container) -> tuple[float, float]:
        """(cores, bytes) of a running container now."""
        run = container.run
        if run is None or not container.view.running:
            return 0.0, 0.0
        age = self.parts.clock.monotonic() - run.started
        grown = min(1.0, age / max(run.behaviour.memory_after * run.scale, 0.01))
        wave = (sum(map(ord, name_of(pod))) % 17 - 8) / 200
        return run.behaviour.cpu_cores * self._busy(pod) * (1 + wave), run.behaviour.memory_bytes * grown * (
            0.97 + wave / 8
        )

    def _busy(self, pod: Object) -> float:
        """How hard the callers drive the pod against its usual load."""
        if namespace_of(pod) not in _DRIVEN:
            return 1.0
        demand = self.traffic.demand()
        if namespace_of(pod) != GATEWAY_NAMESPACE:
            return max(0.1, min(2.0, demand))
        ready = sum(1 for one in self.parts.pods_by_namespace.of(GATEWAY_NAMESPACE) if is_ready(one))
        return max(0.1, demand * 2 / max(ready, 1))

    def _measured(self, pod: Object) -> Object | None:
        worker = self.kubelets.worker_of(pod)
        if worker is None or not self.kubelets.is_up(worker.node):
            return None
        rows = []
        for one in worker.containers:
            if one.run is None or not one.view.running:
                continue
            if (self.parts.clock.monotonic() - one.run.started) < self.parts.timing.metrics_delay:
                continue
            cores, size = self.usage(pod, one)
            rows.append({"name": one.spec["name"], "usage": _quantities(cores, size)})
        if not rows:
            return None
        meta: Object = {"name": name_of(pod), "namespace": namespace_of(pod),
                        "creationTimestamp": timestamp(self.parts.clock.now())}  # fmt: skip
        if labels_of(pod):
            meta["labels"] = labels_of(pod)
        return {"kind": "PodMetrics", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": meta,
                "timestamp": timestamp(self.parts.clock.now()), "window": "15.03s", "containers": rows}  # fmt: skip

    def _node(self, node: Object) -> Object | None:
        name = name_of(node)
        if not self.kubelets.is_up(name):
            return None
        cores, size = self.node_usage(name)
        meta: Object = {"name": name, "creationTimestamp": timestamp(self.parts.clock.now())}
        if labels_of(node):
            meta["labels"] = labels_of(node)
        return {"kind": "NodeMetrics", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": meta,
                "timestamp": timestamp(self.parts.clock.now()), "window": "20.06s",
                "usage": _quantities(cores, size)}  # fmt: skip

    def node_usage(self, name: str) -> tuple[float, float]:
        cores, size = _SYSTEM_CORES, float(_SYSTEM_BYTES)
        for pod in self.parts.pods_by_node.of(name):
            worker = self.kubelets.worker_of(pod)
            for one in worker.containers if worker else ():
                more = self.usage(pod, one)
                cores, size = cores + more[0], size + more[1]
        return cores, size


def _quantities(cores: float, size: float) -> Object:
    return {"cpu": f"{round(cores * 1e9)}n", "memory": f"{round(size / 1024)}Ki"}
