"""Nodes left cordoned after maintenance: the GPUs that are free cannot be used, and a scale-up hangs."""

from __future__ import annotations

from evals.practice.controllers.resources import amount, pod_requests
from evals.practice.faults import acts
from evals.practice.faults.fault import Fault, Target, Truth
from evals.practice.platform.nodes import GPU_NODES
from evals.practice.store import Store

_GPU = "nvidia.com/gpu"


def _free_gpus(store: Store, node: str) -> int:
    used = sum(pod_requests(pod).get(_GPU, 0) for pod in store.each("pods")
               if pod["spec"].get("nodeName") == node and pod.get("status", {}).get("phase") not in ("Succeeded", "Failed"))  # fmt: skip
    return int(amount(store.get("nodes", None, node)["status"]["allocatable"][_GPU]) - used)


def _inject(store: Store) -> Truth:
    free = [node for node in GPU_NODES if _free_gpus(store, node)] or [GPU_NODES[-1]]
    for node in free:
        acts.cordon(store, node)
    acts.scale(store, "ai-serving", "qwen2-7b", 4)
    return Truth(
        cause="node-cordoned",
        target=Target("Node", "", free[0]),
        symptoms=("sched-insufficient-gpu", "sched-nodes-unschedulable", "deployment-replicas-mismatch"),
        remedy="\n".join(f"kubectl uncordon {node}" for node in free),
        alerts=("KubePodNotScheduled", "KubeDeploymentReplicasMismatch"),
    )


def _heal(store: Store) -> None:
    for node in GPU_NODES:
        acts.cordon(store, node, is_cordoned=False)


FAULT = Fault(
    id="gpu_unschedulable",
    title_en="GPU nodes left cordoned: a vLLM pod finds no GPU",
    title_zh="GPU 节点被遗留封锁，vLLM Pod 无可用 GPU",
    layer="kubernetes",
    inject=_inject,
    heal=_heal,
)
