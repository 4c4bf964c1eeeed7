"""The kubelets end, restart, probe and log containers as real ones do; the scheduler says why a pod waits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from evals.practice.errors import ApiError
from evals.practice.hooks import LogRequest
from evals.practice.store import copy_of
from tests.practice.faults.world import World, two_node_world

Object = dict[str, Any]
FOREVER = ["sh", "-c", "trap exit TERM; while true; do sleep 1; done"]


@pytest.fixture
def world() -> Iterator[World]:
    with two_node_world() as found:
        yield found


def run(world: World, name: str = "one", *, wait: float = 2.0, policy: str = "Always", **container: Any) -> Object:
    """Create a pod of one busybox container and return it after a while."""
    body: Object = {"name": "app", "image": "rig.local/busybox:1", "command": FOREVER, "resources": {}, **container}
    spec = {"containers": [body], "restartPolicy": policy, "terminationGracePeriodSeconds": 2}
    world.store.create("pods", {"metadata": {"name": name, "namespace": "work", "labels": {"app": name}}, "spec": spec})
    world.wait(wait)
    return world.store.get("pods", "work", name)


def state(pod: Object) -> Object:
    found: Object = pod["status"]["containerStatuses"][0]
    return found


@pytest.mark.parametrize(
    ("command", "phase", "code", "reason"),
    [
        (["sh", "-c", "echo done"], "Succeeded", 0, "Completed"),
        (["sh", "-c", "echo boom; exit 3"], "Failed", 3, "Error"),
        (["memhog", "200"], "Failed", 137, "OOMKilled"),
    ],
)
def test_pod_that_is_never_restarted_keeps_its_end(
    world: World, command: list[str], phase: str, code: int, reason: str
) -> None:
    pod = run(world, policy="Never", command=command, resources={"limits": {"memory": "48Mi"}})
    ended = state(pod)["state"]["terminated"]
    assert (pod["status"]["phase"], ended["exitCode"], ended["reason"]) == (phase, code, reason)


def test_crash_loop_restarts_at_once_then_backs_off(world: World) -> None:
    pod = run(world, command=["sh", "-c", 'echo "FATAL: no config"; exit 3'], wait=0.6)
    assert world.until(lambda: state(world.store.get("pods", "work", "one"))["restartCount"] >= 2)
    pod = world.store.get("pods", "work", "one")
    assert world.log(pod, previous=True) == "FATAL: no config"
    backoffs = world.events("work", "BackOff")
    assert backoffs == [f"Back-off restarting failed container app in pod one_work({pod['metadata']['uid']})"]


def test_image_of_a_pod_can_be_put_right(world: World) -> None:
    run(world, image="rig.local/missing:9")
    changed = copy_of(world.store.get("pods", "work", "one"))
    changed["spec"]["containers"][0]["image"] = "rig.local/busybox:1"
    world.store.update("pods", changed)
    world.wait(1)
    assert world.store.get("pods", "work", "one")["status"]["phase"] == "Running"


def test_missing_configmap_mount_blocks_until_it_exists(world: World) -> None:
    spec = {"containers": [{"name": "app", "image": "rig.local/busybox:1", "command": FOREVER,
                            "volumeMounts": [{"name": "v", "mountPath": "/v"}]}],
            "volumes": [{"name": "v", "configMap": {"name": "ghost"}}]}  # fmt: skip
    world.store.create("pods", {"metadata": {"name": "one", "namespace": "work"}, "spec": spec})
    world.wait(1)
    assert world.events("work", "FailedMount") == [
        'MountVolume.SetUp failed for volume "v" : configmap "ghost" not found'
    ]
    world.store.create("configmaps", {"metadata": {"name": "ghost", "namespace": "work"}, "data": {"a": "b"}})
    world.wait(1)
    assert world.store.get("pods", "work", "one")["status"]["phase"] == "Running"


def test_liveness_probe_restarts_a_container_that_does_not_listen(world: World) -> None:
    pod = run(
        world, livenessProbe={"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1, "failureThreshold": 2}
    )
    assert state(pod)["restartCount"] >= 1
    assert "Container app failed liveness probe, will be restarted" in world.events("work", "Killing")


def test_readiness_probe_keeps_a_container_unready(world: World) -> None:
    probe = {"exec": {"command": ["sh", "-c", "echo not yet; exit 1"]}, "periodSeconds": 1}
    pod = run(world, readinessProbe=probe)
    assert (pod["status"]["phase"], state(pod)["ready"], state(pod)["started"]) == ("Running", False, True)
    assert "Readiness probe failed: not yet\n" in world.events("work", "Unhealthy")


def test_init_containers_run_first_and_in_order(world: World) -> None:
    busybox = {"image": "rig.local/busybox:1"}
    spec = {"initContainers": [{"name": "one", "command": ["true"], **busybox}, {"name": "two", "command": ["sleep", "7200"], **busybox}],
            "containers": [{"name": "app", "command": FOREVER, **busybox}]}  # fmt: skip
    world.store.create("pods", {"metadata": {"name": "inits", "namespace": "work"}, "spec": spec})
    world.wait(1)
    status = world.store.get("pods", "work", "inits")["status"]
    assert status["phase"] == "Pending"
    assert [list(one["state"]) for one in status["initContainerStatuses"]] == [["terminated"], ["running"]]
    assert state({"status": status})["state"]["waiting"]["reason"] == "PodInitializing"


@pytest.mark.parametrize(
    ("container", "message"),
    [
        ({"image": "rig.local/missing:9"}, "trying and failing to pull image"),
        ({"envFrom": [{"configMapRef": {"name": "ghost"}}]}, "CreateContainerConfigError"),
    ],
)
def test_log_of_a_container_that_never_ran_is_refused_in_the_kubelets_words(
    world: World, container: Object, message: str
) -> None:
    pod = run(world, **container)
    assert world.running.logs is not None
    with pytest.raises(ApiError) as refused:
        world.running.logs.lines(LogRequest(pod, "app", False, False))
    assert str(refused.value) == f'container "app" in pod "one" is waiting to start: {message}'


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"resources": {"requests": {"cpu": "100"}}}, ("2 Insufficient cpu. preemption: 0/2 nodes are available: "
         "2 No preemption victims found for incoming pod.")),
        ({"resources": {"limits": {"nvidia.com/gpu": "1"}}}, ("2 Insufficient nvidia.com/gpu. preemption: 0/2 nodes are available: "
         "2 No preemption victims found for incoming pod.")),
    ],
)  # fmt: skip
def test_pod_without_a_node_says_what_is_missing(world: World, asked: Object, reason: str) -> None:
    pod = run(world, **asked)
    found = pod["status"]["conditions"][0]
    assert (found["reason"], found["message"]) == ("Unschedulable", f"0/2 nodes are available: {reason}")
    assert world.events("work", "FailedScheduling")


def test_deleted_pod_is_gone_after_its_program_has_stopped(world: World) -> None:
    run(world)
    world.store.mark_deleted("pods", "work", "one")
    assert "deletionTimestamp" in world.store.get("pods", "work", "one")["metadata"]
    world.wait(1)
    assert world.store.find("pods", "work", "one") is None
    assert world.events("work", "Killing") == ["Stopping container app"]


def test_running_pods_are_taken_over_by_the_next_controllers(world: World) -> None:
    from evals.practice.controllers import FAST, start

    before = run(world)
    world.running.stop()
    world.running = start(world.store, world.clock, timing=FAST)
    world.wait(2)
    after = world.store.get("pods", "work", "one")
    assert state(after)["containerID"] == state(before)["containerID"]
    assert state(after)["restartCount"] == 0
