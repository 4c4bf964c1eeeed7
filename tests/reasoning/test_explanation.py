"""Causes are told from symptoms over the topology; the conclusion says what is wrong, what follows, and what it is not."""

from __future__ import annotations

from typing import Any

import pytest

from agent.reasoning.diagnosis import conclude
from agent.reasoning.explanation import explain
from agent.reasoning.metrics import hours_to, level_shift, rank_movements
from agent.reasoning.topology import build_topology
from knowledge.vocabulary import CaseKind, Diagnosis, Focus, ObjectRef, RecalledCase, Text, Verdict
from tests.shared_library import shared_library
from tools.contracts import MetricAnswer
from tools.detectors.changes import recent_changes
from tools.detectors.library import DetectorLibrary
from tools.detectors.specimen import CLUSTER, NOW, snapshot_of
from tools.ports import Series

CUDA_OOM = "RuntimeError: CUDA error: out of memory"
REFUSED = "error calling http://llm:8000/v1: connect: connection refused\n" * 3


@pytest.fixture(scope="module")
def library() -> DetectorLibrary:
    return shared_library()


def chain_of_three() -> dict[str, Any]:
    """llm dies of CUDA memory; its Service has no endpoint; the gateway that calls it is refused."""
    return {
        "pods": {"llm-1": "crashing", "gateway-1": "well"},
        "objects": [
            {"kind": "Service", "name": "llm", "spec": {"selector": {"app": "llm"}}},
            {"kind": "Service", "name": "gateway", "spec": {"selector": {"app": "gateway"}}},
            {
                "kind": "Deployment",
                "name": "gateway",
                "spec": {
                    "replicas": 1,
                    "template": {
                        "metadata": {"labels": {"app": "gateway"}},
                        "spec": {"containers": [{"env": [{"name": "UPSTREAM_URL", "value": "http://llm:8000"}]}]},
                    },
                },
                "status": {"readyReplicas": 1, "updatedReplicas": 1},
            },
        ],
        "logs": [
            {"pod": "llm-1", "previous": True, "age": "9m", "text": CUDA_OOM},
            {"pod": "gateway-1", "text": REFUSED},
        ],
    }


def diagnosed(library: DetectorLibrary, specimen: dict[str, Any], focus: Focus | None = None) -> Diagnosis:
    snapshot = snapshot_of(specimen)
    return conclude(library.detect(snapshot), snapshot, library, focus=focus)


def test_topology_connects_owners_services_mounts_nodes_and_calls() -> None:
    topology = build_topology(snapshot_of(chain_of_three()))
    assert topology.family("Pod/default/llm-1") == "Deployment/default/llm"
    assert topology.reaches("Deployment/default/llm", "Service/default/llm", ["selects"]) == "selects"
    assert topology.reaches("Deployment/default/llm", "Deployment/default/gateway", ["same", "calls"]) == "calls"
    assert topology.reaches("Node/node-1", "Deployment/default/llm", ["runs_on"]) == "runs_on"
    assert topology.reaches("Deployment/default/gateway", "Deployment/default/llm", ["calls"]) == ""
    assert topology.distance("Pod/default/llm-1", "Service/default/gateway") is not None
    assert "Service/default/llm" in topology.around("Deployment/default/llm", steps=1)


def test_chain_of_three_is_traced_to_its_cause(library: DetectorLibrary) -> None:
    diagnosis = diagnosed(library, chain_of_three())
    assert diagnosis.verdict is Verdict.FAULT
    chosen = diagnosis.chosen
    assert chosen is not None
    assert (chosen.fault, chosen.object.key) == ("cuda-out-of-memory", "Deployment/default/llm")
    effects = {link.effect.split(" @ ")[0] for link in chosen.chain}
    assert {"container-crashloopbackoff", "service-endpoints-not-ready", "app-connection-refused"} <= effects
    assert any(link.relation in ("calls", "selects") for link in chosen.chain)
    assert diagnosis.confidence > 0.8
    assert "Service llm" in diagnosis.summary.en
    assert "由此解释" in diagnosis.summary.zh
    assert any("a consequence" in text.en for text in diagnosis.ruled_out)
    assert round(sum(part.value * part.weight for part in chosen.parts), 4) == chosen.score


def test_symptom_without_a_cause_is_said_with_little_confidence(library: DetectorLibrary) -> None:
    service = {"kind": "Service", "name": "llm", "spec": {"selector": {"app": "llm"}}}
    diagnosis = diagnosed(library, {"pods": {"llm-1": "unready"}, "objects": [service]})
    assert diagnosis.verdict is Verdict.FAULT
    assert diagnosis.confidence <= 0.45


