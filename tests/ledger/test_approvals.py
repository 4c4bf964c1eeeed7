"""Approvals: the right people, the plan they saw, in time, once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from knowledge.errors import (
    ApprovalAlreadyUsed,
    ApprovalExpired,
    ApproverIsRequester,
    NotAuthorised,
    NotFound,
    OpsdeskError,
    PlanChangedAfterApproval,
    PlanForbidden,
    WrongState,
)
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import ApprovalRequest, ApprovalStatus, Decision, Principal, Role, Ruling, Scope
from tests.ledger.conftest import TestClock
from tests.ledger.makers import add_approver, ask, make_plan, make_review, open_incident


def approve(ledger: Ledger, request: ApprovalRequest, principal: Principal, digest: str = "") -> ApprovalRequest:
    return ledger.approvals.vote(request.id, principal, Decision.APPROVE, "", digest or request.digest, 900)


def reasons(ledger: Ledger, request: ApprovalRequest) -> set[str]:
    return {wake.reason for wake in ledger.wakes.waiting(request.incident_id)}


def test_approval_holds_for_its_time_when_one_approver_says_yes(ledger: Ledger, clock: TestClock) -> None:
    _, request = ask(ledger)
    assert request.status is ApprovalStatus.WAITING
    approved = approve(ledger, request, add_approver(ledger, "wei"))
    assert approved.status is ApprovalStatus.APPROVED
    assert approved.holds_until == clock.advance(seconds=900)
    assert [(vote.principal, vote.digest) for vote in approved.votes] == [("wei", request.digest)]
    assert "approval_decided" in reasons(ledger, request)
    assert ledger.approvals.get(request.id) == approved == ledger.approvals.latest_for_plan(request.plan_id)


def test_request_is_rejected_when_one_says_no(ledger: Ledger) -> None:
    _, request = ask(ledger, Ruling.TWO)
    wei, li = add_approver(ledger, "wei"), add_approver(ledger, "li")
    approve(ledger, request, wei)
    rejected = ledger.approvals.vote(request.id, li, Decision.REJECT, "too risky", request.digest, 900)
    assert (rejected.status, rejected.reason) == (ApprovalStatus.REJECTED, "too risky")
    with pytest.raises(WrongState, match="rejected"):
        approve(ledger, request, add_approver(ledger, "an"))


def test_two_different_persons_are_needed_when_the_ruling_is_two(ledger: Ledger) -> None:
    _, request = ask(ledger, Ruling.TWO)
    wei = add_approver(ledger, "wei", person="wei.zhang")
    wei_at_night = add_approver(ledger, "wei-oncall", person="Wei.Zhang")
    assert approve(ledger, request, wei).status is ApprovalStatus.WAITING
    for same in (wei, wei_at_night):
        with pytest.raises(WrongState, match="voted"):
            approve(ledger, request, same)
    assert approve(ledger, request, add_approver(ledger, "li")).status is ApprovalStatus.APPROVED


@pytest.mark.parametrize("requester", ["mei", "MEI", "mei.wang"])
def test_requester_cannot_approve_under_any_identity(ledger: Ledger, requester: str) -> None:
    mei = add_approver(ledger, "mei", person="mei.wang")
    alias = add_approver(ledger, "mei-admin", person="mei.wang")
    _, request = ask(ledger, requester=requester)
    for identity in (mei, alias):
        with pytest.raises(ApproverIsRequester):
            approve(ledger, request, identity)


def test_requester_is_known_from_the_ticket_when_the_request_names_none(ledger: Ledger) -> None:
    mei = add_approver(ledger, "mei")
    incident = open_incident(ledger, requester="mei")
    plan = make_plan(incident.id)
    ledger.plans.put(plan)
    request = ledger.approvals.ask(incident.id, plan.id, make_review(plan), 1, "")
    with pytest.raises(ApproverIsRequester):
        approve(ledger, request, mei)


def test_vote_is_refused_when_the_ledger_says_no_to_the_principal(ledger: Ledger) -> None:
    _, request = ask(ledger)
    viewer = ledger.principals.add("vi", [Role.VIEWER, Role.RESPONDER, Role.ADMIN], Scope())
    machine = ledger.principals.add("bot", [Role.APPROVER], Scope(), kind="machine")
    gone = add_approver(ledger, "gone")
    ledger.principals.disable("gone")
    demoted = add_approver(ledger, "demoted")
    ledger.principals.set_roles("demoted", [Role.VIEWER])
    stranger = Principal(id="stranger", name="stranger", roles=frozenset(Role))
    for principal in (viewer, machine, gone, demoted, stranger):
        with pytest.raises(NotAuthorised):
            approve(ledger, request, principal)
    assert ledger.approvals.get(request.id).votes == ()


@pytest.mark.parametrize(
    "scope", [Scope(clusters=("test",)), Scope(namespaces=("research",)), Scope(services=("triton",))], ids=str
)
def test_vote_is_refused_outside_the_approvers_scope(ledger: Ledger, scope: Scope) -> None:
    _, request = ask(ledger)
    with pytest.raises(NotAuthorised, match="scope"):
        approve(ledger, request, add_approver(ledger, "wei", scope))
    assert ledger.approvals.waiting(scope) == []


def test_scope_must_cover_every_namespace_of_the_targets_even_when_the_caller_names_none(ledger: Ledger) -> None:
    incident = open_incident(ledger)
    plan = make_plan(incident.id)
    ledger.plans.put(plan)
    request = ledger.approvals.ask(incident.id, plan.id, make_review(plan), 1, "", namespaces=["research"])
    assert request.namespaces == ("research", "serving")
    with pytest.raises(NotAuthorised):
        approve(ledger, request, add_approver(ledger, "wei", Scope(namespaces=("research",))))
    assert approve(ledger, request, add_approver(ledger, "li")).status is ApprovalStatus.APPROVED


def test_vote_is_refused_when_the_voter_saw_another_plan(ledger: Ledger) -> None:
    _, request = ask(ledger)
    with pytest.raises(PlanChangedAfterApproval):
        approve(ledger, request, add_approver(ledger, "wei"), digest="sha256:other")


def test_silence_is_a_no_when_the_wait_ends(ledger: Ledger, clock: TestClock) -> None:
    _, request = ask(ledger, wait_seconds=3600)
    wei = add_approver(ledger, "wei")
    clock.advance(seconds=3600)
    assert ledger.approvals.waiting(Scope()) == []
    with pytest.raises(ApprovalExpired):
        approve(ledger, request, wei)
    assert ledger.approvals.get(request.id).status is ApprovalStatus.EXPIRED
    assert "approval_expired" in reasons(ledger, request)
    assert ledger.approvals.expire_due() == []


def test_expire_due_ends_waits_and_unused_approvals(ledger: Ledger, clock: TestClock) -> None:
    _, request = ask(ledger)
    assert ledger.approvals.expire_due() == []
    approve(ledger, request, add_approver(ledger, "wei"))
    clock.advance(seconds=901)
    assert [(each.id, each.status) for each in ledger.approvals.expire_due()] == [(request.id, ApprovalStatus.EXPIRED)]
    with pytest.raises(ApprovalExpired):
        ledger.approvals.use(request.id, request.digest)


def test_asking_again_voids_the_older_request(ledger: Ledger) -> None:
    review, first = ask(ledger)
    second = ledger.approvals.ask(first.incident_id, first.plan_id, review, 1, "mei")
    assert ledger.approvals.get(first.id).status is ApprovalStatus.VOID
    assert ledger.approvals.latest_for_plan(first.plan_id) == second
    with pytest.raises(WrongState, match="void"):
        approve(ledger, first, add_approver(ledger, "wei"))


def test_ask_is_refused_when_nobody_could_approve(ledger: Ledger) -> None:
    incident = open_incident(ledger)
    plan = make_plan(incident.id)
    ledger.plans.put(plan)
    for ruling in (Ruling.FORBIDDEN, Ruling.REFUSED):
        with pytest.raises(PlanForbidden):
            ledger.approvals.ask(incident.id, plan.id, make_review(plan, ruling), 1, "")
    request = ledger.approvals.ask(incident.id, plan.id, make_review(plan, Ruling.TWO), 1, "")
    assert request.needed == 2, "a caller may be stricter than the review, never laxer"


def test_approval_is_used_once(ledger: Ledger, clock: TestClock) -> None:
    _, request = ask(ledger)
    with pytest.raises(WrongState):
        ledger.approvals.use(request.id, request.digest)
    approve(ledger, request, add_approver(ledger, "wei"))
    with pytest.raises(PlanChangedAfterApproval):
        ledger.approvals.use(request.id, "sha256:other")
    assert ledger.approvals.use(request.id, request.digest).status is ApprovalStatus.USED
    with pytest.raises(ApprovalAlreadyUsed):
        ledger.approvals.use(request.id, request.digest)


def test_approval_is_void_when_its_hold_is_over(ledger: Ledger, clock: TestClock) -> None:
    _, request = ask(ledger)
    approve(ledger, request, add_approver(ledger, "wei"))
    clock.advance(seconds=900)
    with pytest.raises(ApprovalExpired):
        ledger.approvals.use(request.id, request.digest)
    assert ledger.approvals.get(request.id).status is ApprovalStatus.EXPIRED


def test_exactly_one_use_succeeds_when_many_try_at_once(ledger: Ledger) -> None:
    _, request = ask(ledger)
    approve(ledger, request, add_approver(ledger, "wei"))

    def use(_: int) -> str:
        try:
            return ledger.approvals.use(request.id, request.digest).status.value
        except OpsdeskError as error:
            return type(error).__name__

    with ThreadPoolExecutor(8) as pool:
        results = sorted(pool.map(use, range(16)))
    assert results == ["ApprovalAlreadyUsed"] * 15 + ["used"]


def test_votes_are_all_counted_and_decide_once_when_they_come_at_once(ledger: Ledger) -> None:
    _, request = ask(ledger, Ruling.TWO)
    voters = [add_approver(ledger, f"approver{number}") for number in range(8)]

    def vote(principal: Principal) -> str:
        try:
            return approve(ledger, request, principal).status.value
        except OpsdeskError as error:
            return type(error).__name__

    with ThreadPoolExecutor(8) as pool:
        results = sorted(pool.map(vote, voters))
    assert results == ["WrongState"] * 6 + ["approved", "waiting"]
    assert len(ledger.approvals.get(request.id).votes) == 2


def test_unknown_request_is_not_found(ledger: Ledger) -> None:
    with pytest.raises(NotFound):
        ledger.approvals.get("apr-none")
    with pytest.raises(NotFound):
        ledger.approvals.use("apr-none", "")
    assert ledger.approvals.latest_for_plan("pln-none") is None


def test_requester_of_a_ticket_that_was_merged_in_cannot_approve(ledger: Ledger) -> None:
    """Else an order is approved by who wrote it, once it is merged into somebody else's incident."""
    eve = add_approver(ledger, "eve")
    _, request = ask(ledger)
    order = open_incident(ledger, "tkt-eve", requester="eve")
    ledger.incidents.merge(order.id, request.incident_id, "eve")
    with pytest.raises(ApproverIsRequester):
        approve(ledger, request, eve)
    assert approve(ledger, request, add_approver(ledger, "wei")).status is ApprovalStatus.APPROVED
