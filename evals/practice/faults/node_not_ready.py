"""A kubelet that went silent."""

from __future__ import annotations

from evals.practice.faults import acts
from evals.practice.faults.fault import Fault, Target, Truth
from evals.practice.platform.nodes import CPU_NODES, GPU_NODES
from evals.practice.store import Store

_KINDS = ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")
_GOOD = {"MemoryPressure": ("False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
         "DiskPressure": ("False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
         "PIDPressure": ("False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
         "Ready": ("True", "KubeletReady", "kubelet is posting ready status")}  # fmt: skip


def _inject(store: Store) -> Truth:
    node = acts.node_of(store, "ai-serving", "qwen2-7b")
    for kind in _KINDS:
        acts.set_node_condition(
            store, node, kind, "Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."
        )
    return Truth(
        cause="node-status-unknown",
        target=Target("Node", "", node),
        symptoms=("node-not-ready", "deployment-replicas-mismatch", "pod-stuck-terminating"),
        remedy=f"kubectl cordon {node}",
        manual=f"Restart the kubelet of {node} (or its machine)",
        services=("qwen2-7b",),
        alerts=("KubeNodeNotReady",),
    )


def _heal(store: Store) -> None:
    for node in (*GPU_NODES, *CPU_NODES):
        rows = store.get("nodes", None, node)["status"]["conditions"]
        if any(row["type"] == "Ready" and row["status"] != "True" for row in rows):
            for kind in _KINDS:
                acts.set_node_condition(store, node, kind, *_GOOD[kind])


FAULT = Fault(
    id="node_not_ready",
    title_en="The kubelet of a GPU node stopped posting its status",
    title_zh="GPU 节点 kubelet 停止上报状态，节点 NotReady",
    layer="kubernetes",
    inject=_inject,
    heal=_heal,
)
