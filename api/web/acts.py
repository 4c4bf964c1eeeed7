"""What people do, checked and carried to the ledger in one place: the API's routes and the console's forms both come here.

Blocking, every one of them. Each ends with a nudge, so that the worker looks at once.
"""

from __future__ import annotations

import unicodedata
import uuid
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool

from agent.reasoning.triage import split_paste
from api.bootstrap import Desk, utc_now
from api.web.access import incident_within, known_id, require
from knowledge.errors import BadInput, BreakGlassRefused, NotAuthorised, NotFound, UnknownCluster, WrongState
from knowledge.ledger.principals import folded
from knowledge.ledger.values import Feedback
from knowledge.vocabulary import (
    ApprovalRequest,
    ApprovalStatus,
    Decision,
    Execution,
    Incident,
    Language,
    Plan,
    Principal,
    Role,
    Severity,
    Ticket,
)
from tools.redaction import redact_text

TITLE_CHARACTERS = 120
MOST_WORDS = 20_000
MOST_PASTED = 300_000
MANUAL_STEP_DONE = "manual_step_done"
APPROVED = frozenset({ApprovalStatus.APPROVED, ApprovalStatus.USED})


def storable(text: str) -> str:
    """Text that every database takes: no NUL, and no half of a surrogate pair."""
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValueError("holds a NUL or half a character; send text in UTF-8")
    return text


def _said(text: str) -> str:
    text = storable(text).strip()
    if not any(unicodedata.category(letter)[0] not in "CZ" for letter in text):
        raise ValueError("says nothing")
    return text


def _bounded(text: str) -> str:
    if len(split_paste(text)[0]) > MOST_WORDS:
        raise ValueError(f"says more than {MOST_WORDS} characters beside what is pasted: hand in the part that matters")
    return text


Words = Annotated[str, Field(max_length=2_000), AfterValidator(storable)]
Said = Annotated[str, Field(max_length=2_000), AfterValidator(_said)]
Name = Annotated[str, Field(max_length=253), AfterValidator(storable)]


class Order(BaseModel):
    """What a person sends; a field that is not known is an error, not a typo that passes."""

    model_config = ConfigDict(extra="forbid")


class TicketOrder(Order):
    text: Annotated[str, Field(max_length=MOST_PASTED), AfterValidator(_said), AfterValidator(_bounded)] = Field(
        description="What is wrong, what is asked, or what is to be done; Chinese or English. Terminal output may follow.",
        examples=["qwen2-7b answers slowly since 10:00", "重启 prod 命名空间的 qwen2-7b"],
    )
    cluster: Name = Field("", description="May be left out where one cluster is configured.")
    namespace: Name = ""
    service: Name = ""
    channel: Literal["web", "cli", "slack", "api"] = "api"


class AssignOrder(Order):
    assignee: Name = Field(description="A principal's name; empty: nobody's again.")


class MergeOrder(Order):
    into: Name = Field(description="The incident that takes this one in.")


class ReasonOrder(Order):
    reason: Said


class FeedbackOrder(Order):
    verdict: Literal["right", "wrong", "partly"]
    text: Words = ""


class DecisionOrder(Order):
    decision: Decision
    reason: Words = Field("", description="Required for a no.")
    digest: Name = Field(description="The digest of the review that was looked at: another one is not decided on.")
    break_glass: StrictBool = Field(
        False,
        description="Approve alone what needs more: only where the undo restores all of it; every approver is shown it.",
    )


class FreezeOrder(Order):
    cluster: Name = Field("*", description="`*`: every cluster.")
    reason: Said


def open_ticket(desk: Desk, principal: Principal, order: TicketOrder, key: str = "") -> Incident:
    require(principal, Role.RESPONDER)
    cluster = _cluster_for(desk, principal, order.cluster.strip())
    namespace, service = order.namespace.strip(), order.service.strip()
    if not principal.scope.allows(cluster=cluster, namespace=namespace, service=service):
        place = "/".join(part for part in (cluster, namespace, service) if part)
        raise NotAuthorised(f"{place} is outside your scope", next_step="ask an admin, or name a place of yours")
    text = _kept(order.text)
    is_chinese = any("\u4e00" <= letter <= "\u9fff" for letter in text)
    ticket = Ticket(
        id=f"tkt-{uuid.uuid4().hex[:16]}",
        requester=principal.id,
        text=text,
        language=Language.ZH if is_chinese else Language.EN,
        cluster=cluster,
        namespace=namespace,
        service=service,
        channel=order.channel,
        opened_at=utc_now(),
    )
    incident = desk.ledger.tickets.open(ticket, _title(text), Severity.MEDIUM, storable(key)[:200])
    desk.nudge()
    return incident


