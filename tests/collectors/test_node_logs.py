"""System logs of nodes: of those that matter, within the reach, and what was left out is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from knowledge.vocabulary import Focus, Json, ObjectRef, Scope
from tests.fakes.cluster_reader import FakeReader
from tests.fakes.loki_server import FakeLoki, running_loki
from tests.shared_library import shared_library
from tools.adapters.loki import Loki
from tools.adapters.system_clock import SystemClock
from tools.collectors import node_logs
from tools.collectors.node_logs import COLLECTOR, choose
from tools.contracts import Gathered
from tools.ports import Cluster
from tools.snapshot import ClusterSnapshot

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def node(name: str, *, ready: str = "True") -> Json:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "uid": f"uid-{name}"},
            "status": {"conditions": [{"type": "Ready", "status": ready}]}}  # fmt: skip


def pod(name: str, on: str, *, ready: bool = True, namespace: str = "shop") -> Json:
    status = {"name": "main", "ready": ready, "restartCount": 0, "state": {"running": {}}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": namespace},
            "spec": {"nodeName": on}, "status": {"phase": "Running", "containerStatuses": [status]}}  # fmt: skip


def focus(*objects: ObjectRef, reach: Scope | None = None) -> Focus:
    since = NOW - timedelta(hours=1)
    return Focus(cluster="east", namespaces=("shop",), since=since, until=NOW, objects=objects, reach=reach or Scope())


async def collect(loki: FakeLoki | None, objects: list[Json], at: Focus) -> Gathered:
    logs = Loki(loki.url) if loki else None
    return await COLLECTOR.collect(Cluster("east", FakeReader(), logs=logs), at, objects, SystemClock())


def push(loki: FakeLoki, name: str, text: str, minutes_ago: float = 5) -> None:
    loki.push(NOW - timedelta(minutes=minutes_ago), {"job": "systemd-journal", "hostname": name}, text)


async def test_log_of_a_node_is_found_by_the_detectors_when_its_kernel_speaks() -> None:
    nodes = [node("gpu-1", ready="False"), node("gpu-2")]
    with running_loki() as loki:
        push(loki, "gpu-1", "kernel: NVRM: Xid (PCI:0000:3b:00): 79, pid=1, GPU has fallen off the bus.")
        push(loki, "gpu-2", "kernel: NVRM: Xid (PCI:0000:3b:00): 79, pid=1, GPU has fallen off the bus.")
        gathered = await collect(loki, nodes, focus())
    assert [(log.object.kind, log.object.name, log.object.uid) for log in gathered.logs] == [
        ("Node", "gpu-1", "uid-gpu-1")
    ]
    snapshot = ClusterSnapshot("east", focus(), NOW, objects=nodes, logs=gathered.logs)
    findings = shared_library().detect(snapshot)
    assert "gpu-xid-79-fallen-off-bus" in {one.fault for one in findings if one.object.name == "gpu-1"}


def test_nodes_are_chosen_by_name_then_trouble_then_what_they_carry() -> None:
    nodes = [node("idle"), node("serving"), node("sick", ready="Unknown"), node("named")]
    pods = [pod("web-1", "serving", ready=False), pod("other", "idle")]
    at = focus(ObjectRef(cluster="east", kind="Node", name="named"))
    assert [one["metadata"]["name"] for one in choose([*nodes, *pods], at)] == ["named", "sick", "serving"]


async def test_nothing_is_read_when_the_reach_is_not_every_namespace() -> None:
    with running_loki() as loki:
        gathered = await collect(loki, [node("gpu-1", ready="False")], focus(reach=Scope(namespaces=("shop",))))
        assert loki.server is not None
        assert not loki.server.asked
    assert not gathered.logs


async def test_nothing_is_said_when_no_logs_are_configured() -> None:
    gathered = await collect(None, [node("gpu-1", ready="False")], focus())
    assert not gathered.logs
    assert not gathered.gaps


async def test_gap_says_so_when_the_server_is_not_there() -> None:
    cluster = Cluster("east", FakeReader(), logs=Loki("http://127.0.0.1:9"))
    gathered = await COLLECTOR.collect(cluster, focus(), [node("gpu-1", ready="False")], SystemClock())
    assert "cannot be reached" in gathered.gaps[0].reason


async def test_newest_lines_are_kept_and_the_gap_told_when_there_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_logs, "MAX_BYTES_EACH", 2_000)
    with running_loki() as loki:
        for number in range(100):
            push(loki, "gpu-1", f"line {number:03d}", minutes_ago=50 - number / 10)
        gathered = await collect(loki, [node("gpu-1", ready="False")], focus())
    text = gathered.logs[0].text
    assert text.endswith("line 099")
    assert len(text) <= 2_000
    assert "oldest" in gathered.gaps[0].reason
