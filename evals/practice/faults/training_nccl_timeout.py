"""A training run over an interface that is not there: the first collective never ends."""

from __future__ import annotations

from evals.practice.faults import acts
from evals.practice.faults.fault import Fault, Target, Truth
from evals.practice.platform.install import create, manifest_objects
from evals.practice.store import Store

_NAME = "sft-qwen2-nightly"


def _inject(store: Store) -> Truth:
    job = manifest_objects("training-job.yaml")[0]
    job["metadata"]["name"] = _NAME
    job["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] = "ib9"
    create(store, job)
    return Truth(
        cause="nccl-collective-timeout",
        target=Target("Job", "ai-training", _NAME),
        symptoms=("job-backoff-limit", "container-exit-code-134"),
        manual="Create the job again with NCCL_SOCKET_IFNAME=eth0",
        alerts=("KubeJobFailed",),
    )


FAULT = Fault(
    id="training_nccl_timeout",
    title_en="A training job fails with an NCCL timeout",
    title_zh="训练任务因 NCCL 超时失败",
    layer="nccl",
    inject=_inject,
    heal=lambda store: acts.delete(store, "jobs.batch", "ai-training", _NAME),
)
