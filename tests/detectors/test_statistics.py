"""Robust numbers: what is a lasting change, what is usual at this hour, and what will be full."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.detectors.statistics import beyond_usual, hours_to_full, step

LOW = [1.0, 1.02, 0.99, 1.0, 1.01, 0.98, 1.0, 1.01, 0.99, 1.0]


def points(values: list[float]) -> list[tuple[float, float]]:
    return [(60.0 * number, value) for number, value in enumerate(values)]


def test_step_tells_both_levels_and_the_minute_it_came() -> None:
    found = step(points([*LOW, *LOW, *[5.0] * 5]))
    assert found.sigmas > 8
    assert (found.before, found.after, found.at) == (1.0, 5.0, 20 * 60.0)


def test_step_is_signed() -> None:
    assert step(points([*LOW, 0.1, 0.1, 0.1, 0.1])).sigmas < -8


@pytest.mark.parametrize(
    "values",
    [
        [*LOW[:6], 9.0, 9.0, *LOW[:8]],
        [*LOW, 9.0],
        [0.3 + 1e-9 * (number % 3) for number in range(30)],
        [0.0] * 30,
        [1.0, 9.0, 9.0],
        [1.0, 9.0] * 10,
    ],
    ids=["a spike that is over", "one stray point", "last digits", "nothing at all", "too few", "it always jumps"],
)
def test_step_is_none_when_no_level_changed_for_good(values: list[float]) -> None:
    assert abs(step(points(values)).sigmas) < 5


def test_daily_peak_is_usual_and_a_drop_at_the_peak_is_not() -> None:
    peak = {day: 300.0 + day for day in (1, 2, 3, 4, 5, 6, 7, 14)}
    assert abs(beyond_usual(310.0, peak)) < 2
    assert beyond_usual(60.0, peak) < -5
    assert beyond_usual(900.0, peak) > 6


def test_sunday_is_held_against_sundays() -> None:
    usual = {1: 40.0, 2: 300.0, 3: 310.0, 4: 305.0, 5: 290.0, 6: 300.0, 7: 38.0, 14: 42.0}
    assert abs(beyond_usual(40.0, usual)) < 2


@pytest.mark.parametrize("usual", [{}, {1: 5.0, 2: 5.0}, {1: math.nan, 2: 1.0, 3: math.nan}])
def test_nothing_is_unusual_when_too_few_days_are_known(usual: dict[int, float]) -> None:
    assert beyond_usual(100.0, usual) == 0


def test_hours_to_full_are_those_of_a_straight_line() -> None:
    rising = points([0.5 + 0.01 * number for number in range(20)])
    assert hours_to_full(rising, 1.0) == pytest.approx((1.0 - 0.69) / 0.01 / 60)
    falling = points([0.5 - 0.01 * number for number in range(20)])
    assert hours_to_full(falling, 0.0) == pytest.approx(0.31 / 0.01 / 60)


@pytest.mark.parametrize(
    "values",
    [
        [0.5, 0.7, 0.9] * 6,
        [0.2, 0.5, 0.7, *[0.72] * 12],
        [0.7 + 0.0001 * (number % 2) for number in range(20)],
        [0.5, 0.6, 0.7],
        [0.9 - 0.01 * number for number in range(20)],
    ],
    ids=["sawtooth", "a warm-up that ended", "last digits", "too few", "it empties"],
)
def test_nothing_will_be_full_when_there_is_no_steady_trend(values: list[float]) -> None:
    assert hours_to_full(points(values), 1.0) == math.inf


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), max_size=40))
def test_no_numbers_break_them(values: list[float]) -> None:
    assert not math.isnan(step(points(values)).sigmas)
    assert not math.isnan(hours_to_full(points(values), 1.0))
