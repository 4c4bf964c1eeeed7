"""A freeze is heard between the requests of one step, and an undo touches no stranger that looks like what we wrote."""

from __future__ import annotations

import pytest

from knowledge.vocabulary import ApiRequest, ExecutionStatus, StepOutcome
from tests.execution.test_each_write_once import SCALE, SET, MemoryLog, image, review_of, runner_of, world
from tests.fakes.memory_cluster import MemoryCluster, pod
from tools.execution.runner import StepRunner

DRAIN = "kubectl drain n1 --ignore-daemonsets"


def crowded() -> MemoryCluster:
    cluster = world()
    cluster.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "spec": {}})
    current = next(item for item in cluster.objects.values() if item["kind"] == "ReplicaSet")
    for number in range(2, 6):
        cluster.put(pod(f"web-{number}", current))
    return cluster


@pytest.mark.parametrize("seen", [1, 2, 4])
async def test_freeze_in_the_middle_of_a_drain_is_heard_before_the_next_eviction(seen: int) -> None:
    cluster, log = crowded(), MemoryLog()
    review = await review_of(cluster, DRAIN)

    def freeze(request: ApiRequest, number: int) -> str:
        del request
        if number == seen:
            log.stop = "frozen: maintenance"
        return ""

    cluster.mischief = freeze
    ending = await runner_of(cluster, review, log).run()
    assert (ending.status, ending.message) == (ExecutionStatus.CANCELLED, "stopped in step 0: frozen: maintenance")
    assert len(cluster.writes) == seen
    assert {one.outcome for one in log.results.values()} == {StepOutcome.DONE}


async def test_undo_leaves_an_object_alone_that_was_made_anew_and_looks_as_we_left_ours() -> None:
    cluster, log = world(), MemoryLog()
    runner: StepRunner = runner_of(cluster, await review_of(cluster, SET + SCALE), log)
    assert (await runner.run()).status is ExecutionStatus.DONE
    cluster.at("Deployment", "web")["metadata"]["uid"] = "somebody-elses"
    ending = await runner.undo()
    assert ending.status is ExecutionStatus.UNDO_FAILED
    assert "/metadata/uid" in ending.message
    assert image(cluster).endswith(":2")


async def test_delete_is_void_when_somebody_wrote_into_the_object_since_the_review() -> None:
    cluster = world()
    settings = {"name": "settings", "namespace": "shop"}
    cluster.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": settings, "data": {"a": "1"}})
    review = await review_of(cluster, "kubectl delete configmap settings -n shop")
    cluster.at("ConfigMap", "settings")["data"] = {"a": "1", "b": "somebody's work"}
    ending = await runner_of(cluster, review, MemoryLog()).run()
    assert (ending.status, cluster.writes) == (ExecutionStatus.FAILED, [])
    assert "/data" in ending.message


async def test_deleted_object_is_made_again_as_it_was_when_it_is_taken_back() -> None:
    cluster, log = world(), MemoryLog()
    settings = {"name": "settings", "namespace": "shop", "labels": {"app": "web"}}
    cluster.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": settings, "data": {"a": "1"}})
    runner = runner_of(cluster, await review_of(cluster, "kubectl delete configmap settings -n shop"), log)
    assert (await runner.run()).status is ExecutionStatus.DONE
    ending = await runner.undo()
    assert ending.status is ExecutionStatus.UNDONE, ending
    again = cluster.at("ConfigMap", "settings")
    assert (again["data"], again["metadata"]["labels"]) == ({"a": "1"}, {"app": "web"})
