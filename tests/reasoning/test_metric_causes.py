"""Which service, and which of its metrics, the trouble came from."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.reasoning.metric_causes import About, MetricName, rank_causes

MIB = 1024 * 1024


def steady(level: float, seed: int = 1, wobble: float = 0.02) -> list[float]:
    noise = random.Random(seed)
    return [level * (1 + noise.uniform(-wobble, wobble)) for _ in range(60)]


def named(service: str, about: About) -> MetricName:
    return MetricName(service, about, f"{service}_{about}")


def ranked(
    changes: dict[MetricName, tuple[Sequence[float], Sequence[float]]], calls: list[tuple[str, str]] | None = None
) -> tuple[list[str], list[str]]:
    before = {name: pair[0] for name, pair in changes.items()}
    after = {name: pair[1] for name, pair in changes.items()}
    found = rank_causes(before, after, calls or ())
    return [service for service, _ in found.services], [one.metric.name for one in found.metrics]


def test_service_whose_processor_rose_is_named_before_those_that_only_became_slow() -> None:
    services, metrics = ranked(
        {
            named("front", "latency"): (steady(0.02), steady(0.4)),
            named("cart", "latency"): (steady(0.01), steady(0.3)),
            named("cart", "cpu"): (steady(0.1), steady(0.8)),
            named("mail", "cpu"): (steady(0.1, 2), steady(0.1, 3)),
        }
    )
    assert services[0] == "cart"
    assert metrics[0] == "cart_cpu"
    assert "mail" not in services


def test_called_service_is_the_cause_when_its_caller_became_slow_too() -> None:
    services, _ = ranked(
        {
            named("front", "latency"): (steady(0.01), steady(2.0)),
            named("cart", "latency"): (steady(0.01), steady(0.5)),
        },
        [("front", "cart")],
    )
    assert services[0] == "cart"


def test_memory_is_the_cause_when_a_process_grows_and_burns_time_growing() -> None:
    _, metrics = ranked(
        {
            named("cart", "cpu"): (steady(0.1), steady(1.0)),
            named("cart", "memory"): (steady(200 * MIB), steady(900 * MIB)),
        }
    )
    assert metrics[0] == "cart_memory"


def test_processor_is_the_cause_when_memory_grew_by_what_a_small_process_takes() -> None:
    _, metrics = ranked(
        {
            named("cart", "cpu"): (steady(0.1), steady(1.0)),
            named("cart", "memory"): (steady(8 * MIB), steady(20 * MIB)),
        }
    )
    assert metrics[0] == "cart_cpu"


def test_nothing_is_ranked_when_nothing_moved() -> None:
    assert ranked(
        {named("cart", "cpu"): (steady(0.5, 1), steady(0.5, 2)), named("cart", "memory"): ([5.0] * 20, [5.0] * 20)}
    ) == ([], [])


def test_traffic_that_fell_away_is_told() -> None:
    services, _ = ranked({named("cart", "traffic"): (steady(100), [0.0] * 60)})
    assert services == ["cart"]


@pytest.mark.parametrize("broken", [[], [math.nan] * 50, [1.0, 2.0]])
def test_series_with_too_little_to_say_is_left_out(broken: list[float]) -> None:
    assert ranked({named("cart", "cpu"): (steady(0.5), broken)}) == ([], [])


@given(st.lists(st.floats(), max_size=80), st.lists(st.floats(), max_size=80))
def test_scores_are_finite_and_ordered_whatever_the_numbers(old: list[float], new: list[float]) -> None:
    name, other = named("a", "cpu"), named("b", "latency")
    found = rank_causes({name: old, other: new}, {name: new, other: old}, [("a", "b"), ("b", "a")])
    scores = [score for _, score in found.services]
    assert scores == sorted(scores, reverse=True)
    assert all(not math.isnan(score) for score in scores)
    assert all(0 <= one.began <= 1 for one in found.metrics)