def test_focus_prefers_the_fault_that_explains_what_the_report_names(library: DetectorLibrary) -> None:
    specimen = chain_of_three()
    specimen["pods"]["other-1"] = "crashing"
    specimen["logs"].append({"pod": "other-1", "previous": True, "text": CUDA_OOM})
    named = Focus(
        cluster=CLUSTER,
        objects=(ObjectRef(cluster=CLUSTER, kind="Deployment", namespace="default", name="gateway"),),
        since=NOW,
        until=NOW,
    )
    chosen = diagnosed(library, specimen, named).chosen
    assert chosen is not None
    assert chosen.object.name == "llm"
    other = named.model_copy(
        update={"objects": (ObjectRef(cluster=CLUSTER, kind="Deployment", namespace="default", name="other"),)}
    )
    chosen = diagnosed(library, specimen, other).chosen
    assert chosen is not None
    assert chosen.object.name == "other"


def test_case_whose_remedy_held_raises_its_fault(library: DetectorLibrary) -> None:
    snapshot = snapshot_of(chain_of_three())
    findings = library.detect(snapshot)
    topology = build_topology(snapshot)

    def score(held: int, lost: int) -> float:
        case = RecalledCase(
            case_id="case-1",
            kind=CaseKind.FAULT,
            title=Text(en="t", zh="题"),
            score=1.0,
            why="fault cuda-out-of-memory",
            outcomes=(held, lost),
        )
        return explain(findings, topology, library, snapshot, snapshot.focus, [case])[0].score

    assert score(9, 0) > score(1, 8)


def test_healthy_cluster_with_scary_old_events_is_no_fault(library: DetectorLibrary) -> None:
    specimen = {
        "pods": {"web-1": "well", "web-2": "well"},
        "events": [
            {
                "about": "Pod/web-1",
                "reason": "BackOff",
                "message": "Back-off restarting failed container",
                "age": "20m",
            },
            {
                "about": "Pod/gone-1",
                "reason": "FailedScheduling",
                "message": "0/3 nodes are available: 3 Insufficient cpu.",
            },
        ],
    }
    diagnosis = diagnosed(library, specimen)
    assert diagnosis.verdict is Verdict.NO_FAULT
    assert "No fault now" in diagnosis.summary.en
    assert "当前没有故障" in diagnosis.summary.zh
    assert "BackOff x1" in diagnosis.ruled_out[0].en


def test_blind_look_is_unknown_not_healthy(library: DetectorLibrary) -> None:
    assert diagnosed(library, {"pods": {"web-1": "well"}, "gaps": ["list pods"]}).verdict is Verdict.UNKNOWN
    assert diagnosed(library, {}).verdict is Verdict.UNKNOWN
    assert diagnosed(library, {"pods": {"web-1": "well"}, "gaps": ["list poddisruptionbudgets"]}).verdict is (
        Verdict.NO_FAULT
    )


def test_firing_alert_that_nothing_explains_is_unknown(library: DetectorLibrary) -> None:
    specimen = {"pods": {"web-1": "well"}, "alerts": [{"name": "CustomBusinessAlert", "labels": {}}]}
    diagnosis = diagnosed(library, specimen)
    assert diagnosis.verdict is Verdict.UNKNOWN
    assert "CustomBusinessAlert" in diagnosis.summary.en


def test_rollout_just_before_is_a_recent_change(library: DetectorLibrary) -> None:
    specimen = chain_of_three()
    specimen["objects"].append(
        {
            "kind": "ReplicaSet",
            "name": "llm-7d",
            "owner": "Deployment/llm",
            "metadata": {"annotations": {"deployment.kubernetes.io/revision": "4"}, "creationTimestamp": "<12m ago>"},
        }
    )
    snapshot = snapshot_of(specimen)
    assert [(change.object.name, change.kind) for change in recent_changes(snapshot)] == [("llm", "rollout")]
    diagnosis = conclude(library.detect(snapshot), snapshot, library)
    assert "rollout to revision 4" in diagnosis.summary.en


def test_level_shift_is_seen_through_noise_and_a_single_peak_is_not() -> None:
    calm = [(60.0 * at, 10.0 + at % 3) for at in range(30)]
    shifted = [*calm, *((60.0 * at, 40.0 + at % 3) for at in range(30, 40))]
    peak = [*calm, (1800.0, 400.0), *((60.0 * at, 10.0 + at % 3) for at in range(31, 40))]
    assert level_shift(shifted) > 8
    assert abs(level_shift(peak)) < 2
    answers = [MetricAnswer("a", "a", [Series({}, shifted)]), MetricAnswer("b", "b", [Series({}, peak)])]
    assert [movement.key for movement in rank_movements(answers)] == ["a"]


def test_trend_tells_the_hours_until_it_is_full() -> None:
    filling = [(3600.0 * hour, 0.5 + 0.05 * hour) for hour in range(8)]
    assert hours_to(filling, 1.0) == pytest.approx(3.0)
    assert hours_to(list(reversed([(at, 1 - value) for at, value in filling])), 2.0) == float("inf")
