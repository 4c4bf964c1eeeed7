"""Detectors of numbers stay silent over services that are well: noise, ramps of the day, short spikes, collected garbage."""

from __future__ import annotations

import math
import random

import pytest

from knowledge.vocabulary import Focus
from tests.shared_library import shared_library
from tools.contracts import MetricAnswer
from tools.detectors.specimen import CLUSTER, NOW
from tools.ports import Series
from tools.snapshot import ClusterSnapshot

SERVICES = 150
POINTS = 90
DAYS = (1, 2, 3, 4, 5, 6, 7, 14)


def of_day(minute: float, phase: float) -> float:
    """The rhythm of a day: a factor between 0.4 and 1.6."""
    return 1.0 + 0.6 * math.sin(2 * math.pi * (minute / 1440 + phase))


def series(noise: random.Random, level: float, phase: float, wobble: float, spike: float, **labels: str) -> Series:
    """An hour and a half, a point a minute, with one spike of four minutes that is over."""
    at_spike = noise.randrange(5, POINTS - 20)
    values = [
        level * of_day(minute - POINTS, phase) * noise.lognormvariate(0, wobble)
        * (spike if at_spike <= minute < at_spike + 4 else 1.0)
        for minute in range(POINTS)
    ]  # fmt: skip
    start = NOW.timestamp() - 60 * (POINTS - 1)
    return Series({"namespace": "default", **labels}, [(start + 60 * number, one) for number, one in enumerate(values)])


def usual(noise: random.Random, level: float, phase: float, **labels: str) -> list[Series]:
    return [
        Series(
            {"namespace": "default", "ago": f"{day}d", **labels},
            [(NOW.timestamp(), level * of_day(-15, phase) * noise.lognormvariate(0, 0.1))],
        )
        for day in DAYS
    ]


def healthy(seed: int) -> ClusterSnapshot:
    noise = random.Random(seed)
    kinds = {"http_request_rate": 40.0, "http_error_ratio": 0.004, "http_latency_p95_seconds": 0.2}
    found: dict[str, list[Series]] = {}
    for number in range(SERVICES):
        phase, labels = noise.random(), {"service": f"service-{number}"}
        for key, middle in kinds.items():
            level = middle * noise.lognormvariate(0, 0.7)
            found.setdefault(key, []).append(series(noise, level, phase, 0.15, 3.0, **labels))
            found.setdefault(f"{key}_usual", []).extend(usual(noise, level, phase, **labels))
        pod = {"pod": f"service-{number}-1", "container": "main"}
        found.setdefault("container_cpu", []).append(series(noise, 0.4, phase, 0.2, 2.5, **pod))
        found.setdefault("container_memory", []).append(series(noise, 3e8, 0.0, 0.03, 1.2, **pod))
        found.setdefault("container_memory_limit", []).append(
            Series({"namespace": "default", **pod}, [(NOW.timestamp(), 1e9)])
        )
    answers = [MetricAnswer(key, key, answers) for key, answers in found.items()]
    return ClusterSnapshot(CLUSTER, Focus(cluster=CLUSTER, since=NOW, until=NOW), NOW, metrics=answers)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_services_that_are_well_give_no_finding(seed: int) -> None:
    findings = shared_library().detect(healthy(seed))
    assert [(one.fault, one.object.name, one.facts) for one in findings] == []


def test_one_that_is_ill_is_found_among_them() -> None:
    snapshot = healthy(4)
    (answer,) = (one for one in snapshot.metrics if one.key == "http_latency_p95_seconds")
    ill = answer.series[7]
    worse = [(at, value * (6 if NOW.timestamp() - at < 900 else 1)) for at, value in ill.points]
    changed = MetricAnswer(
        answer.key, answer.query, [Series(ill.labels, worse) if one is ill else one for one in answer.series]
    )
    metrics = [changed if one is answer else one for one in snapshot.metrics]
    findings = shared_library().detect(ClusterSnapshot(CLUSTER, snapshot.focus, NOW, metrics=metrics))
    assert {one.object.name for one in findings} == {"service-7"}
    assert "http-latency-high" in {one.fault for one in findings}
