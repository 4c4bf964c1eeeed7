"""What a model server says last is rarely why it fell: the cause is told from the words that follow from it."""

from __future__ import annotations

from typing import Any

import pytest

from agent.reasoning.diagnosis import conclude
from tests.shared_library import shared_library
from tools.detectors.library import DetectorLibrary
from tools.detectors.specimen import snapshot_of

LABELS = {"app": "llm"}
DEPLOYMENT = {
    "kind": "Deployment",
    "name": "llm",
    "spec": {"replicas": 1, "selector": {"matchLabels": LABELS}, "template": {"metadata": {"labels": LABELS}}},
    "status": {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 0, "unavailableReplicas": 1},
}
SERVICE = {"kind": "Service", "name": "llm", "spec": {"selector": LABELS, "ports": [{"port": 80, "targetPort": 8080}]}}

LAST_WORDS: dict[str, tuple[str, ...]] = {
    "hf-gated-repo": (
        "huggingface_hub.errors.GatedRepoError: 403 Client Error.",
        "Cannot access gated repo for url https://huggingface.co/meta/llama/resolve/main/config.json.",
        "OSError: You are trying to access a gated repo.",
        "RuntimeError: Engine core initialization failed. See root cause above.",
    ),
    "hf-missing-file-or-shard": (
        "FileNotFoundError: [Errno 2] No such file or directory: '/models/qwen/model-00002-of-00004.safetensors'",
        "RuntimeError: Engine core initialization failed. See root cause above.",
    ),
    "fw-safetensors-corrupt": (
        "safetensors_rust.SafetensorError: Error while deserializing header: incomplete metadata, file not fully covered",
        "Scheduler hit an exception: Traceback (most recent call last):",
        "SIGQUIT received. signum=None, frame=None. It usually means one child failed.",
    ),
    "sglang-out-of-memory-schedule": (
        "RuntimeError: Decode out of memory. Try to lower your batch size.",
        "Scheduler hit an exception: Traceback (most recent call last):",
    ),
    "vllm-tp-heads-not-divisible": (
        "ValueError: Total number of attention heads (28) must be divisible by tensor parallel size (8).",
        "RuntimeError: Engine core initialization failed. See root cause above.",
    ),
    "tgi-not-enough-memory": (
        "RuntimeError: Not enough memory to handle 4096 prefill tokens. You need to decrease it",
        "ERROR text_generation_launcher: Shard 0 failed to start",
        "Error: ShardCannotStart",
    ),
    "triton-backend-missing": (
        "failed to load 'chat' version 1: Invalid argument: unable to find backend library for backend 'vllm'",
        "error: creating server: Internal - failed to load all models",
    ),
    "ts-model-store-missing": ("Model store path is not found: /mnt/models", "Failed to load model: bert.mar"),
    "cuda-out-of-memory": (
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79 GiB",
        "ERROR Worker proc VllmWorker-1 died unexpectedly, shutting down executor.",
        "RuntimeError: Engine core initialization failed. See root cause above.",
    ),
}


@pytest.fixture(scope="module")
def library() -> DetectorLibrary:
    return shared_library()


def crashed_with(*lines: str, objects: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    return {
        "pods": {"llm-1": "crashing"},
        "objects": [DEPLOYMENT, SERVICE, *objects],
        "logs": [{"pod": "llm-1", "previous": True, "text": "\n".join(lines)}],
    }


@pytest.mark.parametrize("cause", LAST_WORDS)
def test_model_server_is_told_by_its_first_failure_when_others_follow(cause: str, library: DetectorLibrary) -> None:
    snapshot = snapshot_of(crashed_with(*LAST_WORDS[cause]))
    diagnosis = conclude(library.detect(snapshot), snapshot, library)
    assert diagnosis.chosen is not None
    assert (diagnosis.chosen.fault, diagnosis.chosen.object.key) == (cause, "Deployment/default/llm")
    assert diagnosis.runner_up is None or diagnosis.runner_up.score < diagnosis.chosen.score


def test_inference_service_is_explained_by_the_model_that_its_pods_cannot_fetch(library: DetectorLibrary) -> None:
    inference = {
        "kind": "InferenceService",
        "name": "llm",
        "status": {
            "modelStatus": {
                "transitionStatus": "BlockedByFailedLoad",
                "lastFailureInfo": {"reason": "ModelLoadFailed", "message": "container exited", "time": "<4m ago>"},
            },
            "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": "<4m ago>"}],
        },
    }
    owned = {**DEPLOYMENT, "owner": "InferenceService/llm"}
    specimen = crashed_with(*LAST_WORDS["hf-gated-repo"], objects=(inference,))
    specimen["objects"] = [owned, *specimen["objects"][1:]]
    snapshot = snapshot_of(specimen)
    diagnosis = conclude(library.detect(snapshot), snapshot, library)
    assert diagnosis.chosen is not None
    assert diagnosis.chosen.fault == "hf-gated-repo"
    effects = {link.effect.partition(" @ ")[0] for link in diagnosis.chosen.chain}
    assert {"kserve-model-load-failed", "kserve-isvc-not-ready"} <= effects


def test_silent_disk_of_a_node_explains_the_file_system_and_the_pod_above_it(library: DetectorLibrary) -> None:
    specimen = {
        "pods": {"llm-1": "unready"},
        "objects": [
            {"kind": "Node", "name": "node-1", "status": {"conditions": [{"type": "Ready", "status": "True"}]}},
            DEPLOYMENT,
            SERVICE,
        ],
        "logs": [
            {"node": "node-1", "text": "nvme nvme0: I/O 12 QID 7 timeout, reset controller", "age": "5m"},
            {"node": "node-1", "text": "EXT4-fs (nvme0n1): Remounting filesystem read-only", "age": "4m"},
        ],
    }
    snapshot = snapshot_of(specimen)
    diagnosis = conclude(library.detect(snapshot), snapshot, library)
    assert diagnosis.chosen is not None
    assert (diagnosis.chosen.fault, diagnosis.chosen.object.key) == ("storage-nvme-timeout", "Node/node-1")
    effects = {link.effect.partition(" @ ")[0] for link in diagnosis.chosen.chain}
    assert {"node-readonly-filesystem", "probe-readiness-failing"} <= effects


def test_well_server_with_words_of_an_old_crash_has_no_fault(library: DetectorLibrary) -> None:
    well = {**DEPLOYMENT, "status": {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1}}
    for lines in LAST_WORDS.values():
        text = "\n".join(lines)
        snapshot = snapshot_of(
            {
                "pods": {"llm-1": "well"},
                "objects": [well, SERVICE],
                "logs": [{"pod": "llm-1", "previous": True, "text": text}],
            }
        )
        assert not library.detect(snapshot), lines[0]
