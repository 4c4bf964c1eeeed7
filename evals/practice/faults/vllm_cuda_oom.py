"""More of the card than the graph capture leaves free."""

from __future__ import annotations

from evals.practice.faults import acts
from evals.practice.faults.fault import Fault, Target, Truth
from evals.practice.store import Store

_WHERE = ("ai-serving", "qwen2-7b")


def _inject(store: Store) -> Truth:
    acts.set_flag(store, *_WHERE, "--gpu-memory-utilization", "0.99")
    return Truth(
        cause="cuda-out-of-memory",
        target=Target("Deployment", *_WHERE),
        symptoms=("vllm-engine-init-failed", "container-crashloopbackoff", "deployment-replicas-mismatch"),
        remedy="kubectl -n ai-serving rollout undo deployment/qwen2-7b",
        alerts=("KubePodCrashLooping", "KubeDeploymentReplicasMismatch"),
    )


FAULT = Fault(
    id="vllm_cuda_oom",
    title_en="vLLM runs out of GPU memory at start (--gpu-memory-utilization 0.99)",
    title_zh="vLLM 启动时显存不足（--gpu-memory-utilization 0.99）",
    layer="vllm",
    inject=_inject,
    heal=lambda store: acts.set_flag(store, *_WHERE, "--gpu-memory-utilization", "0.90"),
)
