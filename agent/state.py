"""What the graph carries from node to node: ids and a few small nouns, as plain JSON, under 64 KB.

Each key has one writer, named beside it. Everything larger (evidence, plans, reviews) stays in the ledger under its id.
The types are plain dicts because checkpoints outlive the code that wrote them; this module never moves.
"""

from __future__ import annotations

from typing import Any, Literal, TypedDict

JsonObject = dict[str, Any]

MAXIMUM_STATE_BYTES = 64 * 1024


class IncidentState(TypedDict, total=False):
    incident_id: str  # the worker, at start
    run: int  # the worker, at start: 1, and one more each time the incident is reopened
    triage: JsonObject  # triage: Triage
    collected: JsonObject  # collect: {"round", "objects", "gaps", "taken_at", "hints"}
    finding_ids: list[str]  # detect
    recalled: list[JsonObject]  # retrieve: RecalledCase, best first
    diagnosis: JsonObject  # diagnose: the small part of the Diagnosis; the whole is in the ledger
    evidence_requests: list[JsonObject]  # diagnose: typed requests that collect serves in the next round
    model_use: JsonObject  # diagnose, answer, plan: {"tokens", "cost", "calls"}, cumulative over all of them
    answered: bool  # answer
    plan_id: str  # plan: empty when there is nothing to run, with `plan_reason`
    plan_reason: str  # plan
    review_id: str  # review
    ruling: str  # review: the strictest verdict, or "propose" where the cluster's mode lets nothing be executed
    approval_id: str  # review: empty when nobody has to approve
    approval: Literal["approved", "rejected", "expired", "not_needed", "void"]  # approve
    execution_id: str  # execute
    execution: str  # execute: ExecutionStatus at its end, or "answered" when it only read
    verification: JsonObject  # verify
    undone: str  # undo: ExecutionStatus at its end
    lesson_id: str  # learn
    error: JsonObject  # the wrapper of every node: {"stage", "title", "message", "next_step", "is_bug"}
