"""Routing is total: every state leads somewhere, and every error leads to a human."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import routing
from agent.nodes.hand_over import handed_over_because
from agent.state import IncidentState

ROUTERS: dict[str, Callable[[IncidentState], str]] = {
    name: router for name, router in vars(routing).items() if name.startswith("after_")
}

ERROR = {"stage": "collect", "title": "cluster unreachable", "message": "m", "next_step": "n", "is_bug": False}


@pytest.mark.parametrize("name", sorted(ROUTERS))
def test_any_error_routes_to_a_human(name: str) -> None:
    state: Any = {
        "incident_id": "i",
        "triage": {"intent": "fault"},
        "error": ERROR,
        "execution": "done",
        "plan_id": "p",
    }
    assert ROUTERS[name](state) == "hand_over"


words = st.sampled_from(["", "fault", "question", "done", "failed", "better", "worse", "same", "auto", "approved", "x"])
states = st.fixed_dictionaries(
    {"incident_id": st.just("i"), "triage": st.fixed_dictionaries({"intent": words})},
    optional={
        "diagnosis": st.fixed_dictionaries({}, optional={"verdict": words}),
        "evidence_requests": st.lists(st.just({"kind": "logs"}), max_size=2),
        "plan_id": words,
        "ruling": words,
        "approval": words,
        "execution": words,
        "verification": st.fixed_dictionaries({}, optional={"outcome": words}),
        "undone": words,
        "plan_reason": words,
    },
)


@given(states)
def test_every_state_leads_to_a_node_or_the_end(state: Any) -> None:
    targets = {router(state) for router in ROUTERS.values()}
    known = "triage collect detect retrieve diagnose answer plan review approve execute verify undo learn hand_over end"
    assert targets <= set(known.split())


@given(states)
def test_a_person_always_reads_a_reason(state: Any) -> None:
    reason = handed_over_because(state)
    assert reason.en
    assert reason.zh


def test_only_an_approved_or_free_plan_is_executed() -> None:
    for approval in ("approved", "not_needed", "rejected", "expired", "void"):
        state: Any = {"incident_id": "i", "approval": approval}
        assert (routing.after_approve(state) == "execute") is (approval in {"approved", "not_needed"})


def test_a_worse_outcome_is_taken_back_and_an_unchanged_one_is_kept() -> None:
    def after(outcome: str) -> str:
        state: Any = {"incident_id": "i", "verification": {"outcome": outcome}}
        return routing.after_verify(state)

    assert [after(outcome) for outcome in ("better", "worse", "same", "unknown")] == [
        "learn",
        "undo",
        "hand_over",
        "hand_over",
    ]
