"""A diagnosis of an alert about latency names the service, and the number of it, that moved first."""

from __future__ import annotations

import random
from typing import Any

import pytest

from agent.reasoning.diagnosis import conclude
from agent.reasoning.moved_first import moved_first
from agent.reasoning.topology import build_topology
from knowledge.vocabulary import Diagnosis, Verdict
from tests.shared_library import shared_library
from tools.detectors.library import DetectorLibrary
from tools.detectors.specimen import snapshot_of

MIB = 1024 * 1024
SLOW = "ServiceLatencyHigh"


@pytest.fixture(scope="module")
def library() -> DetectorLibrary:
    return shared_library()


def level(low: float, high: float, minutes_ago: int, seed: int = 1) -> list[float]:
    """An hour, a point a minute: ``low`` and, for the last minutes, ``high``."""
    noise = random.Random(seed)
    return [(high if 60 - minute <= minutes_ago else low) * (1 + noise.uniform(-0.03, 0.03)) for minute in range(60)]


def metric(key: str, values: list[float], **labels: str) -> dict[str, Any]:
    return {"key": key, "labels": labels, "values": values}


def shop(*metrics: dict[str, Any], alerts: tuple[str, ...] = (SLOW,)) -> dict[str, Any]:
    """front calls stock; both have one pod."""
    return {
        "pods": {"front-1": "well", "stock-1": "well"},
        "objects": [
            {"kind": "Service", "name": "front", "spec": {"selector": {"app": "front"}}},
            {"kind": "Service", "name": "stock", "spec": {"selector": {"app": "stock"}}},
            {
                "kind": "Deployment",
                "name": "front",
                "spec": {
                    "template": {
                        "metadata": {"labels": {"app": "front"}},
                        "spec": {"containers": [{"env": [{"name": "STOCK_URL", "value": "http://stock:8080"}]}]},
                    }
                },
                "status": {"readyReplicas": 1, "updatedReplicas": 1, "replicas": 1},
            },
        ],
        "metrics": list(metrics),
        "alerts": [{"name": name, "labels": {"service": "front"}} for name in alerts],
    }


def diagnosed(library: DetectorLibrary, specimen: dict[str, Any]) -> tuple[Diagnosis, set[str]]:
    snapshot = snapshot_of(specimen)
    diagnosis = conclude(library.detect(snapshot), snapshot, library)
    return diagnosis, {evidence.id for evidence in snapshot.cited()}


CALLED_IS_BUSY = (
    metric("http_latency_p95_seconds", level(0.1, 1.2, 12), service="front"),
    metric("http_latency_p95_seconds", level(0.05, 0.9, 13, 2), service="stock"),
    metric("container_cpu", level(0.1, 0.95, 15, 3), pod="stock-1", container="main"),
    metric("container_cpu", level(0.1, 0.1, 0, 4), pod="front-1", container="main"),
)


def test_diagnosis_names_the_called_service_and_its_processor_when_the_alert_is_about_its_caller(
    library: DetectorLibrary,
) -> None:
    diagnosis, cited = diagnosed(library, shop(*CALLED_IS_BUSY))
    assert diagnosis.verdict is Verdict.FAULT
    assert diagnosis.chosen is not None
    assert "Moved first: CPU of Deployment/default/stock" in diagnosis.summary.en
    assert "11:4" in diagnosis.summary.en
    assert "最先变化的指标" in diagnosis.summary.zh
    assert any("latency of Deployment/default/front" in one.en for one in diagnosis.ruled_out)
    assert set(diagnosis.chosen.evidence_ids) <= cited


def test_evidence_holds_the_series_that_moved(library: DetectorLibrary) -> None:
    snapshot = snapshot_of(shop(*CALLED_IS_BUSY))
    diagnosis = conclude(library.detect(snapshot), snapshot, library)
    assert diagnosis.chosen is not None
    texts = {evidence.id: evidence.text for evidence in snapshot.cited()}
    assert any("container_cpu" in texts[one] and 'pod="stock-1"' in texts[one] for one in diagnosis.chosen.evidence_ids)


def test_processor_of_the_called_service_is_chosen_when_nothing_else_explains_the_latency(
    library: DetectorLibrary,
) -> None:
    diagnosis, _ = diagnosed(library, shop(*CALLED_IS_BUSY))
    assert diagnosis.chosen is not None
    assert (diagnosis.chosen.fault, diagnosis.chosen.object.name) == ("cpu-level-rose", "stock")


def test_memory_is_named_when_the_process_grew(library: DetectorLibrary) -> None:
    diagnosis, _ = diagnosed(
        library,
        shop(
            metric("http_latency_p95_seconds", level(0.1, 1.2, 12), service="front"),
            metric("container_memory", level(200 * MIB, 800 * MIB, 14), pod="stock-1", container="main"),
            metric("container_cpu", level(0.1, 0.8, 14), pod="stock-1", container="main"),
        ),
    )
    assert "Moved first: memory of Deployment/default/stock" in diagnosis.summary.en


@pytest.mark.parametrize(
    "metrics",
    [
        [metric("http_latency_p95_seconds", level(0.1, 0.1, 0), service="front")],
        [metric("container_cpu", level(0.1, 0.9, 15), pod="stock-1", container="main")],
        [metric("http_latency_p95_seconds", [0.1, 2.0, 2.0], service="front")],
        [],
    ],
    ids=["nothing moved", "nobody hurts", "too few points", "no metrics"],
)
def test_nothing_is_said_when_no_symptom_moved(library: DetectorLibrary, metrics: list[dict[str, Any]]) -> None:
    specimen = shop(*metrics)
    snapshot = snapshot_of(specimen)
    assert moved_first(snapshot, build_topology(snapshot)) is None
    diagnosis, _ = diagnosed(library, specimen)
    assert "Moved first" not in diagnosis.summary.en


def test_healthy_cluster_gets_no_note(library: DetectorLibrary) -> None:
    quiet = [
        metric(key, level(0.1, 0.1, 0), service="front") for key in ("http_latency_p95_seconds", "http_error_ratio")
    ]
    diagnosis, _ = diagnosed(library, shop(*quiet, alerts=()))
    assert "Moved first" not in diagnosis.summary.en