def _kept(text: str) -> str:
    """The asker's words as they are, and what was pasted below them redacted: terminals show secrets."""
    words, pasted = split_paste(text)
    return f"{words}\n{redact_text(pasted)}".strip() if pasted else text


def assign(desk: Desk, principal: Principal, incident_id: str, order: AssignOrder) -> Incident:
    require(principal, Role.RESPONDER)
    incident_within(desk, principal, incident_id)
    assignee = folded(order.assignee)
    if assignee:
        try:
            assignee = desk.ledger.principals.by_id(assignee).id
        except NotFound as error:
            raise BadInput(error.message, next_step=error.next_step) from None
    return desk.ledger.incidents.assign(incident_id, assignee, principal.id)


def merge(desk: Desk, principal: Principal, incident_id: str, order: MergeOrder) -> Incident:
    require(principal, Role.RESPONDER)
    incident_within(desk, principal, incident_id)
    incident_within(desk, principal, order.into.strip())
    merged = desk.ledger.incidents.merge(incident_id, order.into.strip(), principal.id)
    desk.nudge()
    return merged


def close(desk: Desk, principal: Principal, incident_id: str, order: ReasonOrder) -> Incident:
    require(principal, Role.RESPONDER)
    incident_within(desk, principal, incident_id)
    return desk.ledger.incidents.close(incident_id, principal.id, order.reason)


def reopen(desk: Desk, principal: Principal, incident_id: str, order: ReasonOrder) -> Incident:
    require(principal, Role.RESPONDER)
    incident_within(desk, principal, incident_id)
    incident = desk.ledger.incidents.reopen(incident_id, principal.id, order.reason)
    desk.nudge()
    return incident


def give_feedback(desk: Desk, principal: Principal, incident_id: str, order: FeedbackOrder) -> Feedback:
    require(principal, Role.RESPONDER)
    incident_within(desk, principal, incident_id)
    return desk.ledger.feedback.add(incident_id, principal, order.verdict, order.text.strip())


def decide(desk: Desk, principal: Principal, approval_id: str, order: DecisionOrder) -> ApprovalRequest:
    """One person's vote, bound to the digest of what they looked at."""
    _require_approver(desk, principal, approval_id, order)
    request = approval_within(desk, principal, approval_id)
    reason = order.reason.strip()
    if order.decision is Decision.REJECT and not reason:
        raise BadInput("a no needs a reason", next_step="say in one sentence what is wrong with the plan")
    approvals, hold = desk.ledger.approvals, desk.settings.desk.approval_hold_seconds
    if order.break_glass:
        if order.decision is Decision.REJECT or desk.deps.policy.break_glass == "never":
            why = (
                "a no needs no broken glass"
                if order.decision is Decision.REJECT
                else "the policy lets nobody approve alone"
            )
            raise BreakGlassRefused(why, next_step="decide without break_glass")
        decided = approvals.break_glass(request.id, principal, reason, order.digest, hold_seconds=hold)
    else:
        decided = approvals.vote(request.id, principal, order.decision, reason, order.digest, hold_seconds=hold)
    desk.nudge()
    return decided


def _require_approver(desk: Desk, principal: Principal, approval_id: str, order: DecisionOrder) -> None:
    """Who tries to decide without the role is remembered: it is no slip of the hand, no face offers it to them."""
    try:
        require(principal, Role.APPROVER)
    except NotAuthorised:
        told = {"decision": order.decision.value, "because": "lacks the role approver"}
        desk.ledger.audit.append(principal.id, "approval.refused", known_id(approval_id, "approval request"), told)
        raise


def approval_within(desk: Desk, principal: Principal, approval_id: str) -> ApprovalRequest:
    request = desk.ledger.approvals.get(known_id(approval_id, "approval request"))
    try:
        incident_within(desk, principal, request.incident_id)
    except NotFound:
        raise NotFound(f"there is no approval request {approval_id}") from None
    return request


