"""The quick reading (clues, shared questions, late signals) finds what the plain one finds: nothing less, nothing more."""

from __future__ import annotations

import copy
import functools
import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.vocabulary import Finding, Json
from tests.shared_library import shared_library
from tools.detectors.clue_index import compiled_walker
from tools.detectors.clues import clues_of
from tools.detectors.condition import compile_condition
from tools.detectors.engine import Engine
from tools.detectors.format import DetectorForm
from tools.detectors.scene import Scene
from tools.detectors.specimen import CLUSTER, NOW, PARTS, snapshot_of
from tools.snapshot import ClusterSnapshot


@functools.cache
def forms() -> tuple[DetectorForm, ...]:
    return tuple(detector.form for detector in shared_library().by_id.values())


@functools.cache
def engines() -> tuple[Engine, Engine]:
    return Engine(forms()), Engine(forms(), is_indexed=False)


def read_both_ways(snapshot: ClusterSnapshot) -> tuple[Sequence[Finding], Sequence[Finding]]:
    quick, plain = engines()
    return quick.detect(snapshot), plain.detect(snapshot)


@functools.cache
def specimens() -> tuple[Json, ...]:
    """Those that can be read; the laws say so of the others."""
    every = (one for form in forms() for one in (*form.specimens.yes, *form.specimens.no))
    return tuple(one for one in every if set(one) <= PARTS)


def merged(parts: Sequence[Json]) -> Json:
    """One specimen of several: their objects stand side by side in one namespace, and those of one name collide."""
    whole: Json = {"pods": {}, "objects": [], "events": [], "logs": [], "metrics": [], "alerts": [], "gaps": []}
    for part in parts:
        whole["pods"].update(part.get("pods") or {})
        for name in ("objects", "events", "logs", "metrics", "alerts", "gaps"):
            whole[name] += copy.deepcopy(list(part.get(name) or ()))
    return whole


def changed(value: Any, chance: random.Random, often: float) -> Any:
    """The value with parts left out, emptied, swapped or of another type: what no API server would send, and what it might."""
    if chance.random() < often:
        return chance.choice([None, [], {}, "", 0, 1, True, False, "True", "False", [value], {"a": value}])
    if isinstance(value, dict):
        return {key: changed(one, chance, often) for key, one in value.items() if chance.random() > often}
    if isinstance(value, list):
        return [changed(one, chance, often) for one in value if chance.random() > often]
    return value


def test_quick_reading_finds_the_same_over_every_specimen() -> None:
    """All of them, a handful in one snapshot: one by one they would take a minute."""
    every = list(specimens())
    random.Random(3).shuffle(every)
    found = 0
    for start in range(0, len(every), 12):
        quick, plain = read_both_ways(snapshot_of(merged(every[start : start + 12])))
        assert quick == plain
        found += len(plain)
    assert found > 100


@given(st.integers(0, 2**32).map(random.Random))
def test_quick_reading_finds_the_same_when_many_faults_meet(chance: random.Random) -> None:
    parts = chance.sample(specimens(), 12)
    quick, plain = read_both_ways(snapshot_of(merged(parts)))
    assert quick == plain


@given(st.integers(0, 2**32).map(random.Random))
def test_clue_is_there_whenever_a_condition_holds(chance: random.Random) -> None:
    """Over objects that are broken on purpose: where a condition holds, the walker has seen a clue of it."""
    from tools.detectors.format import StatusSignal
    from tools.detectors.status_watcher import _Question, _Questions

    signals = [one for form in forms() for one in form.signals.leaves() if isinstance(one, StatusSignal)]
    questions = [_Question(one.each, one.match, []) for one in signals]
    asked = _Questions(questions, is_indexed=True)
    snapshot = snapshot_of(merged(chance.sample(specimens(), 6)))
    for kind in snapshot.kinds():
        for item in snapshot.of_kind(kind):
            parts = {key: value for key, value in item.items() if key not in ("kind", "metadata")}
            broken = {**item, **{key: changed(value, chance, 0.06) for key, value in parts.items()}}
            scene = Scene(ClusterSnapshot(CLUSTER, snapshot.focus, NOW, objects=[broken]))
            about = {
                *map(id, asked.about(broken)),
                *(id(one) for group in asked.of_templates for one in group.questions),
            }
            for question in questions:
                try:
                    holds = question.holds_somewhere(scene, broken)
                except (AttributeError, TypeError, ValueError, KeyError, IndexError):
                    continue  # a function that looks at other fields was handed nonsense
                assert not holds or id(question) in about, question.match


