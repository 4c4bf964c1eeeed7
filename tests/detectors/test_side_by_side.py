"""What is judged from several objects beside each other: placement, claims, quotas, addresses, echoes."""

from __future__ import annotations

from typing import Any

import pytest

from knowledge.vocabulary import Json
from tests.shared_library import shared_library
from tools.detectors.amounts import amount
from tools.detectors.claims import mismatch_of
from tools.detectors.labels import expression_fits, tolerated
from tools.detectors.placement import placement_of
from tools.detectors.quotas import family_of
from tools.detectors.scene import Scene
from tools.detectors.specimen import snapshot_of


def scene_of(*objects: Json, events: list[Json] | None = None) -> Scene:
    return Scene(snapshot_of({"objects": list(objects), "events": events or []}))


def waiting_pod(**spec: Any) -> Json:
    return {
        "kind": "Pod", "name": "web-1", "owner": "Deployment/web",
        "spec": {"containers": [{"name": "main"}], **spec}, "status": {"phase": "Pending"},
    }  # fmt: skip


def node(name: str, labels: Json | None = None, **spec: Any) -> Json:
    return {"kind": "Node", "name": name, "labels": labels or {}, "spec": spec, "status": {"allocatable": {"cpu": "8"}}}


def reason_of(message: str, pod: Json, *nodes: Json) -> str:
    scene = scene_of(pod, *nodes)
    return placement_of(scene, scene.snapshot.of_kind("Pod")[0], message).reason


PRODUCTION = {"requiredDuringSchedulingIgnoredDuringExecution": {
    "nodeSelectorTerms": [{"matchExpressions": [{"key": "state", "operator": "NotIn", "values": ["maintenance"]}]}]
}}  # fmt: skip
LABELS_MISSED = (
    "0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) didn't match Pod's node affinity/selector."
)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("0/4 nodes are available: 1 node(s) were unschedulable, 3 Insufficient cpu. preemption: none", "cpu"),
        ("0/4 nodes are available: 1 Insufficient cpu, 3 Insufficient memory.", "memory"),
        ("0/4 nodes are available: 2 node(s) had untolerated taint {node-role.kubernetes.io/master: }, 2 Too many pods.", "pods"),
        ("0/4 nodes are available: 4 node(s) had taint {team: a}, that the pod didn't tolerate.", "taint"),
        ("0/4 nodes are available: 4 node(s) had untolerated taint {node.kubernetes.io/not-ready: }.", "condition"),
        ("0/4 nodes are available: 2 Insufficient cpu, 2 node(s) didn't match pod anti-affinity rules.", "anti-affinity"),
        ("0/4 nodes are available: 4 Insufficient huawei.com/Ascend910.", "gpu"),
        ("something that no scheduler says", ""),
    ],
)  # fmt: skip
def test_placement_reads_the_scheduler_when_nodes_are_unknown(message: str, reason: str) -> None:
    assert reason_of(message, waiting_pod()) == reason


def test_placement_blames_affinity_when_only_a_cordoned_control_plane_would_fit() -> None:
    master = node("master", {"node-role.kubernetes.io/control-plane": ""}, unschedulable=True)
    workers = [node(f"worker-{number}", {"state": "maintenance"}) for number in (1, 2)]
    pod = waiting_pod(affinity={"nodeAffinity": PRODUCTION})
    assert reason_of(LABELS_MISSED, pod, master, *workers) == "affinity"


def test_placement_blames_the_cordon_when_the_pod_is_sent_to_the_cordoned_node() -> None:
    pinned = waiting_pod(nodeSelector={"disk": "ssd"})
    assert reason_of(LABELS_MISSED, pinned, node("a", {"disk": "ssd"}, unschedulable=True), node("b")) == "cordon"


def test_placement_says_too_large_when_no_empty_node_would_do() -> None:
    pod = waiting_pod(containers=[{"name": "main", "resources": {"requests": {"cpu": "9"}}}])
    scene = scene_of(pod, node("a"))
    found = placement_of(scene, scene.snapshot.of_kind("Pod")[0], "0/1 nodes are available: 1 Insufficient cpu.")
    assert (found.reason, found.is_too_large, found.wanted) == ("cpu", True, "9")


