"""Owners are climbed to the top, kinds of one name are kept apart, general signs are explained wherever they stand, and a mere
change ranks below what was seen."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from agent.reasoning.causes import cause_graph
from agent.reasoning.diagnosis import conclude
from agent.reasoning.topology import build_topology
from knowledge.vocabulary import Diagnosis, Focus, Json, Verdict
from tests.practice.faults.world import platform_world
from tests.reasoning.practice_snapshot import snapshot_of_world
from tests.shared_library import shared_library
from tools.detectors.specimen import CLUSTER, NOW, snapshot_of
from tools.snapshot import ClusterSnapshot


def made(api_version: str, kind: str, name: str, owner: Json | None = None, **parts: Any) -> Json:
    owners = []
    if owner:
        owners = [{"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"]}]
    metadata = {"namespace": "ml", "name": name, "ownerReferences": owners}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **parts}


def serving() -> list[Json]:
    """An InferenceService as KServe and Knative make it: down to a Deployment, its pod and its autoscaler."""
    inference = made("serving.kserve.io/v1beta1", "InferenceService", "llm")
    service = made("serving.knative.dev/v1", "Service", "llm", inference)
    configuration = made("serving.knative.dev/v1", "Configuration", "llm", service)
    revision = made("serving.knative.dev/v1", "Revision", "llm-1", configuration)
    template = {"template": {"metadata": {"labels": {"app": "llm"}}, "spec": {"containers": []}}}
    deployment = made("apps/v1", "Deployment", "llm-1-deployment", revision, spec=template)
    scaled = {"scaleTargetRef": {"kind": "Deployment", "name": "llm-1-deployment"}}
    scaler = made("autoscaling.internal.knative.dev/v1alpha1", "PodAutoscaler", "llm-1", revision, spec=scaled)
    core = made("v1", "Service", "llm", spec={"selector": {"app": "llm"}})
    return [inference, service, configuration, revision, deployment, scaler, core]


def gathered(*objects: Json) -> ClusterSnapshot:
    return ClusterSnapshot(CLUSTER, Focus(cluster=CLUSTER, since=NOW, until=NOW), NOW, objects=objects)


@pytest.mark.parametrize(
    ("effect", "relation"),
    [
        ("Revision/ml/llm-1", "owns"),
        ("Configuration/ml/llm", "owns"),
        ("InferenceService/ml/llm", "owns"),
        ("PodAutoscaler/ml/llm-1", "scales"),
    ],
)
def test_trouble_of_a_workload_shows_at_every_owner_and_at_its_autoscaler(effect: str, relation: str) -> None:
    topology = build_topology(gathered(*serving()))
    assert topology.reaches("Deployment/ml/llm-1-deployment", effect, [relation]) == relation


def test_trouble_of_the_topmost_owner_shows_at_the_workload() -> None:
    topology = build_topology(gathered(*serving()))
    assert topology.reaches("InferenceService/ml/llm", "Deployment/ml/llm-1-deployment", ["owns"]) == "owns"
    assert topology.reaches("InferenceService/ml/other", "Deployment/ml/llm-1-deployment", ["owns"]) == ""


def test_owners_that_own_each_other_come_to_an_end() -> None:
    first = made(
        "example.com/v1", "Ring", "a", {"apiVersion": "example.com/v1", "kind": "Ring", "metadata": {"name": "b"}}
    )
    second = made("example.com/v1", "Ring", "b", first)
    topology = build_topology(gathered(first, second))
    assert topology.owners("Ring/ml/a") == topology.owned("Ring/ml/a") == {"Ring/ml/a", "Ring/ml/b"}


def test_service_of_knative_and_core_service_of_one_name_are_two_whichever_comes_first() -> None:
    for objects in (serving(), serving()[::-1]):
        snapshot = gathered(*objects)
        (core,) = snapshot.of_kind("Service")
        (knative,) = snapshot.of_kind("Service.serving.knative.dev")
        assert (core["apiVersion"], knative["apiVersion"]) == ("v1", "serving.knative.dev/v1")
        assert snapshot.reference(knative).key == "Service.serving.knative.dev/ml/llm"
        topology = build_topology(snapshot)
        assert topology.targets("Service/ml/llm", "selects") == ["Deployment/ml/llm-1-deployment"]
        assert topology.owners("Service/ml/llm") == set()


def test_events_of_a_knative_service_are_not_those_of_the_core_service() -> None:
    about = {"apiVersion": "serving.knative.dev/v1", "kind": "Service", "namespace": "ml", "name": "llm"}
    event = {**made("v1", "Event", "e1"), "involvedObject": about, "reason": "InternalError"}
    snapshot = gathered(*serving(), event)
    assert snapshot.events_about("Service.serving.knative.dev", "ml", "llm") == [event]
    assert not snapshot.events_about("Service", "ml", "llm")


def diagnosed(specimen: dict[str, Any], focus: Focus | None = None) -> Diagnosis:
    snapshot = snapshot_of(specimen)
    return conclude(shared_library().detect(snapshot), snapshot, shared_library(), focus=focus)


def shop_without_stock() -> dict[str, Any]:
    """stock names an image that does not exist; web, which calls it, ends with exit code 1."""
    calling = {"containers": [{"name": "main", "env": [{"name": "STOCK_URL", "value": "http://stock:80"}]}]}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": calling}
    pulled = 'Failed to pull image "registry.example/stock:9": code = NotFound: not found'
    return {
        "pods": {"stock-1": "waiting:ImagePullBackOff", "web-1": "crashing"},
        "objects": [
            {"kind": "Service", "name": "stock", "spec": {"selector": {"app": "stock"}}},
            {"kind": "Deployment", "name": "web", "spec": {"replicas": 1, "template": template}},
        ],
        "events": [{"about": "Pod/stock-1", "reason": "Failed", "container": "main", "message": pulled}],
    }


def test_exit_code_of_a_caller_is_explained_by_the_fault_of_what_it_calls() -> None:
    snapshot = snapshot_of(shop_without_stock())
    findings = shared_library().detect(snapshot)
    by_id = {one.id: one for one in findings}
    graph = cause_graph(findings, build_topology(snapshot), shared_library())
    (sign,) = [one for one in findings if one.fault == "container-exit-code-1"]
    assert (sign.object.name, sign.is_symptom) == ("web", False)
    assert [by_id[one].fault for one in graph.causes_of(sign.id)] == ["image-not-found"]


def test_fault_is_chosen_before_the_exit_code_of_its_caller() -> None:
    diagnosis = diagnosed(shop_without_stock())
    assert diagnosis.chosen is not None
    assert diagnosis.chosen.fault == "image-not-found"
    assert "container-exit-code-1 @ Deployment/default/web" in {link.effect for link in diagnosis.chosen.chain}


def stuck_since_its_rollout() -> dict[str, Any]:
    waiting = {"name": "wait", "ready": False, "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    spec = {"containers": [{"name": "main", "image": "a"}], "initContainers": [{"name": "wait", "image": "a"}]}
    second = {"annotations": {"deployment.kubernetes.io/revision": "2"}, "creationTimestamp": "<10m ago>"}
    status = {"phase": "Pending", "initContainerStatuses": [waiting]}
    return {
        "objects": [
            {"kind": "Deployment", "name": "web", "spec": {"selector": {"matchLabels": {"app": "web"}}}},
            {"kind": "ReplicaSet", "name": "web-2", "owner": "Deployment/web", "metadata": second},
            {"kind": "Pod", "name": "web-2-a", "owner": "ReplicaSet/web-2", "spec": spec, "status": status},
        ]
    }


def test_what_was_seen_is_named_before_the_rollout_that_came_just_before() -> None:
    diagnosis = diagnosed(stuck_since_its_rollout())
    assert diagnosis.chosen is not None
    assert (diagnosis.chosen.fault, diagnosis.chosen.object.key) == ("init-container-failing", "Deployment/default/web")
    assert "Just before" in diagnosis.summary.en


@pytest.mark.parametrize(("services", "verdict"), [((), Verdict.NO_FAULT), (("web",), Verdict.FAULT)])
def test_small_matter_is_a_fault_only_on_what_somebody_asks_about(services: tuple[str, ...], verdict: Verdict) -> None:
    status = {"replicas": 3, "readyReplicas": 3}
    paused = {"kind": "Deployment", "name": "web", "spec": {"replicas": 3, "paused": True}, "status": status}
    focus = Focus(cluster=CLUSTER, services=services, since=NOW - timedelta(hours=1), until=NOW)
    assert diagnosed({"objects": [paused]}, focus).verdict is verdict


def test_cordon_of_a_spare_node_is_worth_knowing_and_no_fault() -> None:
    with platform_world() as world:
        world.inject("noise_cordoned_spare")
        world.wait(30)
        snapshot = snapshot_of_world(world)
        diagnosis = conclude(shared_library().detect(snapshot), snapshot, shared_library())
    assert diagnosis.verdict is Verdict.NO_FAULT
    assert {one.fault for one in diagnosis.others} <= {"recent-node-change"}