def test_replica_is_asked_like_the_others_only_when_its_elements_are_equal() -> None:
    """Three replicas of one owner: the middle one names a Service that is nearly there."""

    def pod(name: str, host: str) -> Json:
        container = {"name": "main", "image": "a", "env": [{"name": "UPSTREAM_URL", "value": f"http://{host}:80"}]}
        status = {"phase": "Running", "containerStatuses": [{"name": "main", "ready": True, "state": {"running": {}}}]}
        return {
            "kind": "Pod",
            "name": name,
            "owner": "ReplicaSet/web-1",
            "spec": {"containers": [container]},
            "status": status,
        }

    service = {"kind": "Service", "name": "gateway", "spec": {"ports": [{"port": 80}]}}
    pods = [pod("web-a", "gateway"), pod("web-b", "gatewy"), pod("web-c", "gateway"), pod("web-d", "gatewy")]
    quick, plain = read_both_ways(snapshot_of({"objects": [service, *pods]}))
    assert quick == plain
    assert {one.object.name for one in quick if one.fault == "env-service-host-unknown"} == {"web-b", "web-d"}


@pytest.mark.parametrize(
    ("condition", "item", "is_clued"),
    [
        ('$.status.phase == "Pending"', {"status": {"phase": "Running"}}, False),
        ('$.status.phase == "Pending"', {"status": {"phase": "Pending"}}, True),
        ('some($.status.conditions[*]: @.type == "Ready" && @.status == "False")',
         {"status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Other", "status": "False"}]}}, False),
        ('some($.status.conditions[*]: @.type == "Ready" && @.status == "False")',
         {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}, True),
        ("$.status.restartCount >= 3 && exists($.status)", {"status": {"restartCount": 0}}, False),
        ('$.spec.a[0] in ["x", 1]', {"spec": {"a": ["y", "x"]}}, False),
        ('$.spec.a[1] in ["x", 1]', {"spec": {"a": ["y", "x"]}}, True),
        ('$.spec.a["b/c"] =~ "^x|y$"', {"spec": {"a": {"b/c": "no xy"}}}, True),
        ('$.spec.a["b/c"] =~ "^x|y$"', {"spec": {"a": {"b/c": "no x"}}}, False),
        ('$.spec.a =~ "."', {"spec": {"a": 1}}, False),
        ('$.spec.a == "x" || $.spec.b == "y"', {"spec": {"b": "y"}}, True),
        ('$.spec.a == "x" || $.spec.b == "y"', {"spec": {"a": "y", "b": "x"}}, False),
        ('$.spec.a == "x"', {"spec": {"a": ["x"]}}, False),
        ("$.spec[*] == 1", {"spec": {"any": 1}}, True),
    ],
)  # fmt: skip
def test_walker_sees_a_clue_when_one_is_there(condition: str, item: Json, is_clued: bool) -> None:
    walk = compiled_walker([(7, clue) for clue in clues_of(compile_condition(condition)) or ()])
    assert (walk(item) == {7}) is is_clued


@pytest.mark.parametrize("condition", ["absent($.spec.a)", '!($.spec.a == "x")', '$.spec.a == "x" || absent($.spec.b)'])
def test_condition_has_no_clue_when_an_empty_object_can_fulfil_it(condition: str) -> None:
    assert clues_of(compile_condition(condition)) is None


def test_cost_hardly_depends_on_the_number_of_detectors_when_nothing_is_wrong() -> None:
    """Counted in questions, not in seconds: a well pod is asked the few that look at well pods."""
    from tools.detectors.format import StatusSignal
    from tools.detectors.status_watcher import _Question, _Questions

    signals = [one for form in forms() for one in form.signals.leaves() if isinstance(one, StatusSignal)]
    about_pods = {(one.each, one.match) for one in signals if one.where == "Pod"}
    asked = _Questions([_Question(*one, []) for one in about_pods], is_indexed=True)
    pod = snapshot_of({"pods": {"web-1": "well"}}).of_kind("Pod")[0]
    assert len(about_pods) > 40
    assert len(list(asked.about(pod))) < len(about_pods) / 3
