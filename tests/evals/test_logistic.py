"""The fit of a confidence: what it gives back of what made the answers, and what it refuses."""

from __future__ import annotations

import math

import pytest

from agent.reasoning.confidence import read_calibration
from evals.calibrate import Play, answers, fitted, report, told
from evals.scoring.logistic import Looked, fit


def looks(share_with: float, share_without: float) -> list[Looked]:
    """A hundred answers with the fact and a hundred without, of which so many held."""
    return [
        Looked({"clear": clear}, number < 100 * share)
        for clear, share in ((1.0, share_with), (0.0, share_without))
        for number in range(100)
    ]


def said(intercept: float, weight: float) -> float:
    return 1.0 / (1.0 + math.exp(-(intercept + weight)))


def test_fit_says_the_shares_that_held() -> None:
    found = fit(looks(0.9, 0.5), {"clear": +1}, ridge=0.0)
    assert said(found.intercept, found.weights["clear"]) == pytest.approx(0.9, abs=0.005)
    assert said(found.intercept, 0.0) == pytest.approx(0.5, abs=0.005)


def test_fit_gives_no_weight_when_the_answers_point_against_the_direction() -> None:
    found = fit(looks(0.5, 0.9), {"clear": +1}, ridge=0.0)
    assert found.weights["clear"] == 0.0
    assert said(found.intercept, 0.0) == pytest.approx(0.7, abs=0.005)


def test_answers_that_count_more_pull_more() -> None:
    half = [Looked({}, is_hit=True, counts=3.0), Looked({}, is_hit=False)]
    assert said(fit(half, {"clear": +1}).intercept, 0.0) == pytest.approx(0.75, abs=0.005)


def test_fit_is_refused_when_every_answer_held() -> None:
    with pytest.raises(ValueError, match="did not"):
        fit([Looked({}, is_hit=True)], {"clear": +1})


def plays(*, is_held_out: bool, hits: int) -> list[Play]:
    facts = {"fault": {"score": 0.8, "margin": 1.0}, "no_fault": {"quiet": 0.0}}
    return [
        Play(f"{verdict}-{number}", "whole", is_held_out, verdict, facts[verdict], number < hits)
        for verdict in facts
        for number in range(10)
    ]


def test_held_out_scenarios_are_reported_and_not_fitted() -> None:
    seen, held_out = plays(is_held_out=False, hits=9), plays(is_held_out=True, hits=1)
    assert fitted([*seen, *held_out], "fault") == fitted(seen, "fault")
    numbers = read_calibration(told([*seen, *held_out]))
    assert all(confidence > 0.8 for confidence, _ in answers(seen, numbers))
    assert "| held out | whole | expected error 0." in report([*seen, *held_out], numbers)
