"""Someone alone at three in the morning: possible for what can be taken back, and seen by everybody."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from knowledge.errors import (
    ApprovalExpired,
    ApprovalVoid,
    BreakGlassRefused,
    NotAuthorised,
    OpsdeskError,
    PlanChangedAfterApproval,
    WrongState,
)
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import (
    ApprovalRequest,
    ApprovalStatus,
    Decision,
    ReversalKind,
    Review,
    Role,
    Ruling,
    Scope,
)
from tests.ledger.conftest import TestClock
from tests.ledger.makers import add_approver, make_plan, make_review, open_incident

REASON = "the gateway is down and nobody answers"


def restoring(review: Review) -> Review:
    step = review.steps[0]
    inverse = step.model_copy(update={"reversal": ReversalKind.RESTORES, "inverse": step.requests})
    return review.model_copy(update={"steps": (inverse,)})


def ask_two(ledger: Ledger, *, restores: bool = True) -> tuple[Review, ApprovalRequest]:
    incident = open_incident(ledger, requester="mei")
    plan = make_plan(incident.id)
    ledger.plans.put(plan)
    review = make_review(plan, Ruling.TWO)
    review = restoring(review) if restores else review
    request = ledger.approvals.ask(incident.id, plan.id, review, 2, "mei", ["serving"], ["vllm"])
    return review, request


def test_glass_is_broken_by_the_requester_alone_and_every_approver_is_told(ledger: Ledger, clock: TestClock) -> None:
    review, request = ask_two(ledger)
    mei = add_approver(ledger, "mei")
    for name in ("wei", "li"):
        add_approver(ledger, name)
    add_approver(ledger, "far", Scope(namespaces=("elsewhere",)))
    ledger.principals.add("viewer", [Role.VIEWER], Scope())
    broken = ledger.approvals.break_glass(request.id, mei, REASON, request.digest)
    assert (broken.status, broken.is_glass_broken, broken.told) == (ApprovalStatus.APPROVED, True, ("li", "wei"))
    assert broken.holds_until == clock.at + timedelta(seconds=900)
    story = ledger.timeline.for_incident(request.incident_id)[-1].summary
    assert "GLASS BROKEN" in story.en
    assert REASON in story.en
    assert "li, wei" in story.zh
    assert [one.id for one in ledger.approvals.glass_broken(Scope(), clock.at - timedelta(days=7))] == [request.id]
    assert ledger.approvals.glass_broken(Scope(namespaces=("elsewhere",)), clock.at - timedelta(days=7)) == []
    assert [entry.verb for entry in ledger.audit.entries(limit=1000)].count("approval.break_glass") == 1
    execution = ledger.executions.request(review.incident_id, review.plan_id, review, request.id)
    assert execution.approvers == ("mei",)
    assert ledger.executions.claim_next("w1", 30) is not None


def test_glass_holds_only_for_a_plan_that_restores(ledger: Ledger) -> None:
    _, request = ask_two(ledger, restores=False)
    with pytest.raises(BreakGlassRefused, match="self_heals"):
        ledger.approvals.break_glass(request.id, add_approver(ledger, "wei"), REASON, request.digest)
    assert ledger.approvals.get(request.id).status is ApprovalStatus.WAITING


@pytest.mark.parametrize("reason", ["", "   ", "hurry"])
def test_glass_is_not_broken_without_a_reason(ledger: Ledger, reason: str) -> None:
    _, request = ask_two(ledger)
    with pytest.raises(BreakGlassRefused, match="reason"):
        ledger.approvals.break_glass(request.id, add_approver(ledger, "wei"), reason, request.digest)


def test_glass_is_broken_by_approvers_within_scope_only_and_on_what_they_saw(ledger: Ledger) -> None:
    _, request = ask_two(ledger)
    viewer = ledger.principals.add("viewer", [Role.VIEWER], Scope())
    robot = ledger.principals.add("robot", [Role.APPROVER], Scope(), "machine")
    far = add_approver(ledger, "far", Scope(namespaces=("elsewhere",)))
    for nobody in (viewer, robot, far):
        with pytest.raises(NotAuthorised):
            ledger.approvals.break_glass(request.id, nobody, REASON, request.digest)
    with pytest.raises(PlanChangedAfterApproval):
        ledger.approvals.break_glass(request.id, add_approver(ledger, "wei"), REASON, "sha256:other")


def test_glass_stays_whole_once_the_wait_is_over(ledger: Ledger, clock: TestClock) -> None:
    _, request = ask_two(ledger)
    wei = add_approver(ledger, "wei")
    clock.advance(hours=5)
    with pytest.raises(ApprovalExpired):
        ledger.approvals.break_glass(request.id, wei, REASON, request.digest)
    assert ledger.approvals.get(request.id).status is ApprovalStatus.EXPIRED


def test_broken_glass_is_void_when_its_approver_lost_the_role(ledger: Ledger) -> None:
    review, request = ask_two(ledger)
    ledger.approvals.break_glass(request.id, add_approver(ledger, "wei"), REASON, request.digest)
    ledger.principals.disable("wei")
    with pytest.raises(ApprovalVoid):
        ledger.executions.request(review.incident_id, review.plan_id, review, request.id)


def test_glass_and_a_no_at_once_end_in_one_of_them(ledger: Ledger) -> None:
    _, request = ask_two(ledger)
    wei, li = add_approver(ledger, "wei"), add_approver(ledger, "li")

    def act(number: int) -> str:
        try:
            if number % 2:
                ledger.approvals.break_glass(request.id, wei, REASON, request.digest)
            else:
                ledger.approvals.vote(request.id, li, Decision.REJECT, "wait for me", request.digest)
        except OpsdeskError as error:
            return error.title
        return "done"

    with ThreadPoolExecutor(6) as pool:
        ends = list(pool.map(act, range(6)))
    assert ends.count("done") == 1
    assert set(ends) - {"done"} == {WrongState.title}
    assert ledger.approvals.get(request.id).status in {ApprovalStatus.APPROVED, ApprovalStatus.REJECTED}
