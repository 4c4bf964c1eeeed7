"""Tickets that carry terminal output: diagnosed as of what was pasted, said, and never acted on by themselves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.reasoning.triage import intent_of, split_paste
from agent.state import MAXIMUM_STATE_BYTES
from knowledge.vocabulary import IncidentStatus, Intent, Verdict
from tests.agent.small_desk import shop, small_desk
from tests.cli.test_pasted import FAULT

PASTE = FAULT


async def test_pasted_fault_is_told_and_left_to_a_person_when_the_cluster_is_well(tmp_path: Path) -> None:
    with small_desk(tmp_path, cluster=shop(is_sick=False)) as place:
        incident_id = place.ticket(f"invoices are down, look at this\n{PASTE}")
        await place.advance(incident_id)
        ended = await place.settle(incident_id)
        diagnosis = place.ledger.diagnoses.latest(incident_id)
        assert diagnosis is not None
        assert (diagnosis.verdict, diagnosis.rests_on) == (Verdict.FAULT, "paste")
        assert diagnosis.chosen is not None
        assert "invoicer" in diagnosis.chosen.object.name
        assert set(diagnosis.chosen.evidence_ids) <= {one.id for one in place.ledger.evidence.for_incident(incident_id)}
        kept = {one.id: one.source for one in place.ledger.evidence.for_incident(incident_id)}
        assert {kept[one] for one in diagnosis.chosen.evidence_ids} == {"paste"}, (
            "hearsay is never taken for what was read"
        )
        assert ended.status is IncidentStatus.HANDED_OVER, place.story(incident_id)
        assert place.cluster.writes == []
        assert place.ledger.plans.for_incident(incident_id) == []
        assert "From what was pasted" in place.story(incident_id)


@pytest.mark.parametrize(
    "text",
    [
        PASTE,
        f"help, what is this?\n\n{PASTE}",
        "> $ kubectl describe pod x\n> Name:  x\n> Status:  Pending\n> Events: <none>",
    ],
)
def test_commands_in_pasted_output_are_no_order(text: str) -> None:
    assert intent_of(text) is Intent.FAULT


@pytest.mark.parametrize(
    "text",
    [
        "kubectl -n shop rollout restart deployment/cart",
        "please scale cart to 3",
        "$ kubectl scale deployment/cart --replicas=3",
    ],
)
def test_a_line_or_two_is_no_paste(text: str) -> None:
    assert split_paste(text) == (text, "")


def test_names_in_the_output_do_not_become_the_focus() -> None:
    words, pasted = split_paste(f"invoicer is down\n{PASTE}")
    assert words == "invoicer is down"
    assert pasted.startswith("$ kubectl get pods")


async def test_long_paste_is_read_whole_and_the_state_stays_small(tmp_path: Path) -> None:
    calm = "".join(f"2026-01-02T12:00:{second % 60:02d}Z INFO served request {second}\n" for second in range(4_000))
    text = f"invoices are down\n{PASTE}\n$ kubectl logs -n billing ledger-7d4b9c6f5-k8s2p\n{calm}"
    with small_desk(tmp_path, cluster=shop(is_sick=False)) as place:
        incident_id = place.ticket(text)
        await place.advance(incident_id)
        await place.settle(incident_id)
        diagnosis = place.ledger.diagnoses.latest(incident_id)
        assert diagnosis is not None
        assert diagnosis.rests_on == "paste"
        state = await place.graph.aget_state({"configurable": {"thread_id": f"{incident_id}:1"}})
        assert len(json.dumps(state.values)) < MAXIMUM_STATE_BYTES
