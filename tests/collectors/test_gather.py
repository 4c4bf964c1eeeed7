"""Gathering: the focus first, within the reach, with gaps for what could not be read and never an exception."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from knowledge.errors import AccessDenied, BadInput, ClusterUnreachable, MetricsUnreachable, ObjectNotFound
from knowledge.vocabulary import Focus, Json, ObjectRef, Scope
from tests.fakes.cluster_reader import FakeReader
from tools.adapters.system_clock import SystemClock
from tools.collectors.gather import GatherLimits, gather
from tools.contracts import Collector, Gathered
from tools.discovery import load_values
from tools.ports import Clock, Cluster, ResourceKind, Series
from tools.snapshot import ClusterSnapshot

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ALL: dict[str, Collector] = load_values("tools.collectors", Collector)


def item(kind: str, name: str, namespace: str = "", **more: Any) -> Json:
    metadata: Json = {"name": name, "uid": f"uid-{name}"}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **more}


def pod(
    name: str, namespace: str, *, restarts: int = 0, phase: str = "Running", ready: bool = True, **more: Any
) -> Json:
    status = {"name": "main", "restartCount": restarts, "ready": ready, "state": {"running": {}}, "lastState": {}}
    if restarts:
        status["lastState"] = {"terminated": {"exitCode": 137, "finishedAt": "2026-01-01T11:55:00Z"}}
    return item("Pod", name, namespace, status={"phase": phase, "containerStatuses": [status]}, **more)


def focus(*namespaces: str, reach: Scope | None = None, **more: Any) -> Focus:
    return Focus(cluster="east", namespaces=namespaces, since=NOW, until=NOW, reach=reach or Scope(), **more)


async def look(
    reader: FakeReader, at: Focus, *names: str, metrics: Any = None, deadline_seconds: float = 5.0
) -> ClusterSnapshot:
    collectors = [ALL[name] for name in names or ALL]
    cluster = Cluster(name="east", reader=reader, metrics=metrics)
    return await gather(cluster, at, SystemClock(), collectors, GatherLimits(deadline_seconds=deadline_seconds))


async def test_focus_is_read_first_and_nothing_twice_when_the_reach_is_everything() -> None:
    reader = FakeReader([pod("a", "shop"), pod("b", "other")])
    shot = await look(reader, focus("shop"), "pods")
    assert reader.asked == ["list pods shop", "list pods * metadata.namespace!=shop"]
    assert [each["metadata"]["name"] for each in shot.of_kind("Pod")] == ["a", "b"]
    assert not shot.gaps


async def test_nothing_outside_the_reach_is_read_when_it_names_namespaces() -> None:
    objects = [pod(name, name, restarts=2) for name in ("shop", "shop-eu", "bank")]
    reader = FakeReader([*objects, *(item("Namespace", name) for name in ("shop", "shop-eu", "bank"))])
    shot = await look(reader, focus("shop", "bank", reach=Scope(namespaces=("shop*",))))
    assert {each["metadata"]["namespace"] for each in shot.of_kind("Pod")} == {"shop", "shop-eu"}
    namespaced = [asked for asked in reader.asked if asked.startswith(("list pods", "logs", "list events"))]
    assert namespaced
    assert not [asked for asked in namespaced if "bank" in asked or "*" in asked.split(" metadata")[0]]


async def test_plain_namespaces_are_read_without_listing_them_when_the_reach_has_no_pattern() -> None:
    reader = FakeReader([pod("a", "shop")])
    reader.refuse["namespaces"] = AccessDenied("no")
    shot = await look(reader, focus(reach=Scope(namespaces=("shop",))), "pods")
    assert len(shot.of_kind("Pod")) == 1
    assert not shot.gaps


async def test_rest_is_read_and_the_gap_named_when_one_list_is_denied() -> None:
    reader = FakeReader([pod("a", "shop"), item("Node", "n1")])
    reader.refuse["nodes"] = AccessDenied("ops cannot list nodes", next_step="bind the role")
    reader.refuse["pods@"] = AccessDenied("ops cannot list pods cluster-wide")
    shot = await look(reader, focus("shop"), "pods", "nodes")
    assert len(shot.of_kind("Pod")) == 1
    assert {gap.query for gap in shot.gaps} == {"list nodes", "list pods"}
    assert "bind the role" in {gap.next_step for gap in shot.gaps}


async def test_one_gap_says_it_all_when_the_cluster_is_down() -> None:
    reader = FakeReader([pod("a", "shop")])
    reader.is_down = ClusterUnreachable("east refuses connections", next_step="start it")
    shot = await look(reader, focus("shop"))
    assert not list(shot.kinds())
    assert not reader.asked
    cluster_gaps = [gap for gap in shot.gaps if gap.reason == "east refuses connections"]
    assert len(cluster_gaps) == 1
    assert {gap.source for gap in shot.gaps} == {"cluster", "metrics"}


async def test_gather_ends_at_its_deadline_when_a_list_hangs() -> None:
    reader = FakeReader([pod("a", "shop"), item("Node", "n1")])
    reader.hangs.add("nodes")
    began = time.monotonic()
    shot = await look(reader, focus("shop"), "pods", "nodes", "logs", deadline_seconds=0.3)
    assert time.monotonic() - began < 3
    assert len(shot.of_kind("Pod")) == 1
    assert [gap.source for gap in shot.gaps] == ["nodes"]


async def test_gap_says_that_a_list_was_cut_when_there_are_too_many_events() -> None:
    reader = FakeReader([item("Event", f"e{n}", "shop") for n in range(5_001)])
    shot = await look(reader, focus("shop"), "events")
    assert len(shot.of_kind("Event")) == 5_000
    assert "5000" in shot.gaps[0].reason


async def test_other_collectors_go_on_when_one_is_broken() -> None:
    @dataclass(frozen=True)
    class Broken:
        id: str = "broken"
        needs: tuple[str, ...] = ()

        async def collect(self, cluster: Cluster, focus: Focus, so_far: Sequence[Json], clock: Clock) -> Gathered:
            raise ZeroDivisionError

    cluster = Cluster("east", FakeReader([pod("a", "shop")]))
    shot = await gather(cluster, focus("shop"), SystemClock(), [Broken(), ALL["pods"]], GatherLimits())
    assert len(shot.of_kind("Pod")) == 1
    assert "ZeroDivisionError" in shot.gaps[0].reason


async def test_gather_refuses_when_a_needed_collector_is_not_there() -> None:
    with pytest.raises(BadInput, match="needs pods"):
        await look(FakeReader(), focus(), "logs")


async def test_values_of_configuration_never_enter_the_snapshot() -> None:
    config = item("ConfigMap", "app", "shop", data={"app.yaml": "password: hunter2", "mode": "x"})
    config["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "hunter2", "a": "b"}
    reader = FakeReader([config, item("Secret", "s", "shop", data={"p": "hunter2"})])
    shot = await look(reader, focus("shop"))
    assert shot.of_kind("ConfigMap")[0]["data"] == {"app.yaml": "[17 characters]", "mode": "[1 characters]"}
    assert shot.of_kind("Secret") == ()
    assert "hunter2" not in str(list(shot.of_kind("ConfigMap")))
    assert not [asked for asked in reader.asked if "secrets" in asked]


async def test_logs_of_unhealthy_pods_are_read_current_and_previous() -> None:
    reader = FakeReader([pod("sick", "shop", restarts=3), pod("well", "shop"), pod("far", "bank", ready=False)])
    reader.texts = {
        ("sick", "main", True): "OOM",
        ("sick", "main", False): "starting",
        ("far", "main", False): "waiting",
    }
    shot = await look(reader, focus("shop"), "pods", "logs")
    read = [(log.object.name, log.is_previous, log.text) for log in shot.logs]
    assert read == [("sick", True, "OOM"), ("sick", False, "starting"), ("far", False, "waiting")]
    assert shot.logs[0].container == "main"


async def test_logs_of_healthy_pods_are_read_when_the_focus_names_them() -> None:
    objects = [pod("chat-1", "shop"), pod("other-1", "shop"), pod("named", "bank")]
    reader = FakeReader(objects)
    reader.texts = {(name, "main", False): "hello" for name in ("chat-1", "other-1", "named")}
    named = ObjectRef(cluster="east", kind="Pod", namespace="bank", name="named")
    shot = await look(reader, focus("shop", services=("chat",), objects=(named,)), "pods", "logs")
    assert [log.object.name for log in shot.logs] == ["named", "chat-1"]


async def test_logs_stay_within_their_budget_when_hundreds_of_pods_are_sick() -> None:
    owners = [[{"uid": f"rs-{n % 40}"}] for n in range(400)]
    pods = [pod(f"p{n}", "shop", restarts=1) for n in range(400)]
    for each, owner in zip(pods, owners, strict=True):
        each["metadata"]["ownerReferences"] = owner
    reader = FakeReader(pods)
    await look(reader, focus("shop"), "pods", "logs")
    assert len([asked for asked in reader.asked if asked.startswith("logs")]) == 30


async def test_missing_previous_log_is_no_gap_but_a_denied_one_is() -> None:
    reader = FakeReader([pod("a", "shop", restarts=1), pod("b", "shop", restarts=1)])
    reader.texts = {
        ("a", "main", True): BadInput("previous terminated container not found"),
        ("b", "main", False): AccessDenied("cannot get pods/log"),
    }
    shot = await look(reader, focus("shop"), "pods", "logs")
    assert [gap.query for gap in shot.gaps] == ["logs shop/b main"]


class FakeMetrics:
    """Answers every query with one series of the reach and one of elsewhere."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.asked: list[str] = []

    async def instant(self, query: str, at: datetime | None = None) -> Sequence[Series]:
        self.asked.append(query)
        if self.error:
            raise self.error
        return [Series({"namespace": name}, [(1.0, 2.0)]) for name in ("shop", "bank")]

    async def range(self, query: str, start: datetime, end: datetime, step_seconds: float) -> Sequence[Series]:
        assert start < end
        assert step_seconds >= 15
        return await self.instant(query)

    async def ready(self) -> str:
        return "2"


