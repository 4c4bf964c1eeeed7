"""Calibration, pasted incidents, ranked lists and detectors' tallies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.scenarios.format import TrueFault, Truth
from evals.scoring.calibration import brier, calibration, expected_calibration_error
from evals.scoring.detectors import never_found, tally
from evals.scoring.incidents import Answer, Guess, meets, score_incident, totals
from evals.scoring.ranking import average_at, is_hit, rank_of, recall_at, reciprocal_rank

answers = st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=40)


def test_calibration_is_perfect_when_nine_of_ten_hold_that_were_said_with_point_nine() -> None:
    told = [(0.9, True)] * 9 + [(0.9, False)]
    assert expected_calibration_error(told) == pytest.approx(0.0)
    assert [(one.n, one.held) for one in calibration(told)] == [(10, 0.9)]


def test_calibration_error_is_large_when_sure_answers_are_wrong() -> None:
    assert expected_calibration_error([(1.0, False)] * 5) == pytest.approx(1.0)
    assert expected_calibration_error([(0.2, True)] * 5) == pytest.approx(0.8)
    assert expected_calibration_error([]) is None
    assert brier([(1.0, False), (1.0, True)]) == pytest.approx(0.5)


def test_confidence_outside_zero_and_one_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        calibration([(1.2, True)])


@given(answers)
def test_bins_hold_each_answer_once_and_the_error_is_a_share(told: list[tuple[float, bool]]) -> None:
    bins = calibration(told)
    assert sum(one.n for one in bins) == len(told)
    assert all(one.low - 1e-6 <= one.said <= one.high + 1e-6 and 0 <= one.held <= 1 for one in bins)
    error = expected_calibration_error(told)
    assert error is None if not told else 0 <= (error or 0) <= 1


GUESS = Guess("Deployment", "shop", "cart", ("Runtime", "oom"))
TRUE = Answer("Runtime", "oom", "app/cart")


@pytest.mark.parametrize(
    ("guess", "wanted", "met"),
    [
        (Guess("Pod", "shop", "cart-7d9c5b6f8-x2x4z", None), "app/cart", True),
        (Guess("Service", "shop", "cart", None), "app/cart", True),
        (Guess("StatefulSet", "shop", "cart", None), "app/cart", True),
        (Guess("Deployment", "shop", "cart-db", None), "app/cart", False),
        (Guess("ConfigMap", "shop", "cart", None), "app/cart", False),
        (Guess("Node", "", "cart", None), "app/cart", False),
        (Guess("Node", "", "n1", None), "node/n1", True),
        (Guess("Pod", "shop", "n1", None), "node/n1", False),
        (Guess("Namespace", "", "shop", None), "namespace/shop", True),
        (Guess("ResourceQuota", "shop", "q", None), "namespace/shop", True),
        (Guess("ResourceQuota", "other", "shop", None), "namespace/shop", False),
    ],
)
def test_object_of_an_incident_is_met_by_what_belongs_to_it(guess: Guess, wanted: str, met: bool) -> None:
    assert meets(guess, wanted) is met


def test_object_and_cause_must_be_right_in_one_guess() -> None:
    cause_only = Guess("Deployment", "shop", "web", ("Runtime", "oom"))
    object_only = Guess("Deployment", "shop", "cart", ("Runtime", "probe"))
    found = score_incident([cause_only, object_only], TRUE)
    assert (found.both1, found.both3, found.cause1, found.cause3) == (False, False, True, True)
    assert score_incident([object_only, GUESS], TRUE).both3
    assert not score_incident([Guess("Deployment", "shop", "cart", ("Network", "oom"))], TRUE).cause3
    assert not score_incident([object_only] * 3 + [GUESS], TRUE).both3
    assert not score_incident([Guess("Deployment", "shop", "cart", None)], TRUE).cause1


def test_totals_have_exactly_the_promised_shape() -> None:
    found = totals([score_incident([GUESS], TRUE, 0.5), score_incident([], TRUE, 1.5)])
    assert found == {
        "n": 2,
        "object_and_cause": {"top1": 0.5, "top3": 0.5},
        "cause": {"top1": 0.5, "top3": 0.5},
        "seconds": {"p50": 0.5, "p95": 1.5},
    }


def test_ranking_figures_fall_with_the_place() -> None:
    ranked = ["a", "b", "c"]
    assert [rank_of(ranked, {one}) for one in "abcd"] == [1, 2, 3, None]
    assert [reciprocal_rank(ranked, {one}) for one in "abcd"] == [1, 0.5, pytest.approx(1 / 3), 0]
    assert (is_hit(ranked, {"c"}, 2), is_hit(ranked, {"c"}, 3)) == (False, True)
    assert recall_at(ranked, {"a", "z"}, 3) == 0.5
    assert average_at([1, None], 5) == 0.5
    assert average_at([5], 5) == pytest.approx(0.2)
    with pytest.raises(ValueError, match="recall"):
        recall_at(ranked, set(), 3)
    with pytest.raises(ValueError, match="no cases"):
        average_at([], 5)


@given(st.lists(st.sampled_from("abcdef"), unique=True), st.sets(st.sampled_from("abcdef"), min_size=1))
def test_recall_never_falls_when_more_places_count(ranked: list[str], right: set[str]) -> None:
    values = [recall_at(ranked, right, k) for k in range(1, 8)]
    assert values == sorted(values)
    assert (reciprocal_rank(ranked, right) > 0) == bool(right & set(ranked))


def test_detectors_are_counted_right_beside_and_on_healthy() -> None:
    truth = Truth(verdict="fault", faults=(TrueFault.model_validate({"object": "Node/n1", "is": ["disk"]}),))
    healthy = Truth(verdict="no_fault")
    rows = [
        (truth, (("disk", "Node/n1"), ("evicted", "Pod/a/x"))),
        (truth, (("disk", "Node/n2"),)),
        (healthy, (("disk", "Node/n1"),)),
    ]
    found = tally(rows)
    assert (found["disk"].right, found["disk"].beside, found["disk"].on_healthy) == (1, 1, 1)
    assert found["disk"].precision == pytest.approx(1 / 3)
    assert found["evicted"].precision == 0
    assert never_found([("one", *rows[0]), ("two", *rows[1]), ("three", *rows[2])]) == ["two"]
