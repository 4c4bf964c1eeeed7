"""While a plan runs the cluster is held to what was reviewed; who cancels is heard in every wait; late writes are seen."""

from __future__ import annotations

from typing import Any

from knowledge.errors import ClusterUnreachable
from knowledge.vocabulary import ApiRequest, ExecutionStatus, Json, StepOutcome, StepResult
from tests.execution.test_each_write_once import SCALE, SET, MemoryLog, image, review_of, run, runner_of, world
from tests.fakes.memory_cluster import MemoryCluster
from tools.execution.runner import Ending
from tools.execution.sending import REREAD_SECONDS, REREADS, WRITE_SECONDS
from tools.ports import ApiAnswer

LIMIT = "kubectl set resources deploy/web -n shop --limits=memory=2Gi\n"
NOTE = "kubectl annotate deploy/api -n shop example.com/note=x\n"


def meddling(cluster: MemoryCluster, after: int, name: str, field: str, value: Any) -> None:
    """Somebody changes a Deployment's spec right before the executor's n-th write."""

    def meddle(request: ApiRequest, number: int) -> str:
        del request
        if number == after:
            spec = cluster.at("Deployment", name)["spec"]
            container = spec["template"]["spec"]["containers"][0]
            (container if field == "image" else spec)[field] = value
        return ""

    cluster.mischief = meddle


async def test_later_step_stops_when_what_an_earlier_one_left_was_changed_and_calls_a_person() -> None:
    cluster = world()
    meddling(cluster, 2, "web", "image", "registry.example.com/shop/web:9")
    ending = await run(cluster, SET + SCALE + LIMIT)
    assert "somebody has changed" in ending.message
    assert "since step 1" in ending.message
    assert ending.status is ExecutionStatus.UNDO_FAILED, "what is no longer ours is not taken back"
    assert image(cluster).endswith(":9")
    assert "2Gi" not in str(cluster.at("Deployment", "web"))


async def test_later_step_on_another_target_does_not_mind() -> None:
    cluster = world()
    meddling(cluster, 2, "web", "paused", value=True)
    assert (await run(cluster, SET + SCALE + NOTE)).status is ExecutionStatus.DONE


async def test_step_between_that_wrote_the_field_anew_is_the_one_that_counts() -> None:
    cluster = world()
    again = SET.replace("web:2", "web:3")
    ending = await run(cluster, SET + again + LIMIT)
    assert ending.status is ExecutionStatus.DONE, ending.message
    assert image(cluster).endswith(":3")


def budget_without_room(cluster: MemoryCluster, log: MemoryLog, stop_at: int) -> list[int]:
    """Evictions are refused for ever; at the n-th refusal somebody cancels."""
    original, asked = cluster._answer, [0]

    def held(request: ApiRequest) -> Any:
        if not request.path.endswith("/eviction"):
            return original(request)
        asked[0] += 1
        if asked[0] == stop_at:
            log.stop = "cancelled"
        return ApiAnswer(429, {"kind": "Status", "message": "budget"})

    cluster._answer = held  # type: ignore[method-assign]
    return asked


async def test_drain_that_a_budget_holds_up_hears_the_cancel() -> None:
    cluster, log = world(), MemoryLog()
    cluster.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "spec": {}})
    review = await review_of(cluster, "kubectl drain n1 --ignore-daemonsets")
    asked = budget_without_room(cluster, log, 2)
    ending = await runner_of(cluster, review, log).run()
    assert (ending.status, ending.message) == (ExecutionStatus.CANCELLED, "stopped in step 0: cancelled")
    assert asked == [2]
    assert log.results["exec-1/0/1"].outcome is StepOutcome.FAILED
    assert "cancelled" in log.results["exec-1/0/1"].message


async def test_wait_for_a_rollout_hears_the_freeze() -> None:
    cluster, log = world(), MemoryLog()
    log.stop_after, log.stop = 3, "frozen: maintenance"
    ending = await run(cluster, SET + "kubectl rollout status deploy/web -n shop --timeout=10m\n", log)
    assert ending.status is ExecutionStatus.CANCELLED
    assert "frozen: maintenance" in ending.message


async def test_late_write_is_seen_before_it_is_believed_that_nothing_was_done() -> None:
    cluster, log = world(), MemoryLog()
    review = await review_of(cluster, SET)
    late: list[ApiRequest] = []

    def keep(request: ApiRequest, number: int) -> str:
        del number
        late.append(request)
        return "dropped"

    cluster.mischief = keep
    runner = runner_of(cluster, review, log)
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if sum(slept) >= WRITE_SECONDS - 1 and late:
            assert cluster._answer(late.pop()).is_ok, "the server comes to it at its last moment"

    runner.clock.sleep = sleep  # type: ignore[method-assign]
    ending = await runner.run()
    assert ending.status is ExecutionStatus.DONE, ending.message
    assert image(cluster).endswith(":2")
    assert REREADS * REREAD_SECONDS > WRITE_SECONDS


async def test_every_write_tells_the_server_when_to_give_it_up() -> None:
    cluster = world()
    review = await review_of(cluster, SET + SCALE)
    cluster.sent.clear()
    await runner_of(cluster, review, MemoryLog()).run()
    assert [request.query["timeout"] for request in cluster.sent] == ["15s", "15s"]


