"""Executions: one per approval, ever; only the newest token writes; every step is known before and after."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from knowledge.errors import (
    ApprovalAlreadyUsed,
    ApprovalExpired,
    LeaseLost,
    NotAuthorised,
    NotFound,
    PlanChangedAfterApproval,
    PlanForbidden,
    WrongState,
)
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import (
    ApprovalStatus,
    Decision,
    ExecutionStatus,
    Ruling,
    StepOutcome,
    StepResult,
)
from tests.ledger.conftest import TestClock
from tests.ledger.makers import add_approver, approved, ask, claimed, make_plan, make_review, open_incident, requested


def done(step: int, key: str, outcome: StepOutcome = StepOutcome.DONE) -> StepResult:
    return StepResult(step=step, step_key=key, outcome=outcome, message="rolled out")


def test_request_uses_the_approval_and_names_its_approvers(ledger: Ledger) -> None:
    review, approval_id = approved(ledger)
    execution = ledger.executions.request(review.incident_id, review.plan_id, review, approval_id)
    assert execution.status is ExecutionStatus.REQUESTED
    assert (execution.approvers, execution.digest) == (("wei",), review.digest)
    assert ledger.approvals.get(approval_id).status is ApprovalStatus.USED
    assert ledger.executions.for_incident(review.incident_id) == [execution]


def test_request_gives_the_same_execution_when_it_is_repeated(ledger: Ledger) -> None:
    review, approval_id = approved(ledger)
    first = ledger.executions.request(review.incident_id, review.plan_id, review, approval_id)
    _, token = claimed(ledger)
    ledger.executions.finish(first.id, token, ExecutionStatus.DONE, "")
    again = ledger.executions.request(review.incident_id, review.plan_id, review, approval_id)
    assert (again.id, again.status) == (first.id, ExecutionStatus.DONE)


def test_request_goes_on_when_its_caller_used_the_approval_and_died(ledger: Ledger) -> None:
    review, approval_id = approved(ledger)
    ledger.approvals.use(approval_id, review.digest)
    assert ledger.executions.request(review.incident_id, review.plan_id, review, approval_id).id


def test_request_is_one_execution_when_many_ask_at_once(ledger: Ledger) -> None:
    review, approval_id = approved(ledger)

    def request(_: int) -> str:
        return ledger.executions.request(review.incident_id, review.plan_id, review, approval_id).id

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(request, range(16)))
    assert len(ids) == 1
    assert len(ledger.executions.for_incident(review.incident_id)) == 1


def test_two_approvers_at_once_execute_once(ledger: Ledger) -> None:
    """What each face does on a yes: vote, and when that decided it, request. The second must not run it again."""
    review, request = ask(ledger)
    voters = [add_approver(ledger, "wei"), add_approver(ledger, "li")]

    def decide(voter: int) -> str:
        try:
            ledger.approvals.vote(request.id, voters[voter], Decision.APPROVE, "", request.digest, 900)
        except (WrongState, ApprovalAlreadyUsed):
            return "late"
        return ledger.executions.request(review.incident_id, review.plan_id, review, request.id).id

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(decide, range(2)))
    assert outcomes.count("late") == 1
    with ThreadPoolExecutor(4) as pool:
        claims = list(pool.map(lambda n: ledger.executions.claim_next(f"w{n}", 30), range(4)))
    assert len([claim for claim in claims if claim]) == 1


def test_request_is_refused_without_the_approval_that_the_review_asks_for(ledger: Ledger) -> None:
    review, request = ask(ledger)
    with pytest.raises(NotAuthorised):
        ledger.executions.request(review.incident_id, review.plan_id, review)
    with pytest.raises(WrongState, match="waiting"):
        ledger.executions.request(review.incident_id, review.plan_id, review, request.id)
    with pytest.raises(NotFound):
        ledger.executions.request(review.incident_id, review.plan_id, review, "apr-none")
    assert ledger.executions.for_incident(review.incident_id) == []


def test_request_is_refused_when_the_review_is_another_than_approved(ledger: Ledger) -> None:
    review, approval_id = approved(ledger)
    changed = review.model_copy(update={"id": "rev-2", "digest": "sha256:two"})
    with pytest.raises(PlanChangedAfterApproval):
        ledger.executions.request(review.incident_id, review.plan_id, changed, approval_id)
    ledger.executions.request(review.incident_id, review.plan_id, review, approval_id)
    with pytest.raises(PlanChangedAfterApproval):
        ledger.executions.request(review.incident_id, review.plan_id, changed, approval_id)


def test_request_is_refused_when_the_hold_is_over(ledger: Ledger, clock: TestClock) -> None:
    review, approval_id = approved(ledger)
    clock.advance(seconds=900)
    with pytest.raises(ApprovalExpired):
        ledger.executions.request(review.incident_id, review.plan_id, review, approval_id)


def test_auto_review_runs_once_without_approval_and_a_forbidden_one_never(ledger: Ledger) -> None:
    incident = open_incident(ledger)
    plan = make_plan(incident.id)
    ledger.plans.put(plan)
    review = make_review(plan, Ruling.AUTO)
    first = ledger.executions.request(incident.id, plan.id, review)
    assert ledger.executions.request(incident.id, plan.id, review).id == first.id
    with pytest.raises(PlanForbidden):
        ledger.executions.request(incident.id, plan.id, make_review(plan, Ruling.FORBIDDEN, id="rev-2"))


def test_execution_goes_from_claim_to_end_with_a_record_of_each_step(ledger: Ledger, clock: TestClock) -> None:
    execution = requested(ledger)
    running, token = claimed(ledger)
    assert (running.id, running.status, running.started_at) == (execution.id, ExecutionStatus.RUNNING, clock.at)
    ledger.executions.record_intent(execution.id, token, 0, "key-0", "sha256:req")
    [intended] = ledger.executions.get(execution.id).results
    assert (intended.outcome, intended.started_at) == (StepOutcome.INTENDED, clock.at)
    began = clock.at
    clock.advance(seconds=2)
    ledger.executions.record_result(execution.id, token, done(0, "key-0"))
    ledger.executions.record_result(execution.id, token, done(1, "key-1", StepOutcome.SKIPPED))
    ended = ledger.executions.finish(execution.id, token, ExecutionStatus.DONE, "all steps done")
    assert [(result.step, result.outcome) for result in ended.results] == [
        (0, StepOutcome.DONE),
        (1, StepOutcome.SKIPPED),
    ]
    assert (ended.results[0].started_at, ended.finished_at, ended.message) == (began, clock.at, "all steps done")
    assert "execution_finished" in {wake.reason for wake in ledger.wakes.waiting(execution.incident_id)}
    assert ledger.executions.claim_next("w2", 30) is None
    assert ledger.executions.get(execution.id) == ended


def test_stale_worker_can_write_nothing_when_another_took_over(ledger: Ledger, clock: TestClock) -> None:
    execution = requested(ledger)
    _, old = claimed(ledger, "w1", lease_seconds=30)
    ledger.executions.record_intent(execution.id, old, 0, "key-0", "sha256:req")
    assert ledger.executions.claim_next("w2", 30) is None
    clock.advance(seconds=30)
    taken, new = claimed(ledger, "w2")
    assert new > old
    assert [result.outcome for result in taken.results] == [StepOutcome.INTENDED], (
        "the heir sees what may have been sent"
    )
    for attempt in (
        lambda: ledger.executions.record_intent(execution.id, old, 1, "key-1", ""),
        lambda: ledger.executions.record_result(execution.id, old, done(0, "key-0")),
        lambda: ledger.executions.renew(execution.id, old, 30),
        lambda: ledger.executions.finish(execution.id, old, ExecutionStatus.DONE, ""),
    ):
        with pytest.raises(LeaseLost):
            attempt()
    ledger.executions.record_result(execution.id, new, done(0, "key-0"))
    ledger.executions.finish(execution.id, new, ExecutionStatus.DONE, "")
    with pytest.raises(LeaseLost):
        ledger.executions.renew(execution.id, new, 30)


def test_lease_is_kept_by_renewing(ledger: Ledger, clock: TestClock) -> None:
    execution = requested(ledger)
    _, token = claimed(ledger, lease_seconds=30)
    clock.advance(seconds=20)
    ledger.executions.renew(execution.id, token, 30)
    clock.advance(seconds=20)
    assert ledger.executions.claim_next("w2", 30) is None


def test_step_is_not_intended_again_when_it_has_an_outcome(ledger: Ledger) -> None:
    execution = requested(ledger)
    _, token = claimed(ledger)
    ledger.executions.record_intent(execution.id, token, 0, "key-0", "sha256:req")
    ledger.executions.record_intent(execution.id, token, 0, "key-0", "sha256:req")
    ledger.executions.record_result(execution.id, token, done(0, "key-0"))
    with pytest.raises(WrongState, match="done"):
        ledger.executions.record_intent(execution.id, token, 0, "key-0", "sha256:req")
