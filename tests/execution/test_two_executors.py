"""Two executors on one execution: leases that are stolen, processes that sleep through theirs, ledgers that take nothing down."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from api.executor import Executor
from knowledge.errors import LeaseLost, LedgerBusy, LedgerUnusable, OpsdeskError
from knowledge.vocabulary import ApiRequest, ExecutionStatus, IncidentStatus, StepOutcome, StepResult
from tests.agent.small_desk import SmallDesk
from tests.execution.test_each_write_once import CREATE, NOTE, SCALE, SET, MemoryLog, review_of, runner_of, world
from tests.execution.test_waits_end import approved, driven_desk
from tests.fakes.memory_cluster import MemoryCluster
from tools.execution.book import RECORD_TRIES, NotRecorded

LABEL = "kubectl label svc/web -n shop tier=front\n"
RESTART = "kubectl rollout restart deploy/web -n shop\n"
DELETE = "kubectl delete pod web-1 -n shop\n"
EVERY = [SET, SCALE, CREATE, NOTE, LABEL, RESTART, DELETE]


class Slept(BaseException):
    """The sleeper does not go on for now: its coroutine is kept and driven later."""


def with_maps(cluster: MemoryCluster) -> MemoryCluster:
    """The maps are there already, so that a new key in them is tested by no value."""
    metadata = cluster.at("Service", "web")["metadata"]
    metadata["labels"] = metadata["annotations"] = {"theirs": "x"}
    return cluster


@pytest.mark.parametrize("script", EVERY)
async def test_write_of_an_executor_that_slept_through_its_lease_is_refused_after_its_successor_made_it(
    script: str,
) -> None:
    """The sleeper stands between its look and its sending; the successor finds the intent, waits, and makes the write."""
    cluster = with_maps(world())
    review = await review_of(cluster, script)
    sleeper, successor = MemoryLog(), MemoryLog()
    sends = cluster.send

    async def send_late(request: ApiRequest, **more: Any) -> Any:
        cluster.send = sends  # type: ignore[method-assign]
        successor.results = dict(sleeper.results)
        ending = await runner_of(cluster, review, successor, list(successor.results.values())).run()
        assert ending.status is ExecutionStatus.DONE, ending.message
        sleeper.lost = True
        return await sends(request, **more)

    async def lost() -> str:
        if sleeper.lost:
            raise LeaseLost("another executor holds it")
        return ""

    async def record(result: StepResult) -> None:
        raise LeaseLost("another executor holds it")

    sleeper.stop_reason = lost  # type: ignore[method-assign]
    sleeper.record = record  # type: ignore[method-assign]
    cluster.send = send_late  # type: ignore[method-assign]
    with pytest.raises(LeaseLost):
        await runner_of(cluster, review, sleeper).run()
    assert len(cluster.writes) == 1, [(one.method, one.path) for one in cluster.writes]


@pytest.mark.parametrize("line", [NOTE, LABEL])
async def test_value_that_somebody_set_in_the_last_moment_is_not_overwritten_where_there_was_none(line: str) -> None:
    cluster = with_maps(world())
    review = await review_of(cluster, line)

    def meddle(request: ApiRequest, number: int) -> str:
        del request
        if number == 1:
            item = cluster.at("Service", "web")
            part = "annotations" if line == NOTE else "labels"
            key = "example.com/note" if line == NOTE else "tier"
            metadata = {**item["metadata"], part: {**item["metadata"][part], key: "theirs"}}
            cluster.put({**item, "metadata": metadata})
        return ""

    cluster.mischief = meddle
    ending = await runner_of(cluster, review, MemoryLog()).run()
    assert ending.status is ExecutionStatus.FAILED
    assert "plan changed after approval" in ending.message
    assert cluster.writes == []
    assert "theirs" in {*cluster.at("Service", "web")["metadata"]["labels"].values()} | {
        *cluster.at("Service", "web")["metadata"]["annotations"].values()
    }


@pytest.mark.parametrize("script", EVERY)
async def test_nothing_is_sent_when_the_disk_is_full_at_the_intent(script: str) -> None:
    cluster, log = with_maps(world()), MemoryLog()
    review = await review_of(cluster, script)
    intends = log.intend

    async def full(step: int, step_key: str, request_digest: str) -> None:
        raise LedgerUnusable("database or disk is full", next_step="free space on the ledger's disk")

    log.intend = full  # type: ignore[method-assign]
    with pytest.raises(NotRecorded):
        await runner_of(cluster, review, log).run()
    assert cluster.sent == []
    log.intend = intends  # type: ignore[method-assign]
    ending = await runner_of(cluster, review, log, list(log.results.values())).run()
    assert ending.status is ExecutionStatus.DONE, ending.message
    assert len(cluster.writes) == 1


@pytest.mark.parametrize("error", [LedgerUnusable("disk full"), LedgerBusy("locked")])
async def test_nothing_more_is_sent_when_a_result_cannot_be_taken_down_and_the_next_one_finds_it(
    error: OpsdeskError,
) -> None:
    cluster, log = world(), MemoryLog()
    review = await review_of(cluster, SET + SCALE)
    records, tried = log.record, [0]

    async def full(result: StepResult) -> None:
        tried[0] += 1
        raise error

    log.record = full  # type: ignore[method-assign]
    with pytest.raises(NotRecorded):
        await runner_of(cluster, review, log).run()
    assert tried == [RECORD_TRIES if isinstance(error, LedgerBusy) else 1]
    assert len(cluster.writes) == 1
    log.record = records  # type: ignore[method-assign]
    ending = await runner_of(cluster, review, log, list(log.results.values())).run()
    assert ending.status is ExecutionStatus.DONE, ending.message
    assert len(cluster.writes) == 2
    assert "found done after a restart" in log.results["exec-1/0/0"].message


async def test_ledger_that_is_busy_for_a_moment_is_asked_again_and_nothing_stops() -> None:
    cluster, log = world(), MemoryLog()
    review = await review_of(cluster, SET)
    records, left = log.record, [2]

    async def busy(result: StepResult) -> None:
        if left[0]:
            left[0] -= 1
            raise LedgerBusy("locked")
        await records(result)

    log.record = busy  # type: ignore[method-assign]
    assert (await runner_of(cluster, review, log).run()).status is ExecutionStatus.DONE
    assert log.results["exec-1/0/0"].outcome is StepOutcome.DONE


async def test_intended_write_is_told_even_when_somebody_cancelled_before_the_restart() -> None:
    cluster, log = world(), MemoryLog()
    review = await review_of(cluster, SET + SCALE)
    cluster.mischief = lambda request, number: "lost"

    async def dies(result: StepResult) -> None:
        raise Slept

    records = log.record
    log.record = dies  # type: ignore[method-assign]
    with pytest.raises(Slept):
        await runner_of(cluster, review, log).run()
    log.record, log.stop, log.stop_after = records, "cancelled", -1  # type: ignore[method-assign]
    ending = await runner_of(cluster, review, log, list(log.results.values())).run()
    assert ending.status is ExecutionStatus.CANCELLED
    assert log.results["exec-1/0/0"].outcome is StepOutcome.DONE
    assert len(cluster.writes) == 1


async def test_intended_write_that_never_left_is_dropped_and_said_when_somebody_cancelled() -> None:
    cluster, log = world(), MemoryLog()
    review = await review_of(cluster, SET + SCALE)
    log.results["exec-1/0/0"] = StepResult(step=0, step_key="exec-1/0/0", outcome=StepOutcome.INTENDED)
    log.stop = "cancelled"
    ending = await runner_of(cluster, review, log, list(log.results.values())).run()
    assert ending.status is ExecutionStatus.CANCELLED
    assert "is not sent again: cancelled" in log.results["exec-1/0/0"].message
    assert cluster.writes == []


async def test_undo_of_an_execution_with_an_unknown_write_looks_again_and_takes_back_what_it_finds() -> None:
    cluster, log = world(), MemoryLog()
    review = await review_of(cluster, SCALE + SET)
    assert (await runner_of(cluster, review, log).run()).status is ExecutionStatus.DONE
    known = log.results["exec-1/1/0"]
    log.results["exec-1/1/0"] = known.model_copy(update={"outcome": StepOutcome.UNKNOWN})
    ending = await runner_of(cluster, review, log, list(log.results.values())).undo()
    assert ending.status is ExecutionStatus.UNDONE, ending.message
    assert cluster.at("Deployment", "api")["spec"]["replicas"] == 2


async def test_undo_says_what_stays_unknown_and_never_that_all_was_undone() -> None:
    cluster, log = world(), MemoryLog()
    review = await review_of(cluster, SCALE + SET)
    assert (await runner_of(cluster, review, log).run()).status is ExecutionStatus.DONE
    known = log.results["exec-1/1/0"]
    log.results["exec-1/1/0"] = known.model_copy(update={"outcome": StepOutcome.UNKNOWN})
    web = cluster.at("Deployment", "web")
    web["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.example.com/shop/web:7"
    web["metadata"]["annotations"].pop("opsdesk.io/step")
    ending = await runner_of(cluster, review, log, list(log.results.values())).undo()
    assert ending.status is ExecutionStatus.UNDO_FAILED
    assert "what is not known cannot be taken back: step 1" in ending.message


async def swapped(place: SmallDesk, name: str, broken: Callable[..., Any], run: Callable[[], Awaitable[Any]]) -> None:
    kept = getattr(place.ledger.executions, name)
    setattr(place.ledger.executions, name, broken)
    try:
        await run()
    finally:
        setattr(place.ledger.executions, name, kept)


@pytest.mark.parametrize("name", ["record_intent", "record_result", "finish"])
async def test_executor_leaves_an_execution_as_it_is_when_its_ledger_is_full_and_goes_on_when_there_is_room(
    name: str, tmp_path: Path
) -> None:
    def full(*_: Any) -> None:
        raise LedgerUnusable("database or disk is full")

    with driven_desk(tmp_path) as (place, clock):
        incident_id = await approved(place)
        await place.advance(incident_id, "approved")
        await swapped(place, name, full, place.executor.work)
        (execution,) = place.ledger.executions.for_incident(incident_id)
        assert execution.status is ExecutionStatus.RUNNING, "it is no failure of the plan"
        assert len(place.cluster.writes) == (0 if name == "record_intent" else 1)
        assert not await place.executor.work(), "its lease runs"
        clock.pass_by(60)
        assert (await place.settle(incident_id)).status is IncidentStatus.RESOLVED, place.story(incident_id)
        assert len(place.cluster.writes) == 1


async def test_executor_whose_lease_was_stolen_in_the_middle_of_a_write_says_nothing_more(tmp_path: Path) -> None:
    with driven_desk(tmp_path) as (place, clock):
        incident_id = await approved(place)
        await place.advance(incident_id, "approved")
        thief = Executor(place.ledger, place.executor.hands, place.deps.policy, clock, name="thief")
        sends = place.cluster.send

        async def send(request: ApiRequest, **more: Any) -> Any:
            answer = await sends(request, **more)
            if not more.get("dry_run") and len(place.cluster.sent) == 1:
                clock.pass_by(60)  # this one sleeps with the answer in hand
                assert await thief.work()
            return answer

        place.cluster.send = send  # type: ignore[method-assign]
        assert await place.executor.work()
        (execution,) = place.ledger.executions.for_incident(incident_id)
        assert execution.status is ExecutionStatus.DONE
        assert "found done after a restart" in execution.results[0].message
        assert len(place.cluster.writes) == 1


@pytest.mark.parametrize("seconds", [-3_600.0, 3_600.0])
async def test_a_clock_that_jumps_between_crash_and_restart_makes_no_write_twice(
    seconds: float, tmp_path: Path
) -> None:
    """Forward: the lease has lapsed at once. Back: it lasts longer. Neither says anything about a write that may still land."""
    with driven_desk(tmp_path) as (place, clock):
        incident_id = await approved(place)
        await place.advance(incident_id, "approved")
        sends, late = place.cluster.send, list[ApiRequest]()

        async def dies(request: ApiRequest, **more: Any) -> Any:
            if more.get("dry_run"):
                return await sends(request, **more)
            late.append(request)
            raise Slept

        place.cluster.send = dies  # type: ignore[method-assign]
        with pytest.raises(Slept):
            await place.executor.work()
        place.cluster.send = sends  # type: ignore[method-assign]
        clock.pass_by(seconds)
        looks = place.cluster.raw

        async def lands_while_it_looks(path: str, query: Any = None) -> Any:
            found = await looks(path, query)
            if late and path.endswith("/deployments/web"):
                await sends(late.pop())
            return found

        place.cluster.raw = lands_while_it_looks  # type: ignore[method-assign]
        again = Executor(place.ledger, place.executor.hands, place.deps.policy, clock, name="again")
        for _ in range(3):
            clock.pass_by(max(60.0, -seconds))
            await again.work()
        assert len(place.cluster.writes) == 1
        (execution,) = place.ledger.executions.for_incident(incident_id)
        assert execution.status is ExecutionStatus.DONE, execution.message
