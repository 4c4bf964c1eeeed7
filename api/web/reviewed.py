"""Makes the one view of a review out of the ledger's plan, review, approval and diagnosis, as its reader may see it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from api.bootstrap import Desk, utc_now
from api.review_view import (
    ApprovalView,
    BudgetView,
    Certainty,
    Felt,
    MayVote,
    ReviewView,
    Rival,
    RuleSaid,
)
from api.web.deciding import may_decide
from api.web.dossier import latest_proposal
from api.web.review_steps import hidden_step, step_view
from api.web.scoping import narrowed, sees_all
from knowledge.errors import NotFound
from knowledge.vocabulary import (
    ApprovalRequest,
    ApprovalStatus,
    BlastRadius,
    BudgetRoom,
    Decision,
    Diagnosis,
    FrozenStep,
    Hypothesis,
    Incident,
    Plan,
    Principal,
    Review,
    Ruling,
    Scope,
    Text,
)

MOST_NAMES = 50
MOST_GAPS = 50
SAID = {
    Ruling.AUTO: Text(en="may run without approval", zh="无需审批即可执行"),
    Ruling.ONE: Text(en="needs one approver", zh="需要一名审批人"),
    Ruling.TWO: Text(en="needs two approvers", zh="需要两名审批人"),
    Ruling.FORBIDDEN: Text(en="is forbidden, whoever approves", zh="被禁止，任何人都不能批准"),
    Ruling.REFUSED: Text(en="is refused as it stands", zh="按现状被拒绝"),
}
_ELSEWHERE = Text(en="about what lies outside your scope", zh="涉及您权限范围之外的对象")


@dataclass(frozen=True, slots=True)
class Proposal:
    """The parts of the ledger that a review is drawn from."""

    plan: Plan
    review: Review
    approval: ApprovalRequest | None = None
    diagnosis: Diagnosis | None = None
    may_vote: MayVote | None = None


def open_review(desk: Desk, principal: Principal, incident: Incident) -> ReviewView:
    """The view of the incident's latest plan. Blocking. Raises NotFound when nothing was planned, or reviewed, yet."""
    plan, review, approval = latest_proposal(desk, incident)
    if plan is None or review is None:
        what = "no plan" if plan is None else "no review of its plan"
        raise NotFound(f"{incident.id} has {what} yet", next_step=f"opsdesk incident show {incident.id}")
    vote = may_decide(desk, principal, approval, incident) if approval is not None else None
    found = Proposal(
        plan, review, approval, desk.ledger.diagnoses.latest(incident.id),
        None if vote is None else MayVote.model_validate(vote.model_dump()),
    )  # fmt: skip
    return view_of(found, principal.scope, utc_now())


