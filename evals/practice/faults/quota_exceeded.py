"""A quota that was lowered below what a scale-up needs."""

from __future__ import annotations

from evals.practice.faults import acts
from evals.practice.faults.fault import Fault, Target, Truth
from evals.practice.store import Store

_QUOTA = ("ai-serving", "serving")


def _limit(store: Store, gpus: str) -> None:
    acts.change(
        store, "resourcequotas", *_QUOTA, lambda one: one["spec"]["hard"].update({"requests.nvidia.com/gpu": gpus})
    )


def _inject(store: Store) -> Truth:
    _limit(store, "6")
    acts.scale(store, "ai-serving", "qwen2-7b", 4)
    return Truth(
        cause="quota-used-up-gpu",
        target=Target("ResourceQuota", *_QUOTA),
        symptoms=("workload-failed-create", "deployment-replicas-mismatch"),
        remedy=(
            "kubectl -n ai-serving patch resourcequota serving --type=merge -p "
            '\'{"spec":{"hard":{"requests.nvidia.com/gpu":"8"}}}\''
        ),
        alerts=("KubeQuotaFullyUsed", "KubeDeploymentReplicasMismatch"),
    )


FAULT = Fault(
    id="quota_exceeded",
    title_en="The GPU quota refuses another vLLM pod",
    title_zh="GPU 配额不足，无法创建新的 vLLM Pod",
    layer="kubernetes",
    inject=_inject,
    heal=lambda store: _limit(store, "8"),
)
