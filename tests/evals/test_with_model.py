"""A scenario with a chat model behind the port: over HTTP, scripted."""

from __future__ import annotations

import asyncio

import pytest

from evals.reports.diagnosis import figures
from evals.scenarios.format import FOLDER, load_scenario
from evals.scenarios.look import see
from evals.scenarios.run import run_one
from evals.scenarios.second_reading import read_again
from evals.scoring.said import said_of
from knowledge.vocabulary import Json
from tests.fakes.openai_server import OpenAIServer, running_openai_server
from tests.shared_library import shared_library
from tools.adapters.chat_model import ModelProfile, OpenAICompatibleModel

SCENARIO = load_scenario(FOLDER / "container" / "two-oom-and-model-path.yaml")


def model_of(server: OpenAIServer) -> OpenAICompatibleModel:
    return OpenAICompatibleModel(
        ModelProfile(name="scripted", base_url=server.base_url, model="scripted", timeout_seconds=5.0, max_retries=0)
    )


def test_order_of_the_model_is_scored_beside_the_offline_one_and_failure_leaves_the_offline_one() -> None:
    async def story(server: OpenAIServer) -> None:
        seen = await see(SCENARIO, shared_library())
        offline = seen.look.diagnosis
        assert offline.chosen is not None
        assert offline.runner_up is not None
        answer: Json = {
            "ranking": [{"id": offline.runner_up.id, "why": "w"}, {"id": offline.chosen.id, "why": "w"}],
            "claims": [], "requests": [], "explanation": "",
        }  # fmt: skip
        server.say_json(answer)
        read, note = await read_again(seen.look, "what is wrong?", model_of(server))
        assert note == ""
        by_model = said_of(read, by_model=True)
        assert by_model.ranked[0].fault == offline.runner_up.fault
        assert said_of(read).ranked[0].fault == offline.chosen.fault
        assert "what is wrong?" in str(server.requests[0])
        server.fail(401, "no such key")
        unread, why = await read_again(seen.look, "what is wrong?", model_of(server))
        assert unread == offline
        assert why

    with running_openai_server() as server:
        asyncio.run(story(server))


def test_outcome_carries_the_score_with_a_model_when_one_is_given() -> None:
    with running_openai_server() as server:
        server.say_json(
            {"ranking": [{"id": "h-invented", "why": "w"}], "claims": [], "requests": [], "explanation": ""}
        )
        outcome = run_one(SCENARIO, shared_library(), model_of(server))
    assert outcome.model_note == ""
    assert outcome.model_score is not None
    assert outcome.model_score.top1 == outcome.score.top1
    assert figures([outcome])["with_model"]["n"] == 1


def test_model_that_is_not_configured_is_said_before_anything_is_played(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from evals.scenarios.run import run_all
    from knowledge.errors import BadInput

    monkeypatch.setenv("OPSDESK_HOME", str(tmp_path_factory.mktemp("home")))
    with pytest.raises(BadInput, match="no chat model is configured"):
        run_all([SCENARIO], with_model=True)
