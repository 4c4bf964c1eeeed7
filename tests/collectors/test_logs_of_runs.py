"""Whose logs are read although nothing looks wrong: a run that diverges says so in its log alone."""

from __future__ import annotations

from datetime import UTC, datetime

from knowledge.vocabulary import Focus, Json
from tools.collectors.logs import MAX_HEALTHY, choose

NOW = datetime(2026, 3, 17, tzinfo=UTC)


def well(name: str, restart_policy: str, *, namespace: str = "ml", phase: str = "Running") -> Json:
    status = {
        "name": "main",
        "ready": True,
        "restartCount": 0,
        "state": {"running": {"startedAt": "2026-03-16T00:00:00Z"}},
    }
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"restartPolicy": restart_policy, "containers": [{"name": "main"}]},
        "status": {"phase": phase, "containerStatuses": [status]},
    }


def chosen(*pods: Json, namespaces: tuple[str, ...] = ()) -> list[str]:
    focus = Focus(cluster="lab", namespaces=namespaces, since=NOW, until=NOW)
    return [one.pod["metadata"]["name"] for one in choose(pods, focus)]


def test_log_of_a_run_under_way_is_read_and_that_of_a_well_service_is_not() -> None:
    pods = [well("train", "Never"), well("web", "Always"), well("done", "Never", phase="Succeeded")]
    assert chosen(*pods) == ["train"]


def test_run_elsewhere_is_left_alone_when_a_namespace_is_named() -> None:
    assert chosen(well("train", "OnFailure", namespace="other"), namespaces=("ml",)) == []


def test_no_more_than_a_few_well_pods_are_read() -> None:
    assert len(chosen(*(well(f"run-{number}", "Never") for number in range(50)))) == MAX_HEALTHY
