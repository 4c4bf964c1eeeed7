"""Who gets an execution, who does not, and how it is stopped or taken back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from knowledge.errors import (
    OpsdeskError,
    WrongState,
)
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import (
    ExecutionStatus,
    Ruling,
)
from tests.ledger.conftest import TestClock
from tests.ledger.makers import claimed, make_plan, make_review, open_incident, requested


def test_undo_is_handed_out_after_the_end_only(ledger: Ledger) -> None:
    execution = requested(ledger)
    _, token = claimed(ledger)
    with pytest.raises(WrongState):
        ledger.executions.request_undo(execution.id, "wei")
    ledger.executions.finish(execution.id, token, ExecutionStatus.FAILED, "step 1 failed")
    assert ledger.executions.request_undo(execution.id, "wei").status is ExecutionStatus.UNDO_REQUESTED
    undoing, token = claimed(ledger)
    assert undoing.status is ExecutionStatus.UNDOING
    undone = ledger.executions.finish(execution.id, token, ExecutionStatus.UNDONE, "")
    assert undone.status is ExecutionStatus.UNDONE
    with pytest.raises(WrongState):
        ledger.executions.request_undo(execution.id, "wei")


def test_cancel_ends_at_once_what_nobody_began_and_flags_what_runs(ledger: Ledger) -> None:
    execution = requested(ledger)
    assert ledger.executions.cancel(execution.id, "wei").status is ExecutionStatus.CANCELLED
    assert ledger.executions.claim_next("w1", 30) is None
    with pytest.raises(WrongState, match="nothing to undo"):
        ledger.executions.request_undo(execution.id, "wei")
    with pytest.raises(WrongState):
        ledger.executions.cancel(execution.id, "wei")


def test_cancel_is_read_between_steps_when_the_execution_runs(ledger: Ledger) -> None:
    execution = requested(ledger)
    _, token = claimed(ledger)
    assert not ledger.executions.is_cancelled(execution.id)
    assert ledger.executions.cancel(execution.id, "wei").status is ExecutionStatus.RUNNING
    assert ledger.executions.is_cancelled(execution.id)
    ledger.executions.finish(execution.id, token, ExecutionStatus.CANCELLED, "after step 1")
    ledger.executions.request_undo(execution.id, "wei")
    assert not ledger.executions.is_cancelled(execution.id), "the undo is not what was cancelled"


@pytest.mark.parametrize("cluster", ["*", "prod"])
def test_nothing_is_handed_out_of_a_frozen_cluster(ledger: Ledger, cluster: str) -> None:
    execution = requested(ledger)
    ledger.switches.freeze(cluster, "wei", "quarter end")
    assert ledger.switches.is_frozen("prod") == "quarter end"
    assert ledger.executions.claim_next("w1", 30) is None
    ledger.switches.unfreeze(cluster, "wei")
    assert claimed(ledger)[0].id == execution.id


def test_execution_is_cancelled_when_its_approval_runs_out_before_it_begins(ledger: Ledger, clock: TestClock) -> None:
    execution = requested(ledger)
    clock.advance(seconds=901)
    assert ledger.executions.claim_next("w1", 30) is None
    ended = ledger.executions.get(execution.id)
    assert (ended.status, ended.message) == (
        ExecutionStatus.CANCELLED,
        "the approval ran out before the execution began",
    )


def test_recent_for_target_counts_what_changed_it(ledger: Ledger, clock: TestClock) -> None:
    execution = requested(ledger)
    key, ago = "Deployment/serving/vllm", clock.at - timedelta(hours=1)
    assert [each.id for each in ledger.executions.recent_for_target(key, ago)] == [execution.id]
    assert [each.id for each in ledger.executions.recent_for_target(key, ago, "prod")] == [execution.id]
    assert ledger.executions.recent_for_target(key, ago, "test") == []
    assert ledger.executions.recent_for_target("Deployment/serving/other", ago) == []
    assert ledger.executions.recent_for_target(key, clock.at + timedelta(seconds=1)) == []


def test_each_waiting_execution_goes_to_one_worker_when_workers_race(ledger: Ledger) -> None:
    incident = open_incident(ledger)
    for number in range(6):
        plan = make_plan(incident.id, f"pln-{number}")
        ledger.plans.put(plan)
        review = make_review(plan, Ruling.AUTO, id=f"rev-{number}")
        ledger.executions.request(incident.id, plan.id, review)

    def work(worker: int) -> list[str]:
        mine = []
        while claim := ledger.executions.claim_next(f"w{worker}", 30):
            mine.append(claim[0].id)
        return mine

    with ThreadPoolExecutor(4) as pool:
        handed_out = [one for mine in pool.map(work, range(4)) for one in mine]
    assert sorted(handed_out) == sorted(execution.id for execution in ledger.executions.for_incident(incident.id))


def test_finish_refuses_a_status_that_is_no_end(ledger: Ledger) -> None:
    execution = requested(ledger)
    _, token = claimed(ledger)
    with pytest.raises(OpsdeskError, match="does not end"):
        ledger.executions.finish(execution.id, token, ExecutionStatus.RUNNING, "")
