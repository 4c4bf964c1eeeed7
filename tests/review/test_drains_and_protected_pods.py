"""A drain reaches into every namespace: what it would take out of a protected one is listed and ruled on."""

from __future__ import annotations

from typing import Any

import pytest

from knowledge.vocabulary import Json, Review, Ruling
from tests.fakes.memory_cluster import MemoryCluster, StillClock
from tools.review import make_plan, review_plan
from tools.safety.policy import Policy

POLICY = Policy.load(None)


def pod(name: str, namespace: str, kind: str = "ReplicaSet", owner: str = "", **labels: str) -> Json:
    references = [{"apiVersion": "apps/v1", "kind": kind, "name": owner, "uid": "u", "controller": True}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels, "ownerReferences": references},
        "spec": {"nodeName": "n1", "containers": [{"name": "c", "image": "registry.example.com/a:1"}]},
        "status": {"phase": "Running"},
    }


COREDNS = pod("coredns-5d78-x1", "kube-system", owner="coredns-5d78", **{"pod-template-hash": "5d78"})
PROXY = pod("kube-proxy-aa", "kube-system", "DaemonSet", "kube-proxy")
WEBHOOK = pod(
    "cert-manager-webhook-7f-k2", "cert-manager", owner="cert-manager-webhook-7f", **{"pod-template-hash": "7f"}
)
IMPOSTOR = pod("coredns-5d78-x9", "kube-system", "StatefulSet", "coredns-5d78")
SHOP = pod("web-6c-a1", "shop", owner="web-6c", **{"pod-template-hash": "6c"})


async def drained(*pods: Json, policy: Policy = POLICY) -> Review:
    cluster = MemoryCluster(name="lab")
    cluster.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "spec": {}})
    for one in pods:
        cluster.put(one)
    plan = make_plan(
        "kubectl drain n1 --ignore-daemonsets", incident_id="i", cluster="lab", written_by="d", now=StillClock().now()
    )
    return await review_plan(plan, reader=cluster, writer=cluster, policy=policy, clock=StillClock())


def said(review: Review) -> list[str]:
    return [one.message.en for one in review.verdicts if one.rule == "protected_namespace"]


async def test_drain_needs_two_when_only_ordinary_pods_and_allowed_workloads_leave() -> None:
    review = await drained(SHOP, COREDNS, PROXY)
    assert review.ruling is Ruling.TWO, review.verdicts
    assert said(review) == ["evicts Pod/kube-system/coredns-5d78-x1, of an allowed workload of a protected namespace"]
    assert {"evict Pod/kube-system/coredns-5d78-x1", "evict Pod/shop/web-6c-a1"} <= {
        line.removeprefix("- ") for line in review.steps[0].diff.splitlines()
    }
    assert "kube-proxy-aa" not in review.steps[0].diff


@pytest.mark.parametrize("guarded", [WEBHOOK, IMPOSTOR])
async def test_drain_is_forbidden_naming_the_pod_when_it_would_evict_from_a_protected_namespace(guarded: Json) -> None:
    review = await drained(SHOP, guarded)
    name, namespace = guarded["metadata"]["name"], guarded["metadata"]["namespace"]
    assert review.ruling is Ruling.FORBIDDEN
    assert f"Pod/{namespace}/{name}" in said(review)[0]


async def test_site_may_let_a_workload_of_a_protected_namespace_leave() -> None:
    wider: Any = (*POLICY.restartable, "cert-manager/Deployment/*")
    review = await drained(WEBHOOK, policy=POLICY.model_copy(update={"restartable": wider}))
    assert review.ruling is Ruling.TWO, review.verdicts


async def test_pods_of_one_name_in_two_namespaces_are_told_apart() -> None:
    twin = pod("web-6c-a1", "pay", owner="web-6c", **{"pod-template-hash": "6c"})
    twin["spec"]["nodeName"] = "n2"
    review = await drained(SHOP, twin)
    assert review.blast.pods == 1
