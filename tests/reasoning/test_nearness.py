"""The cause graph tries only pairs that stand near each other, and finds what trying all pairs finds."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.reasoning import causes
from agent.reasoning.causes import cause_graph
from agent.reasoning.nearness import NEAR, Neighbourhood
from agent.reasoning.topology import REACH, Topology, build_topology
from knowledge.vocabulary import Finding, Json
from tests.shared_library import shared_library
from tools.detectors.library import DetectorLibrary
from tools.detectors.specimen import snapshot_of


@pytest.fixture(scope="module")
def library() -> DetectorLibrary:
    return shared_library()


RELATIONS = ("owns", "selects", "routes", "calls", "mounts", "binds", "runs_on", "scales", "limits", "budgets")
KINDS = (
    "Pod",
    "ReplicaSet",
    "Deployment",
    "Service",
    "Ingress",
    "ConfigMap",
    "PersistentVolumeClaim",
    "HorizontalPodAutoscaler",
)


def any_topology(chance: random.Random) -> tuple[Topology, list[str]]:
    """Keys of all kinds joined at random: stranger than any cluster."""
    keys = [f"{chance.choice(KINDS)}/{chance.choice('ab')}/{number}" for number in range(14)]
    keys += [f"Node/{number}" for number in range(2)]
    topology = Topology(keys=set(keys))
    for key in keys:
        if key.startswith(("Pod/", "ReplicaSet/")) and chance.random() < 0.7:
            topology.families[key] = chance.choice(keys)
    for _ in range(40):
        topology.connect(chance.choice(keys), chance.choice(RELATIONS), chance.choice(keys))
    return topology, keys


@given(st.integers(0, 2**32).map(random.Random))
def test_near_objects_are_all_that_trouble_reaches(chance: random.Random) -> None:
    topology, keys = any_topology(chance)
    for relation, near in NEAR.items():
        for cause in keys:
            around = near(topology, cause)
            for effect in keys:
                if REACH[relation](topology, cause, effect):
                    assert {effect, topology.family(effect)} & around, (relation, cause, effect)


def crowd(count: int, library: DetectorLibrary) -> tuple[list[Finding], Topology]:
    """Findings of many workloads that call each other in a ring, two on each."""
    objects: list[Json] = []
    for number in range(count // 2):
        url = f"http://svc-{(number + 1) % (count // 2)}:80"
        container = {"name": "main", "image": "a", "env": [{"name": "NEXT_URL", "value": url}]}
        labels = {"app": f"web-{number}"}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
        spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
        objects.append({"kind": "Deployment", "name": f"web-{number}", "spec": spec, "status": {},
                        "metadata": {"creationTimestamp": "<10m ago>"}})  # fmt: skip
        objects.append(
            {"kind": "Service", "name": f"svc-{number}", "spec": {"selector": labels, "ports": [{"port": 80}]}}
        )
    snapshot = snapshot_of({"objects": objects})
    return list(library.detect(snapshot)), build_topology(snapshot)


def test_graph_is_that_of_all_pairs(library: DetectorLibrary, monkeypatch: pytest.MonkeyPatch) -> None:
    findings, topology = crowd(60, library)
    assert len(findings) >= 60
    quick = cause_graph(findings, topology, library)
    assert quick.direct

    class All(Neighbourhood):
        def of(self, cause: Finding, relations: object) -> range:
            return range(len(findings))

    monkeypatch.setattr(causes, "Neighbourhood", All)
    plain = cause_graph(findings, topology, library)
    assert quick.direct == plain.direct
    assert [list(effects) for effects in quick.direct.values()] == [list(effects) for effects in plain.direct.values()]
    for finding in findings:
        assert quick.causes_of(finding.id) == [
            cause for cause, effects in quick.direct.items() if finding.id in effects
        ]


def test_pairs_that_are_tried_grow_with_the_findings_and_not_with_their_square(library: DetectorLibrary) -> None:
    def tried(count: int) -> tuple[int, int]:
        findings, topology = crowd(count, library)
        near = Neighbourhood(findings, topology)
        over = ("same", "owns", "selects", "routes", "calls")
        return sum(len(list(near.of(cause, over))) for cause in findings), len(findings)

    few, small = tried(40)
    many, large = tried(400)
    assert large > 5 * small
    assert many / large < 2 * few / small