def test_claim_is_told_the_nearest_volume_when_others_are_taken() -> None:
    claim = {"kind": "PersistentVolumeClaim", "name": "data", "status": {"phase": "Pending"},
             "spec": {"storageClassName": "", "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "3Gi"}}}}  # fmt: skip
    offer = {"storageClassName": "", "accessModes": ["RWO"], "capacity": {"storage": "1Gi"}}
    free = {"kind": "PersistentVolume", "name": "one", "spec": offer, "status": {"phase": "Available"}}
    taken = {"kind": "PersistentVolume", "name": "two", "status": {"phase": "Bound"},
             "spec": {**offer, "capacity": {"storage": "9Gi"}, "claimRef": {"namespace": "x", "name": "y"}}}  # fmt: skip
    scene = scene_of(claim, free, taken)
    found = mismatch_of(scene, scene.snapshot.of_kind("PersistentVolumeClaim")[0])
    assert (found.reasons, found.volume, found.wanted, found.offered) == (("capacity",), "one", "3Gi", "1Gi")


@pytest.mark.parametrize(
    ("text", "number"), [("500m", 0.5), ("1Gi", 2.0**30), ("8", 8.0), (4, 4.0), ("", None), ("many", None)]
)
def test_amount_reads_what_kubernetes_writes(text: object, number: float | None) -> None:
    assert amount(text) == number


@pytest.mark.parametrize(
    ("resource", "family"),
    [
        ("requests.cpu", "cpu"), ("limits.memory", "memory"), ("count/pods", "pods"), ("services.nodeports", "services"),
        ("fast.storageclass.storage.k8s.io/requests.storage", "storage"), ("requests.nvidia.com/gpu", "gpu"),
        ("count/jobs.batch", "objects"), ("hugepages-2Mi", "other"),
    ],
)  # fmt: skip
def test_quota_resource_has_its_family(resource: str, family: str) -> None:
    assert family_of(resource) == family


def test_expression_and_toleration_follow_kubernetes() -> None:
    assert expression_fits({"key": "a", "operator": "NotIn", "values": ["x"]}, {})
    assert not expression_fits({"key": "a", "operator": "In", "values": ["x"]}, {})
    assert expression_fits({"key": "a", "operator": "Gt", "values": ["3"]}, {"a": "5"})
    assert tolerated([{"operator": "Exists"}], {"key": "a", "effect": "NoSchedule"})
    assert not tolerated([{"key": "a", "value": "b"}], {"key": "a", "value": "c", "effect": "NoSchedule"})


def change(name: str, after: float) -> Json:
    subject = {"kind": "Node", "namespace": "", "name": name}
    spec = {"subject": subject, "about": "network-loss", "before": 0.0, "after": after, "unit": "r", "text": "rose"}
    return {"apiVersion": "opsdesk/v1", "kind": "MetricChange", "name": name, "spec": spec}


def test_node_that_only_echoes_loss_is_not_blamed_when_another_loses_far_more() -> None:
    snapshot = snapshot_of({"objects": [change("node-1", 0.6), change("node-2", 6.7)]})
    blamed = {one.object.name for one in shared_library().detect(snapshot) if one.fault == "node-network-loss"}
    assert blamed == {"node-2"}


def test_finding_is_told_once_when_two_numbers_show_the_same_fault() -> None:
    subject = {"kind": "Service", "namespace": "default", "name": "cart"}
    changes = [
        {"apiVersion": "opsdesk/v1", "kind": "MetricChange", "name": about,
         "spec": {"subject": subject, "about": about, "after": 1.0, "unit": "s", "text": about}}
        for about in ("cpu", "throttling")
    ]  # fmt: skip
    found = [
        one
        for one in shared_library().detect(snapshot_of({"objects": changes}))
        if one.fault == "workload-cpu-saturated"
    ]
    assert [one.object.key for one in found] == ["Service/default/cart"]
    assert len(found[0].evidence_ids) == 2
