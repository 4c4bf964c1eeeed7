"""Error budgets: when several windows agree that a budget is being spent, and what budget a service has."""

from __future__ import annotations

import pytest

from knowledge.vocabulary import Alert, Json, Severity
from tools.collectors.objective_queries import WINDOWS as ASKED
from tools.detectors.burn import PAIRS, WINDOWS, Objective, burn, objective_of
from tools.detectors.specimen import NOW

THREE_NINES = Objective(0.999, "annotation")


def service(**annotations: str) -> Json:
    return {"metadata": {"annotations": {f"opsdesk.io/slo-{name}": value for name, value in annotations.items()}}}


def alert(**labels: str) -> Alert:
    return Alert(
        source="a test",
        fingerprint="1",
        status="firing",
        name="Burns",
        severity=Severity.HIGH,
        cluster="c",
        labels=labels,
        annotations={},
        starts_at=NOW,
    )


@pytest.mark.parametrize(
    ("ratios", "pace", "burns"),
    [
        ({"5m": 0.0144, "1h": 0.0144}, "fast", True),
        ({"5m": 0.0143, "1h": 0.0144}, "fast", False),
        ({"30m": 0.006, "6h": 0.007}, "fast", True),
        ({"5m": 0.0, "1h": 0.5}, "fast", False),
        ({"5m": 0.5, "1h": 0.001}, "fast", False),
        ({"2h": 0.003, "1d": 0.0031}, "slow", True),
        ({"6h": 0.0011, "3d": 0.0011}, "slow", True),
        ({"6h": 0.0009, "3d": 0.0011}, "slow", False),
    ],
)
def test_budget_burns_when_both_windows_of_a_pair_say_so(ratios: dict[str, float], pace: str, burns: bool) -> None:
    found = burn(ratios, THREE_NINES, "fast" if pace == "fast" else "slow")
    assert found is not None
    assert (found.strength >= 1 - 1e-9) is burns


def test_the_pair_that_burns_most_is_told() -> None:
    found = burn({"5m": 0.02, "1h": 0.02, "30m": 0.02, "6h": 0.02}, THREE_NINES, "fast")
    assert found is not None
    assert (found.pair.long, round(found.rate)) == ("6h", 20)


def test_nothing_burns_when_a_window_is_not_known() -> None:
    assert burn({"5m": 1.0}, THREE_NINES, "fast") is None


def test_default_is_nobodys_objective_when_it_was_not_kept_for_days() -> None:
    ratios = {"5m": 0.5, "1h": 0.5, "3d": 0.4}
    assert burn(ratios, objective_of("errors"), "fast") is None
    assert burn(ratios, THREE_NINES, "fast") is not None


@pytest.mark.parametrize("text", ["99.9", "99.9%", " 99.9 % ", "0.999"])
def test_service_s_own_word_comes_first(text: str) -> None:
    assert objective_of("errors", service=service(errors=text), recorded=0.9).share == pytest.approx(0.999)


@pytest.mark.parametrize("text", ["", "100", "0", "always", "-5", "1"])
def test_word_that_is_no_objective_is_passed_over(text: str) -> None:
    assert objective_of("errors", service=service(errors=text), recorded=0.95) == Objective(0.95, "recording rule")


def test_alert_s_label_comes_after_what_is_recorded() -> None:
    told = [alert(service="other", objective="90"), alert(service="web", objective="99.5")]
    assert objective_of("errors", alerts=told, name="web").share == pytest.approx(0.995)
    assert objective_of("errors", recorded=0.9, alerts=told, name="web").share == 0.9
    assert objective_of("errors", alerts=told, name="quiet") == Objective(0.99)


def test_every_window_is_asked_for() -> None:
    assert set(WINDOWS) == set(ASKED)
    assert all(pair.factor > 0 for pairs in PAIRS.values() for pair in pairs)
