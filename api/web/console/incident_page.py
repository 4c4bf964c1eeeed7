"""What the incident page shows, arranged for reading: the template decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from api.bootstrap import Desk
from api.web.acts import APPROVED
from api.web.dossier import Dossier, open_dossier, timeline_within
from api.web.scoping import evidence_within
from knowledge.ledger.lifecycle import ENDS
from knowledge.vocabulary import (
    DryRun,
    Evidence,
    ExecutionStatus,
    FrozenStep,
    Incident,
    IncidentStatus,
    Principal,
    Review,
    RuleVerdict,
    StepResult,
    TimelineEntry,
)

MOST_EVIDENCE = 100
CANCELLABLE = frozenset({ExecutionStatus.REQUESTED, ExecutionStatus.RUNNING})
UNDOABLE = frozenset({ExecutionStatus.DONE, ExecutionStatus.FAILED, ExecutionStatus.CANCELLED})


@dataclass(frozen=True)
class StepView:
    """A frozen step with what was found of it; ``diff`` as (kind, line), kind one of add, del, hunk, same."""

    frozen: FrozenStep
    diff: list[tuple[str, str]]
    dry_run: DryRun | None
    result: StepResult | None


def incident_values(desk: Desk, principal: Principal, incident: Incident) -> dict[str, Any]:
    """Everything that ``incident.html`` names. Blocking."""
    dossier = open_dossier(desk, principal, incident)
    entries = timeline_within(principal, incident, desk.ledger.timeline.for_incident(incident.id))
    facts = desk.ledger.evidence.for_incident(incident.id, MOST_EVIDENCE + 1)
    has_more = len(facts) > MOST_EVIDENCE
    cited = _cited(dossier)
    return {
        "incident": incident,
        "dossier": dossier,
        "timeline": entries,
        "answer": _answer(entries),
        "steps": _steps(dossier),
        "verdicts": _verdicts(dossier.review),
        "denied": [check for check in dossier.review.permissions if not check.allowed] if dossier.review else [],
        "evidence": _ordered(evidence_within(principal.scope, facts[:MOST_EVIDENCE]), cited),
        "cited": cited,
        "has_more_evidence": has_more,
        "may_tick": dossier.approval is None or dossier.approval.status in APPROVED,
        "may_cancel": dossier.execution is not None and dossier.execution.status in CANCELLABLE,
        "may_undo": dossier.execution is not None and dossier.execution.status in UNDOABLE,
        "has_ended": incident.status in ENDS,
        "is_merged": incident.status is IncidentStatus.MERGED,
        "people": [one.id for one in desk.ledger.principals.list() if one.kind == "person"],
    }


def _answer(entries: list[TimelineEntry]) -> TimelineEntry | None:
    """What the desk said to whoever asked, last."""
    said = [entry for entry in entries if entry.stage == "answer" and entry.data.get("text")]
    return said[-1] if said else None


def _cited(dossier: Dossier) -> set[str]:
    chosen = dossier.diagnosis.chosen if dossier.diagnosis else None
    return set(chosen.evidence_ids) if chosen else set()


def _ordered(facts: list[Evidence], cited: set[str]) -> list[Evidence]:
    """What the diagnosis cites comes first."""
    return sorted(facts, key=lambda fact: fact.id not in cited)


def _verdicts(review: Review | None) -> list[RuleVerdict]:
    """The strictest first: that is the one which decides."""
    return sorted(review.verdicts, key=lambda one: -one.ruling.strictness) if review else []


def _steps(dossier: Dossier) -> list[StepView]:
    if dossier.review is None:
        return []
    tried = {run.step: run for run in dossier.review.dry_runs}
    done = {result.step: result for result in dossier.execution.results} if dossier.execution else {}
    return [
        StepView(step, _diff(step.diff), tried.get(step.step.index), done.get(step.step.index))
        for step in dossier.review.steps
    ]


def _diff(text: str) -> list[tuple[str, str]]:
    kinds = {"+": "add", "-": "del", "@": "hunk"}
    return [(kinds.get(line[:1], "same"), line) for line in text.split("\n") if text]
