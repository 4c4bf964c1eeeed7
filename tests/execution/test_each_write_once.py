"""Each write once: done, told by its target, taken back, or a person is called."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from knowledge.errors import LeaseLost
from knowledge.vocabulary import ApiRequest, ExecutionStatus, Json, Review, StepOutcome, StepResult
from tests.fakes.memory_cluster import MemoryCluster, StillClock, deployment, pod, replica_set, service
from tools.execution.runner import Ending, StepRunner
from tools.ports import ApiAnswer
from tools.review import make_plan, review_plan
from tools.safety.offline import load_policy

POLICY = load_policy()


class Killed(BaseException):
    """The process dies: nothing may catch it."""


class MemoryLog:
    """What an executor recorded. ``die_at`` kills it at the n-th moment (a record, an intent, a send and its answer)."""

    def __init__(self) -> None:
        self.results: dict[str, StepResult] = {}
        self.intents: list[tuple[str, str]] = []
        self.stop = ""
        self.stop_after = -1
        self.asked = 0
        self.lost = False
        self.moment: Callable[[str], None] = lambda what: None

    async def stop_reason(self) -> str:
        self.asked += 1
        return self.stop if self.asked > self.stop_after else ""

    async def intend(self, step: int, step_key: str, request_digest: str) -> None:
        if self.lost:
            raise LeaseLost("another executor holds it")
        self.moment("before intent")
        self.intents.append((step_key, request_digest))
        self.results[step_key] = StepResult(step=step, step_key=step_key, outcome=StepOutcome.INTENDED)
        self.moment("after intent")

    async def record(self, result: StepResult) -> None:
        self.moment("before record")
        self.results[result.step_key] = result
        self.moment("after record")


def world() -> MemoryCluster:
    cluster = MemoryCluster(deployment(), service(), deployment("api"))
    current = cluster.put(replica_set(cluster.at("Deployment", "web"), 2, "registry.example.com/shop/web:1"))
    cluster.put(pod("web-1", current))
    return cluster


async def review_of(cluster: MemoryCluster, script: str) -> Review:
    plan = make_plan(script, incident_id="i", cluster="prod", written_by="desk", now=StillClock().now())
    review = await review_plan(plan, reader=cluster, writer=cluster, policy=POLICY, clock=StillClock())
    assert review.approvers_needed >= 0, [v.message.en for v in review.verdicts]
    return review


def runner_of(cluster: MemoryCluster, review: Review, log: MemoryLog, known: Sequence[StepResult] = ()) -> StepRunner:
    return StepRunner(
        execution_id="exec-1", review=review, reader=cluster, writer=cluster, log=log, clock=StillClock(),
        redact=lambda text: text, user_agent="opsdesk-executor (approved by ann)", known=known,
    )  # fmt: skip


async def run(cluster: MemoryCluster, script: str, log: MemoryLog | None = None) -> Ending:
    return await runner_of(cluster, await review_of(cluster, script), log or MemoryLog()).run()


def image(cluster: MemoryCluster, name: str = "web") -> str:
    return str(cluster.at("Deployment", name)["spec"]["template"]["spec"]["containers"][0]["image"])


SET = "kubectl set image deploy/web -n shop app=registry.example.com/shop/web:2\n"
SCALE = "kubectl scale deploy/api -n shop --replicas=3\n"
CREATE = "kubectl create configmap settings -n shop --from-literal=a=b\n"
NOTE = "kubectl annotate svc/web -n shop example.com/note=x\n"


async def test_plan_is_carried_out_with_intents_before_writes_and_marks_on_objects() -> None:
    cluster, log = world(), MemoryLog()
    ending = await run(
        cluster, SET + SCALE + CREATE + "kubectl get pods -n shop\nkubectl delete pod web-1 -n shop\n", log
    )
    assert ending.status is ExecutionStatus.DONE, ending.message
    assert image(cluster).endswith(":2")
    assert cluster.at("Deployment", "api")["spec"]["replicas"] == 3
    annotations = cluster.at("Deployment", "web")["metadata"]["annotations"]
    assert annotations["opsdesk.io/step"] == "exec-1/0/0"
    assert "ann" in annotations["opsdesk.io/by"]
    assert [key for key, _ in log.intents] == ["exec-1/0/0", "exec-1/1/0", "exec-1/2/0", "exec-1/4/0"]
    assert "web-1" in log.results["exec-1/3/0"].output
    assert {result.outcome for result in log.results.values()} == {StepOutcome.DONE}


async def test_marks_survive_when_a_later_step_opens_the_same_map() -> None:
    cluster = world()
    ending = await run(cluster, SET + "kubectl annotate deploy/web -n shop example.com/note=x\n")
    assert ending.status is ExecutionStatus.DONE, ending.message
    assert set(cluster.at("Deployment", "web")["metadata"]["annotations"]) == {
        "opsdesk.io/step",
        "opsdesk.io/by",
        "example.com/note",
    }


async def test_restart_keeps_what_others_wrote_into_the_template_since_the_review() -> None:
    cluster = world()
    review = await review_of(cluster, "kubectl rollout restart deploy/web -n shop")
    template = cluster.at("Deployment", "web")["spec"]["template"]["metadata"]
    template["annotations"] = {"theirs": "x"}
    assert (await runner_of(cluster, review, MemoryLog()).run()).status is ExecutionStatus.DONE
    kept = cluster.at("Deployment", "web")["spec"]["template"]["metadata"]["annotations"]
    assert set(kept) == {"theirs", "kubectl.kubernetes.io/restartedAt"}


async def test_write_is_asked_for_again_when_only_the_version_moved_meanwhile() -> None:
    cluster = world()
    template = cluster.at("Deployment", "web")["spec"]["template"]["metadata"]

    def busy(request: ApiRequest, number: int) -> str:
        if number == 1:
            item = copy.deepcopy(cluster.at("Deployment", "web"))
            item["spec"]["template"]["metadata"]["annotations"] = {"theirs": "x"}
            cluster.put(item)
        return ""

    cluster.mischief = busy
    assert "annotations" not in template
    ending = await run(cluster, "kubectl rollout restart deploy/web -n shop")
    assert ending.status is ExecutionStatus.DONE, ending.message
    kept = cluster.at("Deployment", "web")["spec"]["template"]["metadata"]["annotations"]
    assert set(kept) == {"theirs", "kubectl.kubernetes.io/restartedAt"}
    assert len(cluster.writes) == 1


async def test_nothing_is_written_when_a_touched_field_changed_since_the_review() -> None:
    cluster = world()
    review = await review_of(cluster, SET)
    cluster.at("Deployment", "web")["spec"]["template"]["spec"]["containers"][0]["image"] = (
        "registry.example.com/shop/web:7"
    )
    ending = await runner_of(cluster, review, MemoryLog()).run()
    assert ending.status is ExecutionStatus.FAILED
    assert cluster.sent == []


async def test_nothing_is_written_when_the_object_was_made_again() -> None:
    cluster = world()
    review = await review_of(cluster, SET)
    cluster.at("Deployment", "web")["metadata"]["uid"] = "another"
    assert (await runner_of(cluster, review, MemoryLog()).run()).status is ExecutionStatus.FAILED
    assert cluster.sent == []


async def test_write_is_rejected_when_the_field_changes_between_the_check_and_the_write() -> None:
    cluster = world()

    def meddle(request: ApiRequest, number: int) -> str:
        cluster.at("Deployment", "web")["spec"]["template"]["spec"]["containers"][0]["image"] = (
            "registry.example.com/shop/web:7"
        )
        return ""

    cluster.mischief = meddle
    assert (await run(cluster, SET)).status is ExecutionStatus.FAILED
    assert image(cluster).endswith(":7")


@pytest.mark.parametrize(
    "script",
    [SET, SCALE, CREATE, NOTE, "kubectl delete pod web-1 -n shop\n", "kubectl rollout restart deploy/web -n shop\n"],
)
@pytest.mark.parametrize("trick", ["lost", "500"])
async def test_lost_answer_is_told_by_the_target_and_never_sent_twice(script: str, trick: str) -> None:
    cluster, log = world(), MemoryLog()
    cluster.mischief = lambda request, number: trick
    ending = await run(cluster, script, log)
    assert ending.status is ExecutionStatus.DONE, ending.message
    assert len(cluster.writes) == 1
    assert "no answer came" in log.results["exec-1/0/0"].message


@pytest.mark.parametrize("script", [SET, SCALE, CREATE, "kubectl delete pod web-1 -n shop\n"])
async def test_dropped_write_is_a_failure_when_the_target_is_unchanged(script: str) -> None:
    cluster = world()
    cluster.mischief = lambda request, number: "dropped"
    ending = await run(cluster, script)
    assert ending.status is ExecutionStatus.FAILED
    assert cluster.writes == []
    assert len(cluster.sent) == 1


async def test_person_is_called_when_the_target_cannot_tell() -> None:
    cluster, log = world(), MemoryLog()

    def meddle(request: ApiRequest, number: int) -> str:
        cluster.at("Deployment", "web")["spec"]["template"]["spec"]["containers"][0]["image"] = (
            "registry.example.com/shop/web:7"
        )
        return "dropped"

    cluster.mischief = meddle
    ending = await run(cluster, SET + SCALE, log)
    assert ending.status is ExecutionStatus.UNKNOWN
    assert log.results["exec-1/0/0"].outcome is StepOutcome.UNKNOWN
    assert len(cluster.sent) == 1


async def test_what_was_done_is_undone_in_reverse_when_a_later_step_fails() -> None:
    cluster = world()
    cluster.mischief = lambda request, number: "dropped" if request.path.endswith("services/web") else ""
    ending = await run(cluster, SET + SCALE + CREATE + NOTE)
    assert ending.status is ExecutionStatus.UNDONE, ending.message
    assert image(cluster).endswith(":1")
    assert cluster.at("Deployment", "api")["spec"]["replicas"] == 2
    assert not any(item["kind"] == "ConfigMap" for item in cluster.objects.values())
    kinds = [request.path.rsplit("/", 2)[-2] for request in cluster.writes[3:]]
    assert kinds == ["configmaps", "api", "deployments"]


async def test_undo_stops_and_calls_a_person_when_somebody_changed_what_we_wrote() -> None:
    cluster = world()
    review = await review_of(cluster, SET + SCALE)
    log = MemoryLog()
    assert (await runner_of(cluster, review, log).run()).status is ExecutionStatus.DONE
    cluster.at("Deployment", "api")["spec"]["replicas"] = 9
    ending = await runner_of(cluster, review, log, list(log.results.values())).undo()
    assert ending.status is ExecutionStatus.UNDO_FAILED
    assert cluster.at("Deployment", "api")["spec"]["replicas"] == 9


async def test_undo_works_when_the_server_filled_in_defaults() -> None:
    cluster = world()
    probe = 'kubectl patch deploy/web -n shop -p \'{"spec":{"template":{"spec":{"containers":[{"name":"app","livenessProbe":{"periodSeconds":9}}]}}}}\'\n'
    review = await review_of(cluster, probe)
    log = MemoryLog()
    await runner_of(cluster, review, log).run()
    container = cluster.at("Deployment", "web")["spec"]["template"]["spec"]["containers"][0]
    container["livenessProbe"]["timeoutSeconds"] = 1
    ending = await runner_of(cluster, review, log, list(log.results.values())).undo()
    assert ending.status is ExecutionStatus.UNDONE, ending.message
    assert "livenessProbe" not in cluster.at("Deployment", "web")["spec"]["template"]["spec"]["containers"][0]


async def test_only_our_creation_is_deleted_when_it_is_taken_back() -> None:
    cluster = world()
    review = await review_of(cluster, CREATE)
    log = MemoryLog()
    await runner_of(cluster, review, log).run()
    cluster.at("ConfigMap", "settings")["metadata"]["uid"] = "somebody else's"
    ending = await runner_of(cluster, review, log, list(log.results.values())).undo()
    assert ending.status is ExecutionStatus.UNDO_FAILED
    assert cluster.at("ConfigMap", "settings")


async def test_execution_stops_between_steps_when_it_is_cancelled() -> None:
    cluster, log = world(), MemoryLog()
    log.stop, log.stop_after = "cancelled", 1
    ending = await run(cluster, SET + SCALE, log)
    assert ending.status is ExecutionStatus.CANCELLED
    assert len(cluster.writes) == 1


async def test_nothing_is_sent_when_another_executor_holds_the_lease() -> None:
    cluster, log = world(), MemoryLog()
    log.lost = True
    with pytest.raises(LeaseLost):
        await run(cluster, SET, log)
    assert cluster.sent == []


async def test_failed_read_is_said_and_stops_nothing() -> None:
    cluster, log = world(), MemoryLog()
    ending = await run(cluster, "kubectl get deploy/nosuch -n shop\n" + SET, log)
    assert ending.status is ExecutionStatus.DONE
    assert "not found" in log.results["exec-1/0/0"].output


async def test_plan_is_taken_back_when_what_it_waits_for_does_not_come() -> None:
    cluster = world()
    ending = await run(cluster, SET + "kubectl rollout status deploy/web -n shop --timeout=10s\n" + SCALE)
    assert ending.status is ExecutionStatus.UNDONE, ending.message
    assert "still waiting" in ending.message
    assert image(cluster).endswith(":1")
    cluster = world()
    web = cluster.at("Deployment", "web")
    web["status"] = {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
    assert (await run(cluster, SET + "kubectl rollout status deploy/web -n shop\n")).status is ExecutionStatus.DONE


async def test_eviction_is_asked_for_again_when_a_budget_holds_it_up() -> None:
    cluster = world()
    cluster.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "spec": {}})
    review = await review_of(cluster, "kubectl drain n1 --ignore-daemonsets")
    original, refusals = cluster._answer, [3]

    def held(request: ApiRequest) -> Any:
        if request.path.endswith("/eviction") and refusals[0]:
            refusals[0] -= 1
            return ApiAnswer(429, {"kind": "Status", "message": "budget"})
        return original(request)

    cluster._answer = held  # type: ignore[method-assign]
    ending = await runner_of(cluster, review, MemoryLog()).run()
    assert ending.status is ExecutionStatus.DONE, ending.message
    assert refusals == [0]
    assert not any(item["kind"] == "Pod" for item in cluster.objects.values())


PLAN = SET + SCALE + CREATE + NOTE + "kubectl delete pod web-1 -n shop\n"


async def _killed_at(moment: int, *, fails: bool) -> tuple[MemoryCluster, Ending]:
    """Kills the executor at the n-th moment of a plan, then lets a new one take over what the log and the cluster know."""
    cluster = world()
    review = await review_of(cluster, PLAN)
    log = MemoryLog()
    left = [moment]

    def tick(what: str) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed(what)

    def around(request: ApiRequest, number: int) -> str:
        tick("before send")
        return "dropped" if fails and request.path.endswith("services/web") else ""

    original = cluster.send

    async def send(request: ApiRequest, **options: Any) -> Any:
        answer = await original(request, **options)
        tick("after send")
        return answer

    log.moment, cluster.mischief = tick, around
    cluster.send = send  # type: ignore[method-assign]
    for _ in range(2):
        try:
            return cluster, await runner_of(cluster, review, log, list(log.results.values())).run()
        except Killed:
            continue
    raise AssertionError("killed twice")


@pytest.mark.parametrize("moment", range(1, 34))
async def test_each_write_is_made_once_when_the_executor_is_killed_at_any_moment(moment: int) -> None:
    cluster, ending = await _killed_at(moment, fails=False)
    assert ending.status is ExecutionStatus.DONE, ending.message
    assert sorted(request.path for request in cluster.writes) == sorted({request.path for request in cluster.writes})
    assert len(cluster.writes) == 5
    assert image(cluster).endswith(":2")


@pytest.mark.parametrize("moment", range(1, 48))
async def test_everything_is_taken_back_once_when_the_executor_is_killed_during_a_failing_plan(moment: int) -> None:
    cluster, ending = await _killed_at(moment, fails=True)
    assert ending.status is ExecutionStatus.UNDONE, ending.message
    assert image(cluster).endswith(":1")
    assert cluster.at("Deployment", "api")["spec"]["replicas"] == 2
    assert not any(item["kind"] == "ConfigMap" for item in cluster.objects.values())
    paths: list[Json] = [{"path": request.path, "body": request.body} for request in cluster.writes]
    assert all(paths.count(copy.deepcopy(one)) == 1 for one in paths)