async def test_metrics_are_scoped_and_series_outside_the_reach_dropped_when_asked() -> None:
    metrics = FakeMetrics()
    reader = FakeReader()
    reader.raws["/apis/metrics.k8s.io/v1beta1/namespaces/shop/pods"] = {
        "items": [{"metadata": {"name": "a", "namespace": "shop"}}]
    }
    reader.raws["/apis/metrics.k8s.io/v1beta1/nodes"] = {"items": []}
    shot = await look(reader, focus("shop", "bank", reach=Scope(namespaces=("shop",))), "metrics", metrics=metrics)
    assert {series.labels["namespace"] for answer in shot.metrics for series in answer.series} == {"shop"}
    assert 'namespace=~"shop"' in metrics.asked[0]
    assert {"container_memory", "gpu_xid", "vllm_requests_waiting"} <= {answer.key for answer in shot.metrics}
    assert [each["metadata"]["name"] for each in shot.of_kind("PodMetrics")] == ["a"]


async def test_metrics_are_one_gap_when_prometheus_is_dead() -> None:
    metrics = FakeMetrics(MetricsUnreachable("nobody listens"))
    shot = await look(FakeReader(), focus("shop"), "metrics", metrics=metrics)
    assert len(metrics.asked) == 1
    assert [gap.reason for gap in shot.gaps] == ["nobody listens"]


async def test_custom_objects_are_read_when_an_operator_serves_them() -> None:
    reader = FakeReader([item("InferenceService", "llm", "shop")])
    reader.served = [
        ResourceKind("serving.kserve.io", "v1beta1", "inferenceservices", "InferenceService", True, verbs=("list",)),
        ResourceKind("example.com", "v1", "secretsauces", "SecretSauce", True, verbs=("list",)),
    ]
    reader.refuse["webhooks"] = ObjectNotFound("none")
    shot = await look(reader, focus("shop"), "custom")
    assert list(shot.kinds()) == ["InferenceService"]
    assert reader.asked == ["list inferenceservices shop"]


async def test_empty_cluster_has_no_gap_but_metrics_when_everything_is_read() -> None:
    shot = await look(FakeReader(), focus())
    assert [gap.query for gap in shot.gaps] == ["Prometheus"]
