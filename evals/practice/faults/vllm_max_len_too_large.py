"""A context longer than the cache of the card can hold."""

from __future__ import annotations

from evals.practice.faults import acts
from evals.practice.faults.fault import Fault, Target, Truth
from evals.practice.store import Store

_WHERE = ("ai-serving", "qwen2-7b")


def _set(store: Store, length: str, utilization: str) -> None:
    acts.set_flag(store, *_WHERE, "--max-model-len", length)
    acts.set_flag(store, *_WHERE, "--gpu-memory-utilization", utilization)


def _inject(store: Store) -> Truth:
    _set(store, "32768", "0.75")
    return Truth(
        cause="vllm-max-model-len-too-large",
        target=Target("Deployment", *_WHERE),
        symptoms=("vllm-engine-init-failed", "container-crashloopbackoff", "deployment-replicas-mismatch"),
        remedy="kubectl -n ai-serving rollout undo deployment/qwen2-7b",
        alerts=("KubePodCrashLooping", "KubeDeploymentReplicasMismatch"),
    )


FAULT = Fault(
    id="vllm_max_len_too_large",
    title_en="vLLM's KV cache cannot hold one request of --max-model-len",
    title_zh="vLLM 的 KV 缓存放不下 --max-model-len",
    layer="vllm",
    inject=_inject,
    heal=lambda store: _set(store, "16384", "0.90"),
)
