"""Triton with an ONNX model repository: a table of models at the start, ready when all have loaded."""

from __future__ import annotations

from evals.practice.kubelet.behaviour import GIB, Behaviour, Exit, Lines, Situation
from evals.practice.kubelet.programs.gpu import broken_card

REPOSITORIES = ("/models/triton",)


def behave(situation: Situation) -> Behaviour:
    broken = broken_card(situation)
    if broken is not None:
        return broken
    repository = situation.flag("model-repository")
    batch = situation.env.get("MAX_BATCH_SIZE", "32")
    start = ((0.5, "I1121 02:00:01.118 1 pinned_memory_manager.cc:277] \"Pinned memory pool is created at '0x7f3c' with size 268435456\""),
             (1.0, 'I1121 02:00:01.870 1 cuda_memory_manager.cc:107] "CUDA memory pool is created on device 0 with size 67108864"'))  # fmt: skip
    if repository not in REPOSITORIES:
        lines: Lines = ((1.5, f"error: creating server: Internal - failed to stat file {repository or '(none)'}"),)
        return Behaviour(output=(*start, *lines), exit=Exit(1.8, 1))
    if not batch.isdigit():
        lines = ((4.0, (f"E1121 02:00:05.012 1 model_lifecycle.cc:654] \"failed to load 'resnet50' version 1: Invalid argument: "
                       f"max_batch_size '{batch}' is not a number\"")),
                 (4.5, "error: creating server: Internal - failed to load all models"))  # fmt: skip
        return Behaviour(output=(*start, *lines), exit=Exit(4.8, 1))
    lines = (
        (2.0, 'I1121 02:00:02.301 1 model_lifecycle.cc:472] "loading: resnet50:1"'),
        (9.0, "I1121 02:00:09.774 1 model_lifecycle.cc:849] \"successfully loaded 'resnet50'\""),
        (9.5, "+----------+---------+--------+"), (9.5, "| Model    | Version | Status |"),
        (9.5, "| resnet50 | 1       | READY  |"), (9.5, "+----------+---------+--------+"),
        (10.0, 'I1121 02:00:10.015 1 grpc_server.cc:2558] "Started GRPCInferenceService at 0.0.0.0:8001"'),
        (10.0, 'I1121 02:00:10.016 1 http_server.cc:4713] "Started HTTPService at 0.0.0.0:8000"'),
        (10.1, 'I1121 02:00:10.058 1 http_server.cc:362] "Started Metrics Service at 0.0.0.0:8002"'),
    )  # fmt: skip
    return Behaviour(output=(*start, *lines), ports={8000: 10.0, 8001: 10.0, 8002: 10.1}, ready_after=10.0,
                     paths=("/v2/health/ready", "/v2/health/live", "/metrics"), memory_bytes=4 * GIB, memory_after=6.0,
                     cpu_cores=0.4)  # fmt: skip
