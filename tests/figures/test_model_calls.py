"""Every question to a model is kept, whatever came of it, and never costs the incident its answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from types import SimpleNamespace
from typing import cast

import pytest

from agent.consult import consult
from agent.deps import Deps, Options
from knowledge.errors import LedgerBusy, ModelAnswerInvalid, ModelUnavailable
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import Json, Scope
from tests.figures.conftest import TestClock
from tools.ports import ModelAnswer, ModelUsage


class FakeModel:
    profile = "qwen"

    def __init__(self, result: ModelAnswer | Exception) -> None:
        self.result = result

    async def answer(
        self, system: str, user: str, *, schema: Json | None = None, max_tokens: int = 2_000
    ) -> ModelAnswer:
        if isinstance(self.result, Exception):
            raise self.result
        return self.result

    def stream(self, system: str, user: str, *, max_tokens: int = 2_000) -> AsyncIterator[str]:
        raise NotImplementedError


def deps_with(ledger: object, result: ModelAnswer | Exception) -> Deps:
    return cast("Deps", SimpleNamespace(model=FakeModel(result), options=Options(), ledger=ledger))


def spent(error: ModelUnavailable | ModelAnswerInvalid, tokens: int, cost: float) -> Exception:
    error.tokens, error.cost = tokens, cost
    return error


@pytest.mark.parametrize(
    ("result", "outcome", "tokens", "cost"),
    [
        (ModelAnswer("hi", usage=ModelUsage(900, 100, 0.02), model="qwen2-7b"), "answered", (900, 100), 0.02),
        (ModelAnswer("hi", usage=ModelUsage(-5, -5, -1.0)), "answered", (0, 0), 0.0),
        (spent(ModelUnavailable("down"), 40, 0.01), "unavailable", (40, 0), 0.01),
        (spent(ModelAnswerInvalid("no schema fits"), 70, 0.03), "invalid", (70, 0), 0.03),
        (RuntimeError("a bug"), "failed", (0, 0), 0.0),
    ],
)
async def test_call_is_kept_with_its_outcome_and_what_it_cost(
    ledger: Ledger,
    clock: TestClock,
    result: ModelAnswer | Exception,
    outcome: str,
    tokens: tuple[int, int],
    cost: float,
) -> None:
    await consult(deps_with(ledger, result), None, "system", "user", incident_id="", purpose="diagnose")
    (call,) = ledger.figures.model_calls(Scope(), clock.at - timedelta(days=1), clock.at + timedelta(days=1))
    assert (call.outcome, call.purpose, call.profile) == (outcome, "diagnose", "qwen")
    assert (call.input_tokens, call.output_tokens) == tokens
    assert call.cost == pytest.approx(cost)


async def test_answer_stands_when_the_call_cannot_be_kept() -> None:
    def busy(_call: object) -> None:
        raise LedgerBusy("locked")

    ledger = SimpleNamespace(model_calls=SimpleNamespace(add=busy))
    reply = await consult(deps_with(ledger, ModelAnswer("hi")), None, "system", "user")
    assert reply.text == "hi"