def view_of(found: Proposal, scope: Scope, at: datetime) -> ReviewView:
    """Pure: the same parts, reader and moment give the same view."""
    plan, review = found.plan, found.review
    reader = _Reader(scope, review.cluster, _outside(review.steps, scope, review.cluster))
    steps = tuple(
        hidden_step(step) if step.step.index in reader.hidden else step_view(step, review, reader.sees_line)
        for step in review.steps
    )
    rules = tuple(_rules(review, reader))
    warnings, open_points = reader.texts(review.warnings), reader.texts(review.open_points)
    allowed = tuple(one for one in review.permissions if reader.sees(one.namespace))
    distant = [one.message for one in rules if one.rule == "topology_distance"]
    return ReviewView(
        incident_id=review.incident_id, plan_id=plan.id, review_id=review.id, cluster=review.cluster, digest=review.digest,
        reviewed_at=review.reviewed_at, at=at, ruling=review.ruling, said=SAID[review.ruling],
        approvers_needed=review.approvers_needed if review.approvers_needed >= 0 else None,
        approvers_named=review.approvers, script="" if reader.hidden else plan.script, written_by=plan.written_by,
        requester=plan.requester, reason=reader.within(Text(en=plan.reason, zh=plan.reason)).en, steps=steps,
        manual_steps=tuple(one.model_copy(update={"instruction": reader.within(one.instruction)}) for one in plan.manual_steps),
        hidden_steps=len(reader.hidden), rules=rules, topology_note=distant[0] if distant else None,
        owner_notes=tuple(one for one in rules if one.rule == "owner"),
        owner_patches=tuple(one for one in review.patches if reader.sees(one.target.namespace)),
        rights_note=review.rights_note, permissions=allowed, permissions_left_out=len(review.permissions) - len(allowed),
        felt=_felt(review, plan, reader), warnings=warnings, open_points=open_points,
        notes_left_out=len(review.warnings) + len(review.open_points) - len(warnings) - len(open_points),
        certainty=_certainty(found.diagnosis, reader), approval=_approval(found.approval, at), may_vote=found.may_vote,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Reader:
    """Whose eyes it is for. ``hidden`` are the steps outside the scope, with the words that would give them away."""

    scope: Scope
    cluster: str
    hidden: dict[int, frozenset[str]]

    @property
    def sees_all(self) -> bool:
        return sees_all(self.scope, self.cluster)

    def sees(self, namespace: str) -> bool:
        return self.scope.allows(cluster=self.cluster, namespace=namespace)

    def sees_name(self, name: str) -> bool:
        """Of a ``namespace/name``; a name without a namespace is everybody's."""
        namespace, _, rest = name.partition("/")
        return not rest or self.sees(namespace)

    def sees_line(self, line: str) -> bool:
        """Whether a line of a difference names only objects (``Pod/shop/web-1``) within the scope."""
        return self.sees_all or all(narrowed(word, self.scope, self.cluster) is not None for word in line.split())

    def sees_text(self, text: Text) -> bool:
        """Of words that name no step: they are withheld when they name what a hidden step touches."""
        if any(word in text.en or word in text.zh for words in self.hidden.values() for word in words):
            return False
        return self.within(text) == text

    def within(self, text: Text) -> Text:
        """The words, or that they concern what lies outside."""
        if self.sees_all:
            return text
        return Text.model_validate(narrowed(text.model_dump(), self.scope, self.cluster) or _ELSEWHERE.model_dump())

    def texts(self, texts: Iterable[Text]) -> tuple[Text, ...]:
        return tuple(text for text in texts if self.sees_text(text))


def _outside(steps: Sequence[FrozenStep], scope: Scope, cluster: str) -> dict[int, frozenset[str]]:
    if sees_all(scope, cluster):
        return {}
    found: dict[int, frozenset[str]] = {}
    for step in steps:
        namespaces = {step.target.namespace} if step.target is not None else _namespaces_of(step)
        if any(not scope.allows(cluster=cluster, namespace=namespace) for namespace in namespaces):
            name = step.target.name if step.target is not None else ""
            found[step.step.index] = frozenset({*namespaces, name} - {""})
    return found


def _namespaces_of(step: FrozenStep) -> set[str]:
    """Where a step without one target (a read of several) looks, off its requests' paths; what names no place sees all."""
    found = set()
    for request in step.requests:
        parts = request.path.split("/")
        place = parts.index("namespaces") + 1 if "namespaces" in parts else len(parts)
        found.add(parts[place] if place < len(parts) else "")
    return found


def _rules(review: Review, reader: _Reader) -> Iterable[RuleSaid]:
    for one in sorted(review.verdicts, key=lambda verdict: -verdict.ruling.strictness):
        is_elsewhere = one.step in reader.hidden or not reader.sees_text(one.message)
        message = _ELSEWHERE if is_elsewhere else one.message
        yield RuleSaid(rule=one.rule, ruling=one.ruling, step=one.step, message=message)


def _felt(review: Review, plan: Plan, reader: _Reader) -> Felt:
    blast: BlastRadius = review.blast
    rooms = blast.rooms or tuple(BudgetRoom(name=name, allowed=0) for name in blast.budgets)
    pods = [name for name in blast.pod_names if reader.sees_name(name)]
    services = [name for name in blast.services if reader.sees_name(name)]
    budgets = [BudgetView(name=room.name, allowed=room.allowed) for room in rooms if reader.sees_name(room.name)]
    return Felt(
        is_known=_is_weighed(review, plan), pods=blast.pods,
        replicas=blast.replicas, pod_names=tuple(pods[:MOST_NAMES]), pods_left_out=max(0, blast.pods - len(pods[:MOST_NAMES])),
        services=tuple(services[:MOST_NAMES]), services_left_out=len(blast.services) - len(services[:MOST_NAMES]),
        nodes=blast.nodes[:MOST_NAMES], budgets=tuple(budgets[:MOST_NAMES]), budgets_left_out=len(rooms) - len(budgets[:MOST_NAMES]),
    )  # fmt: skip


def _is_weighed(review: Review, plan: Plan) -> bool:
    """Whether a cluster was looked at: a change that was frozen names its target. What only reads, or is done by hand, is felt
    by nobody."""
    changes = [step for step in review.steps if step.is_change]
    if not changes:
        return bool(review.steps) or not plan.steps
    return any(step.target is not None for step in changes)


def _certainty(diagnosis: Diagnosis | None, reader: _Reader) -> Certainty | None:
    if diagnosis is None:
        return None
    left = narrowed(diagnosis.model_dump(mode="json"), reader.scope, reader.cluster)
    shown = Diagnosis.model_validate(left)
    if diagnosis.chosen is not None and shown.chosen is None:
        return Certainty(is_hidden=True)
    return Certainty(
        verdict=shown.verdict, summary=shown.summary, confidence=shown.confidence, parts=tuple(part for part in shown.confidence_parts if part.value),
        rests_on=shown.rests_on, cause=_rival(shown.chosen), runner_up=_rival(shown.runner_up), gaps=shown.gaps[:MOST_GAPS],
        gaps_left_out=len(diagnosis.gaps) - len(shown.gaps[:MOST_GAPS]),
    )  # fmt: skip


def _rival(one: Hypothesis | None) -> Rival | None:
    return None if one is None else Rival(title=one.title, fault=one.fault, object=one.object, score=one.score)


def _approval(request: ApprovalRequest | None, at: datetime) -> ApprovalView | None:
    if request is None:
        return None
    waits, holds = request.status is ApprovalStatus.WAITING, request.status is ApprovalStatus.APPROVED
    persons = {vote.person for vote in request.votes if vote.decision is Decision.APPROVE}
    return ApprovalView(
        id=request.id, status=request.status, needed=request.needed,
        still_needed=max(0, request.needed - len(persons)) if waits else 0, votes=request.votes, requester=request.requester,
        asked_at=request.asked_at, expires_at=request.expires_at,
        seconds_left=_seconds(at, request.expires_at) if waits else None, approved_at=request.approved_at,
        holds_until=request.holds_until,
        hold_seconds_left=_seconds(at, request.holds_until) if holds and request.holds_until else None,
        reason=request.reason, is_glass_broken=request.is_glass_broken, told=request.told,
    )  # fmt: skip


def _seconds(at: datetime, until: datetime) -> int:
    return max(0, int((until - at).total_seconds()))
