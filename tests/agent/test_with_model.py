"""A model that is off, slow, broken, dear or talks nonsense: the offline diagnosis stands, the incident says so and goes on.

Every test but the first speaks the real protocol, through the real adapter, to a scripted server.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.state import MAXIMUM_STATE_BYTES
from knowledge.vocabulary import Diagnosis, IncidentStatus, Json
from tests.agent.model_desk import asked, data_of, desk_with, diagnosis_of, reading, run, saying, without_remedy
from tests.agent.small_desk import SmallDesk, small_desk
from tests.fakes.openai_server import OpenAIServer, Scripted, openai_server
from tools.ports import ModelAnswer

__all__ = ["openai_server"]

Break = Callable[[OpenAIServer], None]


def always(answer: str | Json | Scripted) -> Break:
    return lambda server: server.answer_with(lambda _: answer)


FAILURES: dict[str, tuple[Break, str]] = {
    "slow": (always(Scripted("{}", after_seconds=30)), "did not answer within 0.3 seconds"),
    "500": (always(Scripted("out of memory", status=500)), "model unavailable"),
    "rate limit": (always(Scripted("slow down", status=429, headers={"Retry-After": "0"})), "model unavailable"),
    "wrong key": (always(Scripted("bad key", status=401)), "does not accept our key"),
    "unknown model": (always(Scripted("no such model", status=404)), "model unavailable"),
    "hang-up": (always(Scripted(hangs_up=True)), "model unavailable"),
    "HTML": (always(Scripted(raw=b"<html>504 \xff\xfe</html>")), "model unavailable"),
    "half a JSON": (always(Scripted(raw=b'{"choices": [{"mess')), "model unavailable"),
    "no choices": (always(Scripted(raw=b'{"id": "x", "choices": null}')), "model unavailable"),
    "nonsense": (always("The moon is made of cheese."), "model answer invalid"),
    "empty": (always(""), "model answer invalid"),
    "a list": (always("[1, 2]"), "model answer invalid"),
    "wrong shape": (
        always({"ranking": "first", "claims": {}, "requests": 5, "explanation": []}),
        "model answer invalid",
    ),
    "another object": (always({"verdict": "approve"}), "model answer invalid"),
}


def own_part(diagnosis: Diagnosis) -> Json:
    """What the rules alone concluded, without times."""
    whole = diagnosis.model_dump(mode="json", exclude={"model_note", "model_order", "claims", "seconds"})
    return {**whole, "chosen": whole["chosen"]["id"], "began": None, "summary": whole["verdict"]}


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Diagnosis:
    """What the desk concludes without any model."""
    with small_desk(tmp_path_factory.mktemp("off")) as place:
        return asyncio.run(run(place, place.alert()))


async def test_the_incident_says_so_when_no_model_is_configured(tmp_path: Path) -> None:
    with small_desk(tmp_path) as place:
        diagnosis = await run(place, place.alert())
        assert diagnosis.model_note == "The offline diagnosis stands: no model is configured"


@pytest.mark.parametrize("name", FAILURES)
async def test_the_offline_diagnosis_stands_and_the_incident_goes_on_when_the_model_fails(
    name: str, openai_server: OpenAIServer, tmp_path: Path, offline: Diagnosis
) -> None:
    break_it, said = FAILURES[name]
    break_it(openai_server)
    with desk_with(tmp_path, openai_server, timeout_seconds=0.3) as place:
        incident_id = place.alert()
        diagnosis = await run(place, incident_id)
        assert openai_server.requests
        assert own_part(diagnosis) == own_part(offline)
        assert diagnosis.model_note.startswith("The offline diagnosis stands: scripted: ")
        assert said in diagnosis.model_note
        assert data_of(place, incident_id, "diagnose")["model_note"] == diagnosis.model_note
        await to_the_end(place, incident_id)


async def to_the_end(place: SmallDesk, incident_id: str) -> None:
    assert place.ledger.incidents.get(incident_id).status is IncidentStatus.AWAITING_APPROVAL, place.story(incident_id)
    place.decide(incident_id)
    await place.advance(incident_id, "approved")
    ended = await place.settle(incident_id)
    assert ended.status is IncidentStatus.RESOLVED, place.story(incident_id)


async def test_a_busy_server_is_asked_again(openai_server: OpenAIServer, tmp_path: Path) -> None:
    openai_server.fail(429, "slow down", retry_after=0)
    openai_server.say_json(reading(explanation="a wrong tag"))
    with desk_with(tmp_path, openai_server) as place:
        assert "a wrong tag" in (await run(place, place.alert())).model_note


async def test_a_fenced_answer_among_prose_is_read(openai_server: OpenAIServer, tmp_path: Path) -> None:
    openai_server.refuses |= {"json_schema", "json_object"}
    openai_server.say_json(reading(explanation="a wrong tag"), fenced=True)
    with desk_with(tmp_path, openai_server) as place:
        assert "a wrong tag" in (await run(place, place.alert())).model_note


async def test_a_model_that_never_ends_takes_only_its_share_of_the_node(
    openai_server: OpenAIServer, tmp_path: Path
) -> None:
    openai_server.answer_with(lambda _: Scripted("{}", after_seconds=60))
    with desk_with(tmp_path, openai_server, timeout_seconds=60, node_timeout_seconds=3.0) as place:
        incident_id = place.alert()
        diagnosis = await run(place, incident_id)
        assert "no answer within 1.8 s" in diagnosis.model_note
        assert data_of(place, incident_id, "diagnose")["model_use"]["tokens"] > 0, "what it read is not free"
        await to_the_end(place, incident_id)


async def test_a_bug_in_an_adapter_costs_no_incident(tmp_path: Path) -> None:
    class Broken:
        profile = "broken"

        async def answer(self, *_: Any, **__: Any) -> ModelAnswer:
            raise ZeroDivisionError("a bug")

    with small_desk(tmp_path, model=Broken()) as place:  # type: ignore[arg-type]
        incident_id = place.alert()
        assert "failed unexpectedly (ZeroDivisionError)" in (await run(place, incident_id)).model_note
        await to_the_end(place, incident_id)


# --- budget ---------------------------------------------------------------------------------------------------------


async def test_a_spent_token_budget_stops_the_questions_not_the_incident(
    openai_server: OpenAIServer, tmp_path: Path
) -> None:
    with desk_with(tmp_path, openai_server, model_token_budget=500) as place:
        incident_id = place.alert()
        diagnosis = await run(place, incident_id)
        assert openai_server.requests == []
        assert "budget spent: 0 of 500 tokens" in diagnosis.model_note
        assert data_of(place, incident_id, "diagnose")["model_use"]["calls"] == 0
        await to_the_end(place, incident_id)


async def test_the_budget_is_one_over_all_nodes(openai_server: OpenAIServer, tmp_path: Path) -> None:
    openai_server.answer_with(saying("kubectl -n shop rollout restart deployment/web"))
    with desk_with(tmp_path, openai_server, without_remedy(), price=1_000.0, model_cost_budget=0.5) as place:
        incident_id = place.alert()
        await run(place, incident_id)
        use = data_of(place, incident_id, "diagnose")["model_use"]
        assert use["cost"] > 0.5
        assert use["calls"] == len(openai_server.requests) == 1, "the script was not asked for any more"
        (plan,) = place.ledger.plans.for_incident(incident_id)
        assert plan.written_by == "desk"
        assert "budget spent" in plan.reason


async def test_answers_of_no_use_count_too(openai_server: OpenAIServer, tmp_path: Path) -> None:
    openai_server.answer_with(lambda _: "no JSON at all")
    with desk_with(tmp_path, openai_server, price=1.0) as place:
        incident_id = place.alert()
        await run(place, incident_id)
        use = data_of(place, incident_id, "diagnose")["model_use"]
        assert len(openai_server.requests) == 3
        sent = sum(len(asked(openai_server, number)) // 4 for number in range(3))
        assert use["tokens"] >= sent
        assert use["cost"] > 0


async def test_what_the_model_cost_is_told_in_the_timeline(openai_server: OpenAIServer, tmp_path: Path) -> None:
    openai_server.say_json(reading())
    with desk_with(tmp_path, openai_server, price=10.0) as place:
        incident_id = place.alert()
        await run(place, incident_id)
        use = data_of(place, incident_id, "diagnose")["model_use"]
        assert use["calls"] == 1
        assert use["tokens"] > 100
        assert use["cost"] == pytest.approx(use["tokens"] * 10.0 / 1_000_000)


# --- size -----------------------------------------------------------------------------------------------------------


async def test_the_state_stays_small_when_the_model_talks_without_end(
    openai_server: OpenAIServer, tmp_path: Path
) -> None:
    long = "x" * 50_000
    request = {"kind": "metric", "query": long, "why": long, "name": long}
    openai_server.say_json(reading(explanation=long, requests=[request] * 6))
    openai_server.answer_with(saying(f"kubectl -n shop annotate deployment/web note={long}", why=long))
    with desk_with(tmp_path, openai_server, without_remedy()) as place:
        incident_id = place.alert()
        await place.advance(incident_id)
        config: Any = {"configurable": {"thread_id": f"{incident_id}:1"}}
        async for state in place.graph.aget_state_history(config):
            assert len(json.dumps(state.values)) < MAXIMUM_STATE_BYTES
        assert len(diagnosis_of(place, incident_id).model_note) < 3_000
