"""A rollout to a tag that was never pushed."""

from __future__ import annotations

from evals.practice.faults import acts
from evals.practice.faults.fault import Fault, Target, Truth
from evals.practice.store import Store

_WHERE = ("ai-serving", "qwen2-7b")


def _inject(store: Store) -> Truth:
    acts.set_image(store, *_WHERE, "registry.example.com/serving/vllm-openai:v0.9.22")
    return Truth(
        cause="image-not-found",
        target=Target("Deployment", *_WHERE),
        symptoms=("image-pull-backoff", "deployment-replicas-mismatch", "deployment-progress-deadline"),
        remedy="kubectl -n ai-serving rollout undo deployment/qwen2-7b",
        alerts=("KubePodImagePullFailing", "KubeDeploymentReplicasMismatch"),
    )


FAULT = Fault(
    id="bad_image_rollout",
    title_en="Rollout to an image tag that does not exist",
    title_zh="发布了不存在的镜像标签",
    layer="kubernetes",
    inject=_inject,
    heal=lambda store: acts.roll_back(store, *_WHERE),
)
