"""Workload controllers do what a real cluster does, seen through the objects alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from evals.practice.controllers.cronjob import next_time, parse_schedule
from evals.practice.store import copy_of
from tests.practice.faults.world import World, two_node_world

Object = dict[str, Any]
GOOD, OTHER, BAD = "rig.local/busybox:1", "rig.local/busybox:2", "rig.local/missing:9"
FOREVER = ["sh", "-c", "trap exit TERM; while true; do sleep 1; done"]


@pytest.fixture
def world() -> Iterator[World]:
    with two_node_world() as found:
        yield found


def template(app: str, image: str = GOOD, command: list[str] | None = None, **spec: Any) -> Object:
    container = {"name": "app", "image": image, "command": command or FOREVER, "resources": {}}
    body: Object = {"terminationGracePeriodSeconds": 2, "restartPolicy": "Always", "containers": [container], **spec}
    return {"metadata": {"labels": {"app": app}}, "spec": body}


def deployment(name: str = "web", replicas: int = 3, **spec: Any) -> Object:
    return {
        "metadata": {"name": name, "namespace": "work", "labels": {"app": name}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": template(name),
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 1}},
            "progressDeadlineSeconds": 60,
            "revisionHistoryLimit": 3,
            **spec,
        },
    }


def create(world: World, resource: str, obj: Object) -> None:
    world.store.create(resource, obj)


def patch(world: World, resource: str, name: str, **spec: Any) -> None:
    changed = copy_of(world.store.get(resource, "work", name))
    changed["spec"].update(spec)
    world.store.update(resource, changed)


def set_image(world: World, resource: str, name: str, image: str) -> None:
    changed = copy_of(world.store.get(resource, "work", name))
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = image
    world.store.update(resource, changed)


def reason(world: World, kind: str = "Progressing") -> str:
    rows = world.store.get("deployments.apps", "work", "web")["status"]["conditions"]
    return str(next(one["reason"] for one in rows if one["type"] == kind))


def test_deployment_becomes_available_and_says_so_in_events(world: World) -> None:
    create(world, "deployments.apps", deployment())
    world.wait(1)
    assert world.is_settled("work", "web")
    assert reason(world) == "NewReplicaSetAvailable"
    assert any(text.startswith("Scaled up replica set web-") for text in world.events("work", "ScalingReplicaSet"))
    assert len(world.events("work", "SuccessfulCreate")) == 3


def test_rolling_update_never_leaves_its_bounds(world: World) -> None:
    create(world, "deployments.apps", deployment(replicas=4))
    world.wait(1)
    seen: list[tuple[int, int]] = []

    def note(_change: object) -> None:
        status = world.store.get("deployments.apps", "work", "web")["status"]
        seen.append((int(status.get("replicas", 0)), int(status.get("availableReplicas", 0))))

    world.store.subscribe(note, "deployments.apps")
    set_image(world, "deployments.apps", "web", OTHER)
    world.wait(2)
    assert world.is_settled("work", "web")
    assert max(total for total, _ in seen) <= 5
    assert min(available for _, available in seen) >= 3


def test_bad_image_stops_at_the_bounds_and_the_old_template_rolls_back(world: World) -> None:
    create(world, "deployments.apps", deployment())
    world.wait(1)
    set_image(world, "deployments.apps", "web", BAD)
    world.wait(4)
    status = world.store.get("deployments.apps", "work", "web")["status"]
    assert (status["replicas"], status["updatedReplicas"], status["availableReplicas"]) == (4, 2, 2)
    assert reason(world) == "ProgressDeadlineExceeded"
    set_image(world, "deployments.apps", "web", GOOD)
    world.wait(1)
    assert world.is_settled("work", "web")
    sets = world.store.list("replicasets.apps", "work")
    notes = [one["metadata"]["annotations"] for one in sets if one["spec"]["replicas"]]
    assert [one["deployment.kubernetes.io/revision"] for one in notes] == ["3"]
    assert [one["deployment.kubernetes.io/revision-history"] for one in notes] == ["1"]


def test_paused_deployment_moves_only_after_it_is_resumed(world: World) -> None:
    create(world, "deployments.apps", deployment())
    world.wait(1)
    patch(world, "deployments.apps", "web", paused=True)
    world.wait(0.2)
    set_image(world, "deployments.apps", "web", OTHER)
    world.wait(1)
    assert reason(world) == "DeploymentPaused"
    assert len(world.store.list("replicasets.apps", "work")) == 1
    patch(world, "deployments.apps", "web", paused=False)
    world.wait(1)
    assert world.is_settled("work", "web")
    assert len(world.store.list("replicasets.apps", "work")) == 2


def test_recreate_ends_every_old_pod_before_the_first_new_one(world: World) -> None:
    create(world, "deployments.apps", deployment(strategy={"type": "Recreate"}))
    world.wait(1)
    images: list[set[str]] = []

    def note(_change: object) -> None:
        images.append({pod["spec"]["containers"][0]["image"] for pod in world.store.list("pods", "work")})

    world.store.subscribe(note, "pods")
    set_image(world, "deployments.apps", "web", OTHER)
    world.wait(2)
    assert world.is_settled("work", "web")
    assert {GOOD, OTHER} not in images
    assert set() in images


def test_replicaset_replaces_a_deleted_pod(world: World) -> None:
    create(world, "deployments.apps", deployment(replicas=2))
    world.wait(1)
    victim = world.pods("work", "web")[0]["metadata"]["name"]
    world.store.mark_deleted("pods", "work", victim)
    world.wait(1)
    names = [pod["metadata"]["name"] for pod in world.pods("work", "web")]
    assert len(names) == 2
    assert victim not in names


def stateful(replicas: int = 2, image: str = GOOD) -> Object:
    claim = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
                                                    "resources": {"requests": {"storage": "1Mi"}}}}  # fmt: skip
    return {
        "metadata": {"name": "db", "namespace": "work"},
        "spec": {
            "serviceName": "db",
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "db"}},
            "template": template("db", image),
            "volumeClaimTemplates": [claim],
        },
    }


def test_statefulset_starts_in_order_rolls_backwards_and_keeps_its_claims(world: World) -> None:
    create(world, "statefulsets.apps", stateful())
    world.wait(2)
    assert world.events("work", "SuccessfulCreate")[:2] == [
        "create Claim data-db-0 Pod db-0 in StatefulSet db success",
        "create Pod db-0 in StatefulSet db successful",
    ]
    assert world.store.get("statefulsets.apps", "work", "db")["status"]["readyReplicas"] == 2
    set_image(world, "statefulsets.apps", "db", OTHER)
    world.wait(3)
    deleted = world.events("work", "SuccessfulDelete")
    assert deleted == ["delete Pod db-1 in StatefulSet db successful", "delete Pod db-0 in StatefulSet db successful"]
    status = world.store.get("statefulsets.apps", "work", "db")["status"]
    assert status["currentRevision"] == status["updateRevision"]
    patch(world, "statefulsets.apps", "db", replicas=1)
    world.wait(1)
    assert len(world.pods("work", "db")) == 1
    claims = world.store.list("persistentvolumeclaims", "work")
    assert [one["status"]["phase"] for one in claims] == ["Bound", "Bound"]


def test_daemonset_runs_on_each_node_and_a_bad_update_stops_at_the_first(world: World) -> None:
    made = {"metadata": {"name": "agent", "namespace": "work"},
            "spec": {"selector": {"matchLabels": {"app": "agent"}}, "template": template("agent")}}  # fmt: skip
    create(world, "daemonsets.apps", made)
    world.wait(1)
    assert {pod["spec"]["nodeName"] for pod in world.pods("work", "agent")} == {"rig-node-1", "rig-node-2"}
    set_image(world, "daemonsets.apps", "agent", BAD)
    world.wait(2)
    status = world.store.get("daemonsets.apps", "work", "agent")["status"]
    assert (status["numberReady"], status["updatedNumberScheduled"], status["numberUnavailable"]) == (1, 1, 1)


def job(name: str, command: list[str], **spec: Any) -> Object:
    body = template(name, command=command)
    body["spec"]["restartPolicy"] = "Never"
    return {"metadata": {"name": name, "namespace": "work"}, "spec": {"template": body, **spec}}


@pytest.mark.parametrize(
    ("command", "spec", "reasons", "counts"),
    [
        (["true"], {"completions": 2, "parallelism": 2}, {"CompletionsReached"}, {"succeeded": 2}),
        (["false"], {"backoffLimit": 1}, {"BackoffLimitExceeded"}, {"failed": 2}),
        (["sleep", "600"], {"activeDeadlineSeconds": 30}, {"DeadlineExceeded"}, {"failed": 1}),
    ],
)
def test_job_ends_as_its_spec_says(
    world: World, command: list[str], spec: Object, reasons: set[str], counts: Object
) -> None:
    create(world, "jobs.batch", job("one", command, **spec))
    world.wait(5)
    status = world.store.get("jobs.batch", "work", "one")["status"]
    assert {one["reason"] for one in status["conditions"]} == reasons
    assert counts.items() <= status.items()
    assert status["ready"] == status["terminating"] == 0


def test_suspended_job_has_no_pods_until_it_is_resumed(world: World) -> None:
    create(world, "jobs.batch", job("one", ["true"], suspend=True))
    world.wait(1)
    assert world.store.list("pods", "work") == []
    patch(world, "jobs.batch", "one", suspend=False)
    world.wait(2)
    assert world.store.get("jobs.batch", "work", "one")["status"]["succeeded"] == 1
    assert world.events("work", "Suspended") == ["Job suspended"]


def test_cronjob_runs_each_minute_and_keeps_three_successes(world: World) -> None:
    tick = {"metadata": {"name": "tick", "namespace": "work"},
            "spec": {"schedule": "* * * * *", "successfulJobsHistoryLimit": 3,
                     "jobTemplate": {"spec": job("x", ["true"])["spec"]}}}  # fmt: skip
    create(world, "cronjobs.batch", tick)
    world.wait(330)
    assert len(world.store.list("jobs.batch", "work")) == 3
    assert "lastSuccessfulTime" in world.store.get("cronjobs.batch", "work", "tick")["status"]
    assert any("Saw completed job: tick-" in text for text in world.events("work", "SawCompletedJob"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("*/15 * * * *", datetime(2026, 1, 1, 0, 15, tzinfo=UTC)),
        ("0 */6 * * *", datetime(2026, 1, 1, 6, 0, tzinfo=UTC)),
        ("30 2 * * 1-5", datetime(2026, 1, 1, 2, 30, tzinfo=UTC)),
        ("@weekly", datetime(2026, 1, 4, 0, 0, tzinfo=UTC)),
    ],
)
def test_schedule_names_the_next_time(text: str, expected: datetime) -> None:
    assert next_time(parse_schedule(text), datetime(2026, 1, 1, tzinfo=UTC)) == expected


def test_schedule_without_five_fields_is_refused() -> None:
    with pytest.raises(ValueError, match="five fields"):
        parse_schedule("every day")


def test_disruption_budget_counts_what_may_go(world: World) -> None:
    create(world, "deployments.apps", deployment())
    budget = {"metadata": {"name": "web", "namespace": "work"},
              "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}}}  # fmt: skip
    create(world, "poddisruptionbudgets.policy", budget)
    world.wait(1)
    status = world.store.get("poddisruptionbudgets.policy", "work", "web")["status"]
    assert (status["disruptionsAllowed"], status["currentHealthy"], status["expectedPods"]) == (1, 3, 3)


def test_quota_shows_what_is_used(world: World) -> None:
    quota = {"metadata": {"name": "q", "namespace": "work"}, "spec": {"hard": {"pods": "10", "requests.cpu": "2"}}}
    create(world, "resourcequotas", quota)
    body = deployment(replicas=2)
    body["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "50m"}}
    create(world, "deployments.apps", body)
    world.wait(1)
    assert world.store.get("resourcequotas", "work", "q")["status"]["used"] == {"pods": "2", "requests.cpu": "100m"}


def test_endpoints_follow_readiness_and_the_selector(world: World) -> None:
    create(world, "deployments.apps", deployment(replicas=2))
    create(world, "services", {"metadata": {"name": "web", "namespace": "work"},
                               "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}})  # fmt: skip
    world.wait(1)
    subset = world.store.get("endpoints", "work", "web")["subsets"][0]
    assert len(subset["addresses"]) == 2
    assert subset["ports"][0]["port"] == 8080
    slices = world.store.list("endpointslices.discovery.k8s.io", "work")
    assert [len(one["endpoints"]) for one in slices] == [2]
    patch(world, "services", "web", selector={"app": "nobody"})
    world.wait(1)
    assert "subsets" not in world.store.get("endpoints", "work", "web")
