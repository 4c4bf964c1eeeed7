"""A GPU falls off the bus under a running vLLM."""

from __future__ import annotations

from evals.practice.faults import acts
from evals.practice.faults.fault import Fault, Target, Truth
from evals.practice.platform.nodes import GPU_NODES, XID_CONDITION
from evals.practice.store import Store, copy_of

_MESSAGE = "NVRM: Xid (PCI:0000:3b:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus."
_GPU = "nvidia.com/gpu"


def _allocate(store: Store, node: str, gpus: str) -> None:
    found = copy_of(store.get("nodes", None, node))
    found["status"]["allocatable"][_GPU] = gpus
    store.set_status("nodes", found, found["status"])


def _inject(store: Store) -> Truth:
    node = acts.node_of(store, "ai-serving", "qwen2-7b")
    _allocate(store, node, "1")
    acts.set_node_condition(store, node, "GpuXidError", "True", "XidError", _MESSAGE)
    found = store.get("nodes", None, node)
    acts.event(store, found, "Warning", "XidError", _MESSAGE, "kernel-monitor", node)
    acts.event(
        store,
        found,
        "Warning",
        "GpuLost",
        "NVRM: GPU 0000:3b:00.0: GPU has fallen off the bus.",
        "kernel-monitor",
        node,
    )
    return Truth(
        cause="gpu-xid-79-fallen-off-bus",
        target=Target("Node", "", node),
        symptoms=("vllm-engine-init-failed", "container-crashloopbackoff", "cuda-no-gpus-available"),
        remedy=f"kubectl cordon {node}",
        manual=f"Drain {node}, power-cycle it and reseat or replace the card if it comes back",
        services=("qwen2-7b",),
        alerts=("GpuXidError", "KubePodCrashLooping"),
    )


def _heal(store: Store) -> None:
    for node in GPU_NODES:
        _allocate(store, node, "2")
        acts.set_node_condition(store, node, *XID_CONDITION)


FAULT = Fault(
    id="gpu_xid_79",
    title_en="A GPU has fallen off the bus (Xid 79)",
    title_zh="GPU 掉卡（Xid 79）",
    layer="gpu",
    inject=_inject,
    heal=_heal,
)
