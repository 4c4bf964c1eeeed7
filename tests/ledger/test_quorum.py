"""Who counts as whom, and as far as where: one person with several accounts, names that read alike, plans that reach further
than their targets' namespaces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.errors import ApproverIsRequester, NotAuthorised, WrongState
from knowledge.ledger.ledger import Ledger
from knowledge.ledger.principals import folded
from knowledge.vocabulary import (
    ApiRequest,
    ApprovalRequest,
    ApprovalStatus,
    BlastRadius,
    Decision,
    ObjectRef,
    Principal,
    Review,
    Role,
    Ruling,
    Scope,
)
from tests.ledger.makers import add_approver, ask, make_plan, make_review, open_incident


def approve(ledger: Ledger, request: ApprovalRequest, who: Principal) -> ApprovalRequest:
    return ledger.approvals.vote(request.id, who, Decision.APPROVE, "", request.digest)


def test_accounts_linked_to_accounts_are_one_person_when_two_are_needed(ledger: Ledger) -> None:
    _, request = ask(ledger, Ruling.TWO)
    first = add_approver(ledger, "bob")
    second = add_approver(ledger, "bob-web", person="bob")
    third = add_approver(ledger, "bob-cli", person="bob-web")
    approve(ledger, request, third)
    for again in (second, first):
        with pytest.raises(WrongState, match="has voted"):
            approve(ledger, request, again)
    assert ledger.approvals.get(request.id).status is ApprovalStatus.WAITING


def test_accounts_linked_in_a_circle_are_one_person(ledger: Ledger) -> None:
    _, request = ask(ledger, Ruling.TWO)
    one, other = add_approver(ledger, "bob", person="rob"), add_approver(ledger, "rob", person="bob")
    approve(ledger, request, one)
    with pytest.raises(WrongState, match="has voted"):
        approve(ledger, request, other)


def test_requester_does_not_approve_through_an_account_of_an_account(ledger: Ledger) -> None:
    add_approver(ledger, "mei-web", person="mei")
    _, request = ask(ledger, requester="mei-web")
    for name, person in (("mei", ""), ("mei-cli", "mei-web"), ("mei-old", "mei-cli")):
        with pytest.raises(ApproverIsRequester):
            approve(ledger, request, add_approver(ledger, name, person=person))


def test_votes_that_turn_out_to_be_one_persons_do_not_approve_when_the_link_comes_between_them(ledger: Ledger) -> None:
    _, request = ask(ledger, Ruling.TWO)
    approve(ledger, request, add_approver(ledger, "bob-web", person="bob"))
    last = add_approver(ledger, "robert")
    add_approver(ledger, "bob", person="robert")
    with pytest.raises(WrongState, match="has voted"):
        approve(ledger, request, last)


@pytest.mark.parametrize("account", ["slack:T1/U1", "U0123", "nobody", "oidc:https://issuer/mei"])
def test_account_that_is_linked_to_nobody_never_counts(ledger: Ledger, account: str) -> None:
    _, request = ask(ledger)
    stranger = Principal(id=account, name=account, roles=frozenset(Role), scope=Scope())
    with pytest.raises(NotAuthorised):
        approve(ledger, request, stranger)


@pytest.mark.parametrize(
    ("taken", "wish"),
    [
        ("alice", "аlice"),  # Cyrillic a
        ("alice", "alicе"),  # Cyrillic e
        ("paul", "ρaul"),  # Greek rho
        ("bоb", "bob"),  # the look-alike was there first
        ("Alice", "ａｌｉｃｅ"),  # full width
    ],
)
def test_name_is_refused_when_it_reads_like_a_known_one(ledger: Ledger, taken: str, wish: str) -> None:
    add_approver(ledger, taken)
    with pytest.raises(WrongState):
        add_approver(ledger, wish)


def test_names_that_merely_resemble_each_other_are_two_names(ledger: Ledger) -> None:
    for name in ("mei", "mel", "jose", "josé", "王伟", "王玮", "иван"):
        add_approver(ledger, name)


@given(st.text(max_size=30))
def test_folding_a_name_twice_is_folding_it_once(name: str) -> None:
    assert folded(folded(name)) == folded(name)


def reaching(ledger: Ledger, review: Review) -> ApprovalRequest:
    return ledger.approvals.ask(review.incident_id, review.plan_id, review, 1, "mei")


def node_review(ledger: Ledger) -> Review:
    """A drain: its target is a node, its evictions are of pods in two namespaces."""
    incident = open_incident(ledger)
    plan = make_plan(incident.id)
    ledger.plans.put(plan)
    review = make_review(plan)
    node = ObjectRef(cluster=plan.cluster, kind="Node", namespace="", name="gpu-1")
    paths = (
        "/api/v1/nodes/gpu-1",
        "/api/v1/namespaces/serving/pods/a/eviction",
        "/api/v1/namespaces/pay/pods/b/eviction",
    )
    requests = tuple(ApiRequest(cluster=plan.cluster, method="POST", path=path) for path in paths)
    step = review.steps[0].model_copy(update={"target": node, "requests": requests})
    return review.model_copy(update={"steps": (step,)})


@pytest.mark.parametrize("namespaces", [("serving",), ("serving", "pay"), ("*-serving", "s*")])
def test_drain_is_not_approved_by_who_has_some_namespaces_only(ledger: Ledger, namespaces: tuple[str, ...]) -> None:
    request = reaching(ledger, node_review(ledger))
    assert {"serving", "pay", "*"} <= set(request.namespaces)
    limited = add_approver(ledger, "ann", Scope(namespaces=namespaces))
    assert ledger.approvals.waiting(limited.scope) == []
    with pytest.raises(NotAuthorised, match="as a whole"):
        approve(ledger, request, limited)
    assert approve(ledger, request, add_approver(ledger, "wei")).status is ApprovalStatus.APPROVED


def test_approver_of_some_services_decides_only_where_the_services_that_feel_it_are_known_and_theirs(
    ledger: Ledger,
) -> None:
    incident = open_incident(ledger)
    plan = make_plan(incident.id)
    ledger.plans.put(plan)
    ann = add_approver(ledger, "ann", Scope(services=("vllm*",)))
    unknown = make_review(plan)
    with pytest.raises(NotAuthorised, match="not known"):
        approve(ledger, reaching(ledger, unknown), ann)
    beyond = unknown.model_copy(
        update={"id": "rev-2", "blast": BlastRadius(services=("serving/vllm", "serving/gateway"))}
    )
    with pytest.raises(NotAuthorised, match="gateway"):
        approve(ledger, reaching(ledger, beyond), ann)
    own = unknown.model_copy(update={"id": "rev-3", "blast": BlastRadius(services=("serving/vllm-http",))})
    assert approve(ledger, reaching(ledger, own), ann).status is ApprovalStatus.APPROVED
