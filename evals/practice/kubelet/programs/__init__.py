"""What runs inside the images: one file per program, found by the last word of the image's repository."""

from __future__ import annotations

from evals.practice.kubelet import shell
from evals.practice.kubelet.behaviour import MIB, Behaviour, Program, Situation
from evals.practice.kubelet.programs import (
    data,
    gateway,
    infrastructure,
    tensorflow_serving,
    text_embeddings,
    torchserve,
    training,
    triton,
    vllm,
)  # fmt: skip

PROGRAMS: dict[str, Program] = {
    "vllm-openai": vllm.behave,
    "text-embeddings": text_embeddings.behave,
    "tritonserver": triton.behave,
    "tensorflow-serving": tensorflow_serving.behave,
    "torchserve": torchserve.behave,
    "llm-gateway": gateway.behave,
    "redis": data.redis,
    "milvus": data.milvus,
    "embedding-refresh": data.embedding_refresh,
    "sft-trainer": training.behave,
    "coredns": infrastructure.coredns,
    "metrics-server": infrastructure.metrics_server,
    "prometheus": infrastructure.prometheus,
    "dcgm-exporter": infrastructure.dcgm_exporter,
    "tenant-app": infrastructure.tenant,
}


def behave(situation: Situation) -> Behaviour:
    """The behaviour of the program in the image; a busybox for images that no program is known for."""
    repository = situation.image.rpartition("/")[2].partition("@")[0].partition(":")[0]
    program = PROGRAMS.get(repository)
    if program is not None:
        return program(situation)
    if situation.command:
        return shell.behave(situation.command)
    ports = {int(one["containerPort"]): 0.2 for one in situation.container.get("ports") or ()}
    return Behaviour(ports=ports, memory_bytes=32 * MIB)
