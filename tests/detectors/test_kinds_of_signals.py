"""Signals that ask for one of several values, for a new value, or for what has no labels; and what every signal says."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from knowledge.vocabulary import Finding, Json
from tools.detectors.engine import Engine
from tools.detectors.format import DetectorForm
from tools.detectors.specimen import snapshot_of


def form(signal: Json, **more: Json) -> DetectorForm:
    words = {"en": "{name}: {said}", "zh": "故障 {said}"}
    return DetectorForm.model_validate(
        {
            "id": "a-fault",
            "layer": "gpu",
            "severity": "high",
            "report_at": "object",
            "title": words,
            "explanation": words,
            "signals": {"any": [signal]},
            "remedy": {"none_reason": words},
            "specimens": {"yes": [{}], "no": [{}]},
            "sources": ["a test"],
            **more,
        }
    )


def found(signal: Json, specimen: Json) -> list[Finding]:
    return Engine([form(signal)]).detect(snapshot_of(specimen))


def series(*values: float, **labels: str) -> Json:
    return {"metrics": [{"key": "code", "labels": {"node": "gpu-1", **labels}, "values": list(values)}]}


ONE_OF: Json = {"kind": "metric", "key": ["code"], "than": 0, "among": "39|40", "is_new": True, "about": "Node"}


def test_metric_is_found_when_its_value_is_among_those_asked_for() -> None:
    assert found(ONE_OF, series(0, 40))
    assert not found(ONE_OF, series(0, 41))


def test_metric_is_not_found_when_the_gauge_held_that_value_all_the_time() -> None:
    assert not found(ONE_OF, series(40, 40, 40))


def test_metric_is_found_when_there_is_only_one_point_to_judge_by() -> None:
    assert found(ONE_OF, series(40))


def test_metric_began_at_the_first_point_of_the_last_run_when_values_are_listed() -> None:
    (finding,) = found(ONE_OF, series(0, 39, 40))
    assert finding.began_at is not None
    assert (snapshot_of({}).taken_at - finding.began_at).total_seconds() == 60


@pytest.mark.parametrize("kind", ["alertname", "metric"])
def test_signal_without_labels_speaks_of_what_the_detector_names(kind: str) -> None:
    named = "Service/default/kubernetes"
    if kind == "alertname":
        signal: Json = {"kind": kind, "match": "^KubeAPIDown$", "otherwise": named}
        specimen: Json = {"alerts": [{"name": "KubeAPIDown", "labels": {}}]}
    else:
        signal = {"kind": kind, "key": ["up"], "op": "<", "than": 1, "otherwise": named}
        specimen = {"metrics": [{"key": "up", "labels": {}, "values": [0]}]}
    (finding,) = found(signal, specimen)
    assert finding.object.key == named


def test_signal_without_labels_finds_nothing_when_the_detector_names_nothing() -> None:
    assert not found(
        {"kind": "alertname", "match": "^KubeAPIDown$"}, {"alerts": [{"name": "KubeAPIDown", "labels": {}}]}
    )


def test_named_object_is_refused_when_it_is_no_kind_namespace_and_name() -> None:
    with pytest.raises(ValidationError, match="otherwise"):
        form({"kind": "alertname", "match": "x", "otherwise": "kubernetes"})


@pytest.mark.parametrize(
    ("signal", "specimen", "said"),
    [
        ({"kind": "metric", "key": ["code"], "than": 3, "about": "Node"}, series(9), "code = 9"),
        (
            {"kind": "event", "about": ["Node"], "message": "went", "speaks_of": "now"},
            {"events": [{"about": "Node/gpu-1", "message": "the disk went"}]},
            "the disk went",
        ),
        (
            {"kind": "log", "match": "went", "speaks_of": "now"},
            {"logs": [{"node": "gpu-1", "text": "the card went"}]},
            "the card went",
        ),
        ({"kind": "alertname", "match": "Gone"}, {"alerts": [{"name": "Gone", "labels": {"node": "gpu-1"}}]}, "Gone"),
    ],
)
def test_what_a_signal_saw_is_said_whatever_its_kind(signal: Json, specimen: Json, said: str) -> None:
    (finding,) = found(signal, specimen)
    assert said in finding.title.en


def _pod(name: str, *, is_well: bool, uses_gpu: bool) -> Json:
    limits = {"nvidia.com/gpu": "1"} if uses_gpu else {"memory": "1Gi"}
    state: Json = {"running": {}} if is_well else {"waiting": {"reason": "CrashLoopBackOff"}}
    return {
        "kind": "Pod",
        "name": name,
        "spec": {"nodeName": "gpu-1", "containers": [{"name": "main", "resources": {"limits": limits}}]},
        "status": {
            "phase": "Running",
            "containerStatuses": [{"name": "main", "ready": is_well, "restartCount": 0, "state": state}],
        },
    }


@pytest.mark.parametrize(
    ("is_well", "uses_gpu", "matters"), [(False, True, True), (True, True, False), (False, False, False)]
)
def test_program_s_gpu_error_matters_only_when_a_pod_that_uses_a_gpu_there_is_unwell(
    is_well: bool, uses_gpu: bool, matters: bool
) -> None:
    signal: Json = {
        "kind": "status",
        "where": "Node",
        "also_when_well": True,
        "match": "hosts_unwell_gpu_pod($)",
        "facts": {"said": "$.metadata.name"},
    }
    node: Json = {"kind": "Node", "name": "gpu-1", "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    objects = [node, _pod("train-0", is_well=is_well, uses_gpu=uses_gpu)]
    assert bool(found(signal, {"objects": objects})) is matters


def gauge(*values: float) -> Json:
    return {"metrics": [{"key": "heat", "labels": {"node": "n"}, "values": list(values)}]}


def test_smallest_value_is_that_of_the_last_quarter_of_an_hour() -> None:
    hot = {"kind": "metric", "key": ["heat"], "take": "min", "op": ">", "than": 88, "about": "Node"}
    assert found(hot, gauge(*[60] * 60, *[91] * 20))
    assert not found(hot, gauge(*[60] * 60, *[91] * 5))
    assert not found(hot, gauge(*[91] * 60, *[60] * 5))


def test_counter_that_began_anew_has_grown_by_what_it_counted_since() -> None:
    grown = {"kind": "metric", "key": ["heat"], "take": "increase", "op": ">", "than": 4, "about": "Node"}
    assert not found(grown, gauge(900, 901, 0, 1))
    assert found(grown, gauge(900, 903, 0, 3))


def test_share_of_a_limit_is_followed_over_time() -> None:
    ahead = {
        "kind": "metric", "key": ["heat"], "over": "limit", "by": ["node"], "take": "hours_to_full", "toward": 1,
        "near": 0.5, "op": "<", "than": 2, "about": "Node",
    }  # fmt: skip
    limit = {"key": "limit", "labels": {"node": "n"}, "values": [100]}
    rising = gauge(*[60 + number for number in range(20)])
    assert found(ahead, {"metrics": [*rising["metrics"], limit]})
    assert not found(ahead, rising), "without a limit nothing is full"


def test_latency_and_error_objectives_of_one_service_are_two() -> None:
    burning = {"kind": "metric", "key": ["slo_ratio"], "take": "burn", "op": ">=", "than": 1, "about": "Service"}
    metrics = [
        {"key": "slo_ratio", "labels": {"service": "web", "slo": slo, "window": window}, "values": [ratio]}
        for slo, ratio in (("errors", 0.3), ("latency", 0.01))
        for window in ("5m", "1h")
    ]
    (finding,) = found(burning, {"metrics": metrics})
    assert finding.facts["slo"] == "errors"
    assert finding.facts["rate"] == "30"
