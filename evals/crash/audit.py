"""What the cluster's own log says was carried out, held against the plan and against what the ledger believes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from knowledge.vocabulary import ExecutionStatus, Json, ReversalKind, StepOutcome

MARK = "opsdesk.io/step"
AT_REST = frozenset({"resolved", "handed_over", "answered", "closed"})
CARRIED_UNANSWERED = frozenset({"drop_after_write", "status_after_write"})


@dataclass(frozen=True)
class Expected:
    """One write that the plan, or its undo, may make; ``key`` is its step key."""

    key: str
    method: str
    path: str
    body: Any
    is_inverse: bool


def complaints(outcome: Json, seen: list[Json], ends: ExecutionStatus) -> list[str]:
    """Everything that is wrong, in words; empty when each write was made once, or undone, and all of it is known."""
    executions = outcome["executions"]
    if outcome["incident"]["status"] not in AT_REST:
        return [f"the incident is {outcome['incident']['status']}: nobody is told"]
    if len(executions) != 1:
        return [f"{len(executions)} executions of one approval"]
    execution = executions[0]
    steps = outcome["steps"]
    expected = list(_expected(execution["id"], steps))
    carried = Counter(_key_of(one, expected) for one in seen if _is_carried_out(one))
    found = [f"{execution['status']}, not {ends.value}: {execution['message']}"] if execution["status"] != ends else []
    found += [f"made {count} times: {key}" for key, count in sorted(carried.items()) if count > 1]
    found += [f"not of the plan: {key}" for key in sorted(carried) if key.startswith("?")]
    found += _against_results(execution["results"], set(carried), {one.key: one for one in expected})
    if execution["status"] == ExecutionStatus.DONE:
        found += [f"lost: {one.key}" for one in expected if not one.is_inverse and one.key not in carried]
    if execution["status"] == ExecutionStatus.UNDONE:
        found += _against_undo(execution["id"], steps, set(carried))
    return found


def _expected(execution_id: str, steps: list[Json]) -> Iterator[Expected]:
    for step in steps:
        if step["step"]["is_read"]:
            continue
        for requests, suffix in ((step["requests"], ""), (step["inverse"], "/undo")):
            for number, one in enumerate(requests):
                key = f"{execution_id}/{step['step']['index']}/{number}{suffix}"
                yield Expected(key, one["method"], one["path"], one["body"], is_inverse=bool(suffix))


def _is_carried_out(seen: Json) -> bool:
    return 200 <= seen["status"] < 300 or seen["injected"] in CARRIED_UNANSWERED


def _key_of(seen: Json, expected: list[Expected]) -> str:
    """The step key of a write: by our mark, or where it bears none by the frozen request that it is."""
    body = orjson.loads(seen["body"]) if seen["body"] else None
    marked = _mark(body)
    if marked:
        return marked
    fitting = [one for one in expected if (one.method, one.path) == (seen["method"], seen["path"])]
    same = [one for one in fitting if one.body == body] or fitting
    return same[0].key if same else f"? {seen['method']} {seen['path']}"


def _mark(body: Any) -> str:
    if isinstance(body, dict):
        return str((body.get("metadata", {}).get("annotations") or {}).get(MARK, ""))
    path = f"/metadata/annotations/{MARK.replace('/', '~1')}"
    return next((str(one["value"]) for one in body or [] if one["path"] == path), "")


def _against_results(results: list[Json], carried: set[str], expected: dict[str, Expected]) -> Iterator[str]:
    """What the ledger believes was done has been, and nothing was that it does not know of."""
    believed = {one["step_key"]: StepOutcome(one["outcome"]) for one in results if one["step_key"] in expected}
    for key, outcome in believed.items():
        if outcome in {StepOutcome.INTENDED, StepOutcome.PENDING}:
            yield f"left open: {key} is {outcome.value}"
        if outcome in {StepOutcome.DONE, StepOutcome.UNDONE} and key not in carried:
            yield f"believed {outcome.value} and never carried out: {key}"
        if outcome in {StepOutcome.FAILED, StepOutcome.UNDO_FAILED} and key in carried:
            yield f"believed {outcome.value} and carried out: {key}"
    yield from (f"carried out and not recorded: {key}" for key in sorted(carried - set(believed)))


def _against_undo(execution_id: str, steps: list[Json], carried: set[str]) -> Iterator[str]:
    for step in steps:
        index = step["step"]["index"]
        was_done = any(f"{execution_id}/{index}/{number}" in carried for number in range(len(step["requests"])))
        if step["step"]["is_read"] or not was_done or step["reversal"] != ReversalKind.RESTORES:
            continue
        for number in range(len(step["inverse"])):
            key = f"{execution_id}/{index}/{number}/undo"
            if key not in carried:
                yield f"done and not taken back: {key}"