def tick(desk: Desk, principal: Principal, plan_id: str, index: int) -> Plan:
    """A person says that a manual step is done. What is not approved is not done by hand either."""
    require(principal, Role.RESPONDER)
    plan = desk.ledger.plans.get(known_id(plan_id, "plan"))
    try:
        incident_within(desk, principal, plan.incident_id)
    except NotFound:
        raise NotFound(f"there is no plan {plan_id}") from None
    approval = desk.ledger.approvals.latest_for_plan(plan.id)
    if approval is not None and approval.status not in APPROVED:
        raise WrongState(
            f"the plan's approval is {approval.status.value}: its steps are not to be carried out",
            next_step="wait for the approval, or reopen the incident",
        )
    ticked = desk.ledger.plans.tick(plan.id, index, principal)
    desk.ledger.wakes.add(plan.incident_id, MANUAL_STEP_DONE)
    desk.nudge()
    return ticked


def cancel(desk: Desk, principal: Principal, execution_id: str) -> Execution:
    require(principal, Role.RESPONDER)
    wanted = execution_within(desk, principal, execution_id)
    _reaches_targets(desk, principal, wanted.review_id)
    execution = desk.ledger.executions.cancel(wanted.id, principal.id)
    desk.nudge()
    return execution


def undo(desk: Desk, principal: Principal, execution_id: str) -> Execution:
    """The undo was approved with the plan; the executor carries it out while the target still holds what we wrote."""
    require(principal, Role.RESPONDER)
    wanted = execution_within(desk, principal, execution_id)
    _reaches_targets(desk, principal, wanted.review_id)
    execution = desk.ledger.executions.request_undo(wanted.id, principal.id)
    desk.nudge()
    return execution


def _reaches_targets(desk: Desk, principal: Principal, review_id: str) -> None:
    """Who sees an incident does not for that touch every object that its plan touches: each target has to be in scope, and
    one without a namespace (a node) is a matter for who has the whole cluster."""
    review, scope = desk.ledger.reviews.get(review_id), principal.scope
    for step in review.steps:
        target = step.target
        if target is None or not step.is_change:
            continue
        is_within = scope.allows(cluster=review.cluster, namespace=target.namespace)
        if not is_within or (not target.namespace and "*" not in scope.namespaces):
            raise NotAuthorised(
                f"{target.key} is outside your scope",
                next_step="ask somebody whose scope covers every target of the plan",
            )


def execution_within(desk: Desk, principal: Principal, execution_id: str) -> Execution:
    execution = desk.ledger.executions.get(known_id(execution_id, "execution"))
    try:
        incident_within(desk, principal, execution.incident_id)
    except NotFound:
        raise NotFound(f"there is no execution {execution_id}") from None
    return execution


def freeze(desk: Desk, principal: Principal, order: FreezeOrder) -> None:
    require(principal, Role.ADMIN)
    desk.ledger.switches.freeze(_freezable(desk, principal, order.cluster), principal.id, order.reason)


def unfreeze(desk: Desk, principal: Principal, cluster: str) -> bool:
    """Anybody who is an admin there may stop everything; only who has all of it lets everything run again."""
    require(principal, Role.ADMIN)
    if not {"*"} <= {*principal.scope.namespaces} & {*principal.scope.services}:
        raise NotAuthorised(
            "a freeze is the whole cluster's: more than your scope", next_step="ask an admin of all of it"
        )
    thawed = desk.ledger.switches.unfreeze(_freezable(desk, principal, cluster), principal.id)
    desk.nudge()
    return thawed


def clusters_within(desk: Desk, principal: Principal) -> list[str]:
    return [one.name for one in desk.settings.clusters if principal.scope.allows(cluster=one.name)]


def _freezable(desk: Desk, principal: Principal, cluster: str) -> str:
    if cluster == "*":
        if "*" not in principal.scope.clusters:
            raise NotAuthorised("every cluster is more than your scope", next_step="name one of your clusters")
        return cluster
    return _cluster_for(desk, principal, cluster)


def _cluster_for(desk: Desk, principal: Principal, cluster: str) -> str:
    """A cluster of the asker's scope; the only one there is when none is named."""
    known = clusters_within(desk, principal)
    if not cluster and len(known) == 1:
        return known[0]
    listed = ", ".join(known) or "none"
    if not cluster:
        raise BadInput(f"which cluster? (configured: {listed})", next_step="name one with `cluster`")
    if cluster not in known:
        raise UnknownCluster(f"no cluster named {cluster!r} is configured (configured: {listed})")
    return cluster


def _title(text: str) -> str:
    line = next(line.strip() for line in text.splitlines() if line.strip())
    return line if len(line) <= TITLE_CHARACTERS else line[: TITLE_CHARACTERS - 1] + "…"
