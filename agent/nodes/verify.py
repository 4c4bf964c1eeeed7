"""Watches the recovery with new evidence: the symptom has to go away and stay away for the soak time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from agent.deps import Deps
from agent.gathering import gather_for
from agent.state import IncidentState
from knowledge.vocabulary import (
    Diagnosis,
    EvidenceKind,
    Execution,
    Finding,
    Focus,
    Gap,
    Plan,
    Review,
    Severity,
    Text,
    Triage,
    Verification,
)

OUTCOMES = {
    "better": Text(en="Recovered: the symptom is gone and stayed gone", zh="已恢复：症状消失且保持稳定"),
    "same": Text(en="Not better: the symptom is still there", zh="未好转：症状仍然存在"),
    "worse": Text(en="Worse: something new is broken", zh="变差：出现了新的故障"),
    "unknown": Text(en="Could not be verified: the evidence has gaps", zh="无法验证：证据存在缺口"),
}


@dataclass(frozen=True)
class Look:
    """One look at the cluster: what of the old trouble remains, and what is newly and seriously wrong."""

    at: datetime
    remaining: tuple[str, ...]
    new: tuple[str, ...]
    evidence_ids: tuple[str, ...]
    is_blind: bool


@dataclass(frozen=True)
class Watch:
    """What the recovery is watched by. An alert clears only when its source says so, minutes later as a rule: it is looked
    at again only where nothing but alerts named the cause."""

    incident_id: str
    focus: Focus
    symptoms: frozenset[str]
    known: frozenset[str]
    rests_on_alerts: bool


async def run(state: IncidentState, deps: Deps) -> IncidentState:
    incident_id = state["incident_id"]
    plan = await asyncio.to_thread(deps.ledger.plans.get, state["plan_id"])
    review = await asyncio.to_thread(deps.ledger.reviews.get, state["review_id"])
    execution = await _execution(state, deps)
    diagnosis = await asyncio.to_thread(deps.ledger.diagnoses.latest, incident_id)
    before = {_key(f): f for f in await asyncio.to_thread(deps.ledger.findings.for_incident, incident_id)}
    symptoms = symptoms_of(diagnosis, before)
    focus = _focus(state, review, deps)
    started = (execution.finished_at if execution else None) or deps.clock.now()
    rests_on_alerts = await asyncio.to_thread(_rests_on_alerts, diagnosis, list(before.values()), deps)
    watch = Watch(incident_id, focus, symptoms, frozenset(before), rests_on_alerts)
    look, outcome = await _watched(watch, started, deps)
    verification = Verification(
        execution_id=execution.id if execution else "",
        outcome=outcome,  # type: ignore[arg-type]
        summary=OUTCOMES[outcome],
        gone=tuple(sorted(symptoms - set(look.remaining))),
        remaining=look.remaining,
        new=look.new,
        evidence_ids=look.evidence_ids,
        soak_seconds=deps.options.soak_seconds,
        verified_at=deps.clock.now(),
    )
    await asyncio.to_thread(_record, incident_id, verification, diagnosis, plan, deps)
    return {"verification": verification.model_dump(mode="json")}


def _rests_on_alerts(diagnosis: Diagnosis | None, before: list[Finding], deps: Deps) -> bool:
    if diagnosis is None or diagnosis.chosen is None:
        return False
    own = [finding for finding in before if finding.id in diagnosis.chosen.finding_ids]
    cited = [evidence_id for finding in own for evidence_id in finding.evidence_ids]
    return bool(cited) and all(deps.ledger.evidence.get(one).kind is EvidenceKind.ALERT for one in cited)


def symptoms_of(diagnosis: Diagnosis | None, before: dict[str, Finding]) -> frozenset[str]:
    """What has to go away: the findings of the chosen cause and of everything that it explains."""
    if diagnosis is None or diagnosis.chosen is None:
        return frozenset()
    wanted = set(diagnosis.chosen.finding_ids) | set(diagnosis.chosen.explains)
    return frozenset(key for key, finding in before.items() if finding.id in wanted or key in wanted)


async def _execution(state: IncidentState, deps: Deps) -> Execution | None:
    execution_id = state.get("execution_id", "")
    return await asyncio.to_thread(deps.ledger.executions.get, execution_id) if execution_id else None


def _key(finding: Finding) -> str:
    return f"{finding.fault}@{finding.object.key}"


def _focus(state: IncidentState, review: Review, deps: Deps) -> Focus:
    focus = Triage.model_validate(state["triage"]).focus
    targets = tuple(step.target.namespace for step in review.steps if step.target and step.target.namespace)
    namespaces = tuple(dict.fromkeys((*focus.namespaces, *targets)))
    return focus.model_copy(update={"namespaces": namespaces, "until": deps.clock.now()})


async def _watched(watch: Watch, started: datetime, deps: Deps) -> tuple[Look, str]:
    """Looks again and again until the symptom has stayed gone for the soak time, or the time for a recovery is over."""
    soak = timedelta(seconds=deps.options.soak_seconds)
    deadline = started + timedelta(seconds=deps.options.recovery_seconds)
    healthy_since: datetime | None = None
    while True:
        look = await _look(watch, deps)
        if look.remaining or look.new or look.is_blind:
            healthy_since = None
        elif healthy_since is None:
            healthy_since = look.at
        if healthy_since is not None and look.at - healthy_since >= soak:
            return look, "better"
        limit = deadline + soak if healthy_since is not None else deadline
        if look.at >= limit:
            return look, _outcome(look)
        await deps.clock.sleep(deps.options.verify_every_seconds)


def _outcome(look: Look) -> str:
    if look.new:
        return "worse"
    if look.remaining:
        return "same"
    return "unknown"


async def _look(watch: Watch, deps: Deps) -> Look:
    now = deps.clock.now()
    focus = watch.focus.model_copy(update={"until": now})
    snapshot = await gather_for(watch.incident_id, focus, deps, with_alerts=watch.rests_on_alerts)
    findings = {_key(f): f for f in await asyncio.to_thread(deps.detectors.detect, snapshot)}
    remaining = tuple(sorted(key for key in findings if key in watch.symptoms))
    serious = {Severity.CRITICAL, Severity.HIGH}
    near = set(watch.focus.namespaces)
    new = tuple(
        sorted(
            key
            for key, finding in findings.items()
            if key not in watch.known and finding.severity in serious and (not near or finding.object.namespace in near)
        )
    )
    shown = [findings[key] for key in (*remaining, *new)]
    cited = tuple(dict.fromkeys(evidence_id for finding in shown for evidence_id in finding.evidence_ids))
    wanted = set(cited)
    stored = [item for item in snapshot.cited() if item.id in wanted]
    await asyncio.to_thread(deps.ledger.evidence.put_many, watch.incident_id, stored)
    return Look(now, remaining, new, cited, is_blind=any(_blinds(gap) for gap in snapshot.gaps))


def _blinds(gap: Gap) -> bool:
    """Without the pods nothing can be said of a recovery; a missing metric is bearable."""
    return gap.source in {"cluster", "pods", "workloads"}


def _record(incident_id: str, verification: Verification, diagnosis: Diagnosis | None, plan: Plan, deps: Deps) -> None:
    deps.ledger.verifications.put(incident_id, verification)
    data = verification.model_dump(mode="json")
    deps.ledger.timeline.add(incident_id, "verify", "opsdesk", verification.summary, data)
    if diagnosis is None or diagnosis.chosen is None or verification.outcome == "unknown":
        return
    held = verification.outcome == "better"
    fault, execution_id = diagnosis.chosen.fault, verification.execution_id
    applied = plan.written_by.removeprefix("case ") if plan.written_by.startswith("case ") else fault
    deps.ledger.outcomes.record(applied, held, fault=fault, execution_id=execution_id)
