"""What the incident page shows, arranged for reading: the templates decide nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from api.bootstrap import Desk
from api.review_view import ReviewView
from api.web.acts import APPROVED
from api.web.dossier import Dossier, open_dossier, timeline_within
from api.web.reviewed import open_review
from api.web.scoping import evidence_within
from knowledge.errors import NotFound
from knowledge.ledger.lifecycle import ENDS
from knowledge.vocabulary import (
    ApprovalStatus,
    Diagnosis,
    Evidence,
    Execution,
    ExecutionStatus,
    Hypothesis,
    Incident,
    IncidentStatus,
    Principal,
    RecalledCase,
    Role,
    StepResult,
    TimelineEntry,
)

MOST_EVIDENCE = 100
EXCERPT_CHARACTERS = 4_000
CANCELLABLE = frozenset({ExecutionStatus.REQUESTED, ExecutionStatus.RUNNING})
UNDOABLE = frozenset({ExecutionStatus.DONE, ExecutionStatus.FAILED, ExecutionStatus.CANCELLED})
AT_WORK = frozenset(
    {IncidentStatus.OPEN, IncidentStatus.INVESTIGATING, IncidentStatus.EXECUTING, IncidentStatus.VERIFYING}
)
UNDER_WAY = {
    IncidentStatus.AWAITING_APPROVAL: "approve",
    IncidentStatus.EXECUTING: "execute",
    IncidentStatus.VERIFYING: "verify",
}
FLOW = (
    "intake", "triage", "collect", "detect", "retrieve", "diagnose", "plan", "review", "approve", "execute", "verify", "learn",
)  # fmt: skip


@dataclass(frozen=True)
class Stage:
    """A stage of the flow and how far it is."""

    name: str
    state: Literal["done", "now", "error", "passed", "ahead"]


@dataclass(frozen=True)
class Excerpt:
    """The beginning of a fact's text; ``left_out`` counts the characters that its own page has besides."""

    fact: Evidence
    text: str
    left_out: int


@dataclass(frozen=True)
class Recalled:
    """A case and why it matches: ``(fault, its names)``; an empty first word where the reason is in words already."""

    case: RecalledCase
    reasons: list[tuple[str, str]]


@dataclass(frozen=True)
class Ranked:
    """A cause in two orders: its places in the desk's own and in the model's, from 1; None where it is in neither."""

    hypothesis: Hypothesis
    ours: int
    models: int | None


@dataclass(frozen=True)
class StepRun:
    """A step of the plan beside what became of it, and of its undo; empty: not begun."""

    index: int
    line: str
    is_hidden: bool
    results: list[StepResult]


def incident_values(desk: Desk, principal: Principal, incident: Incident) -> dict[str, Any]:
    """Everything that the parts of the incident page name. Blocking."""
    dossier = open_dossier(desk, principal, incident)
    entries = timeline_within(desk, principal, incident, desk.ledger.timeline.for_incident(incident.id))
    facts = desk.ledger.evidence.for_incident(incident.id, MOST_EVIDENCE + 1)
    view = _view(desk, principal, incident)
    cited = _cited(dossier)
    may_respond = principal.may(Role.RESPONDER)
    return {
        "incident": incident,
        "dossier": dossier,
        "view": view,
        "stages": stages(entries, incident),
        "timeline": entries,
        "answer": _answer(entries),
        "recalled": recalled_within(desk, principal, entries),
        "supporting": set(dossier.diagnosis.chosen.case_ids) if dossier.diagnosis and dossier.diagnosis.chosen else set(),
        "orders": orders(dossier.diagnosis),
        "runs": _runs(view, dossier.execution),
        "evidence": [_excerpt(fact) for fact in _ordered(evidence_within(principal.scope, facts[:MOST_EVIDENCE]), cited)],
        "cited": cited,
        "has_more_evidence": len(facts) > MOST_EVIDENCE,
        "may_respond": may_respond,
        "may_tick": dossier.approval is None or dossier.approval.status in APPROVED,
        "may_cancel": may_respond and dossier.execution is not None and dossier.execution.status in CANCELLABLE,
        "may_undo": may_respond and dossier.execution is not None and dossier.execution.status in UNDOABLE,
        "has_ended": incident.status in ENDS,
        "is_at_work": incident.status in AT_WORK,
        "is_merged": incident.status is IncidentStatus.MERGED,
        "waits": dossier.approval is not None and dossier.approval.status is ApprovalStatus.WAITING,
    }  # fmt: skip


