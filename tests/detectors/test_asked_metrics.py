"""A detector of numbers is worth nothing when nobody asks for its number."""

from __future__ import annotations

import re

import pytest
import re2

from tests.shared_library import shared_library
from tools.collectors.metric_queries import QUERIES
from tools.detectors.format import MetricSignal

ASKED = {query.key: query.promql for query in QUERIES}
PART = re.compile(r'"(\w+)", "(\w+)", "", ""\)')
"""The label and the value that a family of questions gives to one of its parts."""
NAMES = re.compile(r'__name__=~"([^"]+)"')
SIGNALS = [
    pytest.param(signal, id=f"{detector.form.id}-{number}")
    for detector in shared_library().by_id.values()
    for number, signal in enumerate(detector.form.signals.leaves())
    if isinstance(signal, MetricSignal)
]


@pytest.mark.parametrize("signal", SIGNALS)
def test_metric_of_a_detector_is_asked_for(signal: MetricSignal) -> None:
    assert any(key in ASKED or _is_in_a_family(key) for key in signal.key), f"nobody asks for {' or '.join(signal.key)}"
    for key in signal.key:
        for label, pattern in signal.labels.items():
            told = _values(ASKED.get(key, ""), label)
            assert not told or any(re2.search(pattern, value) for value in told), f"{key} has no {label} like {pattern}"


def test_no_two_questions_bear_one_name() -> None:
    assert len(ASKED) == len(QUERIES)


def _is_in_a_family(name: str) -> bool:
    """Series keep their own name where one question asks for several metrics."""
    return any(re.fullmatch(names, name) for promql in ASKED.values() for names in NAMES.findall(promql))


def _values(promql: str, label: str) -> set[str]:
    if label == "__name__":
        return {name for names in NAMES.findall(promql) for name in names.split("|")}
    return {value for name, value in PART.findall(promql) if name == label}