async def test_write_of_a_killed_process_that_lands_late_is_found_done() -> None:
    cluster = world()
    review = await review_of(cluster, SET)
    late: list[ApiRequest] = []

    def keep(request: ApiRequest, number: int) -> str:
        del number
        late.append(request)
        return "dropped"

    cluster.mischief = keep
    await runner_of(cluster, review, MemoryLog()).run()
    key = "exec-1/0/0"
    intended = StepResult(step=0, step_key=key, outcome=StepOutcome.INTENDED)

    def lands_now(request: ApiRequest, number: int) -> str:
        del request, number
        if late:
            cluster._answer(late.pop())
        return ""

    cluster.mischief = lands_now
    fresh = MemoryLog()
    ending = await runner_of(cluster, review, fresh, (intended,)).run()
    assert ending.status is ExecutionStatus.DONE, ending.message
    assert "found done" in fresh.results[key].message
    assert image(cluster).endswith(":2")


APPLY = """kubectl apply -n shop --server-side -f - <<'EOF'
apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: shop
spec:
  selector:
    app: api
EOF
"""


def applying(cluster: MemoryCluster, seen: list[Json]) -> None:
    """Server-side apply as far as this test looks: its preconditions."""
    original = cluster._answer

    def answer(request: ApiRequest) -> Any:
        if request.content_type != "application/apply-patch+yaml":
            return original(request)
        found = cluster.at("Service", "web")
        seen.append(request.body["metadata"])
        for name in ("uid", "resourceVersion"):
            if request.body["metadata"].get(name, found["metadata"][name]) != found["metadata"][name]:
                return ApiAnswer(409, {"kind": "Status", "reason": "Conflict", "message": f"{name} differs"})
        changed = {**found, "spec": {**found["spec"], **request.body["spec"]}}
        return ApiAnswer(200, cluster.put(changed))

    cluster._answer = answer  # type: ignore[method-assign]


def changing(cluster: MemoryCluster, **parts: Json) -> None:
    """Somebody changes the Service between the executor's look and its first write."""

    def meddle(request: ApiRequest, number: int) -> str:
        del request
        if number == 1:
            found = cluster.at("Service", "web")
            cluster.put(found | {name: found[name] | part for name, part in parts.items()})
        return ""

    cluster.mischief = meddle


async def test_server_side_apply_insists_on_the_object_and_the_version_that_were_looked_at() -> None:
    cluster, seen = world(), list[Json]()
    applying(cluster, seen)
    review = await review_of(cluster, APPLY)
    before = dict(cluster.at("Service", "web")["metadata"])
    seen.clear()
    ending = await runner_of(cluster, review, MemoryLog()).run()
    assert ending.status is ExecutionStatus.DONE, ending.message
    assert (seen[0]["uid"], seen[0]["resourceVersion"]) == (before["uid"], before["resourceVersion"])


async def test_server_side_apply_is_not_made_over_what_somebody_changed_in_the_last_moment() -> None:
    cluster, seen = world(), list[Json]()
    applying(cluster, seen)
    review = await review_of(cluster, APPLY)
    changing(cluster, spec={"selector": {"app": "theirs"}})
    log = MemoryLog()
    ending = await runner_of(cluster, review, log).run()
    assert ending.status is ExecutionStatus.FAILED, ending.message
    assert "plan changed after approval" in ending.message
    assert cluster.at("Service", "web")["spec"]["selector"] == {"app": "theirs"}
    assert log.results["exec-1/0/0"].outcome is StepOutcome.FAILED


async def test_server_side_apply_is_asked_for_again_when_only_the_version_moved() -> None:
    cluster, seen = world(), list[Json]()
    applying(cluster, seen)
    review = await review_of(cluster, APPLY)
    seen.clear()
    changing(cluster, metadata={"labels": {"theirs": "x"}})
    ending = await runner_of(cluster, review, MemoryLog()).run()
    assert ending.status is ExecutionStatus.DONE, ending.message
    assert len(seen) == 2
    assert cluster.at("Service", "web")["metadata"]["labels"] == {"theirs": "x"}


async def _undone_while_away(times: int) -> Ending:
    """The undo is written; then the server is away when its target is looked at."""
    cluster, log = world(), MemoryLog()
    review = await review_of(cluster, SCALE)
    assert (await runner_of(cluster, review, log).run()).status is ExecutionStatus.DONE
    reads, left = cluster.raw, [times]

    async def raw(path: str, query: Any = None) -> Any:
        if len(cluster.writes) == 2 and left[0]:
            left[0] -= 1
            raise ClusterUnreachable("no route to host")
        return await reads(path, query)

    cluster.raw = raw  # type: ignore[method-assign]
    ending = await runner_of(cluster, review, log, list(log.results.values())).undo()
    assert cluster.at("Deployment", "api")["spec"]["replicas"] == 2
    return ending


async def test_undo_is_verified_when_the_server_comes_back_and_a_person_is_called_when_it_stays_away() -> None:
    assert (await _undone_while_away(3)).status is ExecutionStatus.UNDONE
    ending = await _undone_while_away(1_000)
    assert ending.status is ExecutionStatus.UNDO_FAILED
    assert "no route to host" in ending.message