def stages(entries: list[TimelineEntry], incident: Incident) -> list[Stage]:
    """How far the flow is since the incident was opened, or opened again."""
    last_opening = max((place for place, entry in enumerate(entries) if entry.stage == "reopen"), default=-1)
    told = {entry.stage: entry for entry in entries[last_opening + 1 :]}
    reached = max((place for place, name in enumerate(FLOW) if name in told), default=-1)
    if last_opening >= 0:
        reached = max(reached, 0)
    at = reached + 1 if incident.status in AT_WORK else -1
    if incident.status in UNDER_WAY:
        at = FLOW.index(UNDER_WAY[incident.status])
    found = [Stage(name, _state(place, name, told, reached, at)) for place, name in enumerate(FLOW)]
    ends = [name for name in ("undo", "answer", "hand_over") if name in told]
    is_short = incident.status not in AT_WORK and at < 0
    kept = [one for one in found if one.state != "ahead"] if is_short else found
    return [*kept, *(Stage(name, "error" if name == "hand_over" else "done") for name in ends)]


def _state(
    place: int, name: str, told: dict[str, TimelineEntry], reached: int, at: int
) -> Literal["done", "now", "error", "passed", "ahead"]:
    if place == at:
        return "now"
    if name in told:
        return "error" if told[name].data.get("error") else "done"
    return "passed" if place < max(reached, at) else "ahead"


def recalled_within(desk: Desk, principal: Principal, entries: list[TimelineEntry]) -> list[Recalled]:
    """The cases that the last round recalled, as far as they are of the reader's services."""
    rounds = [entry.data["cases"] for entry in entries if entry.stage == "retrieve" and entry.data.get("cases")]
    if not rounds:
        return []
    cases = [RecalledCase.model_validate(case) for case in rounds[-1]]
    rows = {row.key[1]: row for row in desk.library.entries("cases")}
    shown = [case for case in cases if case.case_id in rows and rows[case.case_id].is_within(principal.scope)]
    return [Recalled(case, [_reason(part) for part in case.why.split("; ")]) for case in shown]


def _reason(part: str) -> tuple[str, str]:
    word, _, names = part.partition(" ")
    return (word, names) if names and word in {"fault", "alert", "service"} else ("", part)


def orders(diagnosis: Diagnosis | None) -> list[Ranked]:
    """The causes in the desk's own order, with the model's beside it; empty where the model's is no other."""
    if diagnosis is None or not diagnosis.model_order:
        return []
    known = [one for one in (diagnosis.chosen, diagnosis.runner_up, *diagnosis.others) if one is not None]
    places = {name: place for place, name in enumerate(diagnosis.model_order, 1)}
    ours = sorted(known, key=lambda one: -one.score)
    return [Ranked(one, place, places.get(one.id)) for place, one in enumerate(ours, 1)]


def _view(desk: Desk, principal: Principal, incident: Incident) -> ReviewView | None:
    try:
        return open_review(desk, principal, incident)
    except NotFound:
        return None


def _answer(entries: list[TimelineEntry]) -> TimelineEntry | None:
    """What the desk said to whoever asked, last."""
    said = [entry for entry in entries if entry.stage == "answer" and entry.data.get("text")]
    return said[-1] if said else None


def _cited(dossier: Dossier) -> set[str]:
    chosen = dossier.diagnosis.chosen if dossier.diagnosis else None
    return set(chosen.evidence_ids) if chosen else set()


def _ordered(facts: Iterable[Evidence], cited: set[str]) -> list[Evidence]:
    """What the diagnosis cites comes first."""
    return sorted(facts, key=lambda fact: fact.id not in cited)


def _excerpt(fact: Evidence) -> Excerpt:
    return Excerpt(fact, fact.text[:EXCERPT_CHARACTERS], max(0, len(fact.text) - EXCERPT_CHARACTERS))


def _runs(view: ReviewView | None, execution: Execution | None) -> list[StepRun]:
    """Every step of the plan that runs, in its order, so that one sees what is still to come."""
    if execution is None:
        return []
    steps = view.steps if view is not None and view.plan_id == execution.plan_id else ()
    known = {step.index: StepRun(step.index, step.line, step.is_hidden, []) for step in steps}
    for result in execution.results:
        known.setdefault(result.step, StepRun(result.step, "", True, [])).results.append(result)
    return [known[index] for index in sorted(known)]
