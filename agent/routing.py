"""Where an incident goes after each node: total functions of the state. Any error routes to a human."""

from __future__ import annotations

from typing import Literal

from agent.state import IncidentState

HandOver = Literal["hand_over"]


def _failed(state: IncidentState) -> bool:
    return bool(state.get("error"))


def after_intake(state: IncidentState) -> Literal["triage"] | HandOver:
    return "hand_over" if _failed(state) else "triage"


def after_triage(state: IncidentState) -> Literal["collect", "plan"] | HandOver:
    """A change request says what it wants done: it skips diagnosis."""
    if _failed(state):
        return "hand_over"
    return "plan" if state["triage"]["intent"] == "change_request" else "collect"


def after_collect(state: IncidentState) -> Literal["detect"] | HandOver:
    return "hand_over" if _failed(state) else "detect"


def after_detect(state: IncidentState) -> Literal["retrieve"] | HandOver:
    return "hand_over" if _failed(state) else "retrieve"


def after_retrieve(state: IncidentState) -> Literal["diagnose"] | HandOver:
    return "hand_over" if _failed(state) else "diagnose"


def after_diagnose(state: IncidentState) -> Literal["collect", "answer"] | HandOver:
    """Back to collect while the model asks for evidence, or a person's hint came in meanwhile; the diagnose node itself bounds
    the rounds, the ledger the hints."""
    if _failed(state):
        return "hand_over"
    looks_again = state.get("diagnosis", {}).get("looks_again")
    return "collect" if state.get("evidence_requests") or looks_again else "answer"


def after_answer(state: IncidentState) -> Literal["plan", "end"] | HandOver:
    """Only a fault that was found in the cluster goes on to a plan; a question, a report, a healthy cluster, or a fault that
    only a paste tells of ends here."""
    if _failed(state):
        return "hand_over"
    diagnosis = state.get("diagnosis", {})
    is_fault = state["triage"]["intent"] == "fault" and diagnosis.get("verdict") == "fault"
    return "plan" if is_fault and diagnosis.get("rests_on", "cluster") == "cluster" else "end"


def after_plan(state: IncidentState) -> Literal["review"] | HandOver:
    return "review" if state.get("plan_id") and not _failed(state) else "hand_over"


def after_review(state: IncidentState) -> Literal["approve"] | HandOver:
    """A forbidden or refused plan has no approval that could be asked for; in propose mode a person runs the script."""
    may_be_approved = state.get("ruling") in {"auto", "one", "two"}
    return "approve" if may_be_approved and not _failed(state) else "hand_over"


def after_approve(state: IncidentState) -> Literal["execute"] | HandOver:
    may_run = state.get("approval") in {"approved", "not_needed"}
    return "execute" if may_run and not _failed(state) else "hand_over"


def after_execute(state: IncidentState) -> Literal["verify", "end"] | HandOver:
    """A failed step was already undone by the executor; only a finished change is verified, a read is its own answer."""
    if _failed(state):
        return "hand_over"
    if state.get("execution") == "answered":
        return "end"
    return "verify" if state.get("execution") == "done" else "hand_over"


def after_verify(state: IncidentState) -> Literal["learn", "undo"] | HandOver:
    """Better is learned from, worse is taken back, and "not better" is kept and said."""
    if _failed(state):
        return "hand_over"
    outcome = state.get("verification", {}).get("outcome")
    if outcome == "better":
        return "learn"
    return "undo" if outcome == "worse" else "hand_over"


def after_learn(state: IncidentState) -> Literal["end"] | HandOver:
    return "hand_over" if _failed(state) else "end"
