"""Two at once: whoever comes second changes nothing, on both engines."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from knowledge.errors import OpsdeskError
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import ApprovalStatus, Decision, ExecutionStatus, Ruling
from tests.ledger.conftest import TestClock
from tests.ledger.makers import add_approver, approved, ask


def test_a_vote_and_the_end_of_the_wait_at_once_end_in_a_no_that_is_told_once(ledger: Ledger, clock: TestClock) -> None:
    _, request = ask(ledger, wait_seconds=60)
    voters = [add_approver(ledger, f"v{number}") for number in range(3)]
    clock.advance(seconds=60)

    def act(number: int) -> str:
        try:
            if number < 3:
                return ledger.approvals.vote(request.id, voters[number], Decision.APPROVE, "", request.digest).status
        except OpsdeskError as error:
            return error.title
        return f"expired {len(ledger.approvals.expire_due())}"

    with ThreadPoolExecutor(6) as pool:
        ends = list(pool.map(act, range(6)))
    assert ApprovalStatus.APPROVED not in ends
    assert ledger.approvals.get(request.id).status is ApprovalStatus.EXPIRED
    assert ledger.approvals.get(request.id).votes == ()
    verbs = [entry.verb for entry in ledger.audit.entries(limit=1000)]
    assert verbs.count("approval.expire") == 1


def test_an_approval_that_runs_out_while_it_is_used_runs_once_or_not_at_all(ledger: Ledger, clock: TestClock) -> None:
    review, approval_id = approved(ledger)
    clock.advance(seconds=900)

    def act(number: int) -> object:
        try:
            if number % 2:
                return ledger.approvals.expire_due()
            return ledger.executions.request(review.incident_id, review.plan_id, review, approval_id)
        except OpsdeskError:
            return None

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(act, range(6)))
    assert ledger.executions.for_incident(review.incident_id) == []
    assert ledger.approvals.get(approval_id).status is ApprovalStatus.EXPIRED


def test_the_last_two_votes_at_once_approve_once_and_run_once(ledger: Ledger) -> None:
    review, request = ask(ledger, Ruling.TWO)
    voters = [add_approver(ledger, f"v{number}") for number in range(4)]

    def act(number: int) -> str:
        try:
            ledger.approvals.vote(request.id, voters[number], Decision.APPROVE, "", request.digest)
        except OpsdeskError as error:
            return error.title
        return "counted"

    with ThreadPoolExecutor(4) as pool:
        ends = list(pool.map(act, range(4)))
    assert ends.count("counted") == 2
    with ThreadPoolExecutor(4) as pool:
        runs = list(
            pool.map(
                lambda _: ledger.executions.request(review.incident_id, review.plan_id, review, request.id), range(4)
            )
        )
    assert len({run.id for run in runs}) == 1
    with ThreadPoolExecutor(4) as pool:
        claims = list(pool.map(lambda n: ledger.executions.claim_next(f"e{n}", 30), range(4)))
    assert sum(claim is not None for claim in claims) == 1


def test_a_cancel_and_a_claim_at_once_end_in_one_of_them(ledger: Ledger) -> None:
    review, approval_id = approved(ledger)
    execution = ledger.executions.request(review.incident_id, review.plan_id, review, approval_id)
    with ThreadPoolExecutor(2) as pool:
        claim = pool.submit(ledger.executions.claim_next, "e1", 30)
        cancel = pool.submit(ledger.executions.cancel, execution.id, "wei")
        claimed_it, cancelled = claim.result() is not None, cancel.result()
    now = ledger.executions.get(execution.id).status
    assert now is (ExecutionStatus.RUNNING if claimed_it else ExecutionStatus.CANCELLED)
    assert cancelled.status is now
    assert ledger.executions.is_cancelled(execution.id)
