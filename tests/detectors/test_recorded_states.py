"""What a real Kubernetes 1.32 said of broken pods is read as the fault that it was."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from knowledge.vocabulary import Focus
from tests.shared_library import shared_library
from tools.detectors.library import DetectorLibrary
from tools.detectors.specimen import CLUSTER, NOW, ago
from tools.snapshot import ClusterSnapshot

EXCHANGES = Path(__file__).parents[1] / "contracts" / "kubernetes" / "exchanges"


def timed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: timed(one) for key, one in value.items()}
    if isinstance(value, list):
        return [timed(one) for one in value]
    return ago("3m") if value in ("<time>", "<microtime>") else value


def recorded(name: str) -> ClusterSnapshot:
    """The last state of every object that the file's answers show."""
    objects: dict[tuple[Any, ...], dict[str, Any]] = {}
    for line in (EXCHANGES / f"{name}.jsonl").read_text().splitlines():
        answer = json.loads(line)["response"]
        body = answer.get("body")
        if not isinstance(body, dict) or answer["status"] >= 300:
            continue
        kind = str(body.get("kind", ""))
        is_list = kind.endswith("List") and isinstance(body.get("items"), list)
        items = [{**item, "kind": kind[:-4]} for item in body["items"]] if is_list else [body]
        for item in items:
            metadata = item.get("metadata") or {}
            objects[item.get("kind"), metadata.get("namespace"), metadata.get("name")] = item
    focus = Focus(cluster=CLUSTER, since=NOW - timedelta(hours=1), until=NOW)
    return ClusterSnapshot(CLUSTER, focus, NOW, objects=[timed(item) for item in objects.values()])


@pytest.fixture(scope="module")
def faults_by_pod() -> dict[str, set[str]]:
    library: DetectorLibrary = shared_library()
    found: dict[str, set[str]] = {}
    for finding in library.detect(recorded("23-pod-states")):
        found.setdefault(finding.facts["seen_at"].rsplit("/", 1)[-1], set()).add(finding.fault)
    return found


@pytest.mark.parametrize(
    ("pod", "fault"),
    [
        ("crash", "container-exit-code-1"),
        ("badname", "image-invalid-name"),
        ("never", "image-never-pull"),
        ("oom", "container-oomkilled"),
        ("oomloop", "container-oomkilled"),
        ("nosecretkey", "config-missing-secret"),
        ("novolume", "config-missing-configmap"),
        ("nocmd", "container-exec-not-found"),
        ("cpu", "sched-insufficient-cpu"),
        ("mem", "sched-insufficient-memory"),
        ("gpu", "sched-insufficient-gpu"),
        ("selector", "sched-node-selector-mismatch"),
        ("affinity", "sched-node-affinity-mismatch"),
        ("pvc", "sched-pvc-missing"),
        ("unbound", "sched-unbound-pvc"),
        ("noclass", "pvc-storageclass-not-found"),
        ("unready", "probe-readiness-failing"),
        ("unlive", "probe-liveness-failing"),
        ("unstarted", "probe-startup-failing"),
        ("initfail", "init-container-failing"),
    ],
)
def test_recorded_pod_has_its_fault(faults_by_pod: dict[str, set[str]], pod: str, fault: str) -> None:
    assert fault in faults_by_pod[pod]


@pytest.mark.parametrize("pod", ["running", "completed", "badimage", "noconfig", "gated"])
def test_recorded_pod_that_is_well_has_none(faults_by_pod: dict[str, set[str]], pod: str) -> None:
    assert pod not in faults_by_pod


def test_recorded_quota_refusal_names_the_quota() -> None:
    findings = shared_library().detect(recorded("24-quota-and-limits"))
    assert [(one.fault, one.object.kind, one.object.name) for one in findings][:1] == [
        ("quota-used-up-pods", "ResourceQuota", "q")
    ]
