"""The condition language: what holds, what does not, and what cannot be read."""

from __future__ import annotations

from typing import Any

import pytest

from tools.detectors.condition import compile_condition, compile_fact, compile_path
from tools.detectors.scene import Scene
from tools.detectors.specimen import ago, pod_in_state, snapshot_of

POD: dict[str, Any] = {
    "kind": "Pod",
    "metadata": {"name": "web-1", "namespace": "default", "annotations": {"team/owner": "ml"}},
    "status": {
        "phase": "Running",
        "startTime": ago("20m"),
        "containerStatuses": [
            {"name": "main", "ready": False, "restartCount": 0, "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
            {"name": "side", "ready": True, "restartCount": 7, "state": {"running": {}}},
        ],
    },
}


def holds(text: str, item: dict[str, Any] = POD) -> bool:
    scene = Scene(snapshot_of({"objects": []}))
    return compile_condition(text)(scene, item, item)


@pytest.mark.parametrize(
    "text",
    [
        '$.status.phase == "Running"',
        '$.status.phase in ["Pending", "Running"]',
        '$.status.phase =~ "^Run"',
        '$.metadata.annotations["team/owner"] == "ml"',
        "$.status.containerStatuses[1].restartCount >= 7",
        '$.status.containerStatuses[?(@.name == "side")].ready == true',
        "count($.status.containerStatuses[*]) == 2",
        "age($.status.startTime) > 10m && age($.status.startTime) < 1h",
        "absent($.status.message) && exists($.status.phase)",
    ],
)
def test_condition_holds_when_the_object_is_so(text: str) -> None:
    assert holds(text)


def test_terms_bind_to_the_same_element_within_some() -> None:
    apart = "$.status.containerStatuses[*].ready == false && $.status.containerStatuses[*].restartCount > 5"
    together = "some($.status.containerStatuses[*]: @.ready == false && @.restartCount > 5)"
    assert holds(apart)
    assert not holds(together)
    assert holds(
        'some($.status.containerStatuses[*]: @.ready == false && @.state.waiting.reason == "CrashLoopBackOff")'
    )


def test_missing_path_makes_every_comparison_false() -> None:
    assert not holds('$.status.nothing == "x"')
    assert not holds('$.status.nothing != "x"')
    assert not holds("$.status.nothing < 3")


def test_number_and_truth_are_not_confused() -> None:
    assert not holds("$.status.containerStatuses[0].restartCount == false")


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ('$.status.phase = "x"', 16),
        ('$.status.phase == "x" &&', 25),
        ("unknown($.a)", 9),
        ("age($.a) > 10 weeks", 14),
        ("$.a[?(age(@.b) > 1m)] ==", 25),
    ],
)
def test_unreadable_condition_says_at_which_column(text: str, column: int) -> None:
    with pytest.raises(ValueError, match="at column") as problem:
        compile_condition(text)
    assert f"column {column} " in str(problem.value)


def test_look_around_is_refused_because_matching_is_linear() -> None:
    with pytest.raises(Exception, match="perl operator"):
        compile_condition('$.status.message =~ "(?=x)"')


def test_path_gives_every_value_when_it_has_a_star() -> None:
    assert compile_path("$.status.containerStatuses[*].name").values(POD, POD) == ["main", "side"]


def test_fact_takes_a_group_out_of_a_text() -> None:
    scene = Scene(snapshot_of({"objects": []}))
    fact = compile_fact('matched($.status.phase, "R(un+)ing")')
    assert fact(scene, POD, POD) == "unn"


def test_cross_reference_concludes_nothing_when_the_kind_was_not_read() -> None:
    claim = {"kind": "PersistentVolumeClaim", "name": "data", "spec": {"storageClassName": "fast"}}
    text = "xref_missing($.spec.storageClassName, StorageClass.metadata.name)"
    blind = snapshot_of({"objects": [claim]})
    seeing = snapshot_of({"objects": [claim, {"kind": "StorageClass", "name": "slow"}]})
    denied = snapshot_of(
        {"objects": [claim, {"kind": "StorageClass", "name": "slow"}], "gaps": ["list storageclasses"]}
    )
    item = blind.of_kind("PersistentVolumeClaim")[0]
    assert not compile_condition(text)(Scene(blind), item, item)
    assert compile_condition(text)(Scene(seeing), item, item)
    assert not compile_condition(text)(Scene(denied), item, item)


def test_pod_of_a_specimen_is_unwell_unless_it_says_well() -> None:
    scene = Scene(snapshot_of({"objects": []}))
    assert scene.is_well(pod_in_state("web-1", "well"))
    for state in ("crashing", "pending", "terminated", "unready", "waiting:ErrImagePull"):
        assert not scene.is_well(pod_in_state("web-1", state)), state
