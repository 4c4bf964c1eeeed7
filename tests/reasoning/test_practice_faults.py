"""Every fault of the practice cluster is named offline, with its object; what only looks like a fault is not."""

from __future__ import annotations

import pytest

pytest.importorskip("evals.practice.admission.chain", reason="the practice cluster is not whole yet")

from agent.reasoning.diagnosis import conclude
from evals.practice.faults.switch import catalogue
from knowledge.vocabulary import Diagnosis, Verdict
from tests.practice.faults.world import World, platform_world
from tests.reasoning.practice_snapshot import snapshot_of_world
from tests.shared_library import shared_library
from tools.detectors.library import DetectorLibrary

SAME_FAULT = {
    # The truth names the symptom that is seen first; the desk names what is wrong.
    ("container-crashloopbackoff", "app-configuration-invalid"),
    ("hpa-resource-metric-unavailable", "metrics-server-down"),
}
FAULTS = [name for name, fault in catalogue().items() if fault.is_fault]
NOISE = [name for name, fault in catalogue().items() if not fault.is_fault]


@pytest.fixture(scope="module")
def library() -> DetectorLibrary:
    return shared_library()


def diagnosed(world: World, library: DetectorLibrary) -> Diagnosis:
    snapshot = snapshot_of_world(world)
    diagnosis = conclude(library.detect(snapshot), snapshot, library)
    known = {evidence.id for evidence in snapshot.cited()}
    if diagnosis.chosen is not None:
        assert set(diagnosis.chosen.evidence_ids) <= known
        assert diagnosis.chosen.evidence_ids
    return diagnosis


def test_healthy_platform_has_no_fault(library: DetectorLibrary) -> None:
    with platform_world() as world:
        world.wait(30)
        assert diagnosed(world, library).verdict is Verdict.NO_FAULT


@pytest.mark.parametrize("name", NOISE)
def test_noise_is_no_fault(name: str, library: DetectorLibrary) -> None:
    with platform_world() as world:
        world.inject(name)
        world.wait(30)
        diagnosis = diagnosed(world, library)
        assert diagnosis.verdict is Verdict.NO_FAULT, diagnosis.summary.en


@pytest.mark.parametrize("name", FAULTS)
def test_fault_is_named_with_its_object(name: str, library: DetectorLibrary) -> None:
    with platform_world() as world:
        truth = world.inject(name)
        world.wait(30)
        diagnosis = diagnosed(world, library)
    assert diagnosis.verdict is Verdict.FAULT, diagnosis.summary.en
    chosen = diagnosis.chosen
    assert chosen is not None
    assert chosen.fault == truth.cause or (truth.cause, chosen.fault) in SAME_FAULT, diagnosis.summary.en
    found = (chosen.object.kind, chosen.object.namespace, chosen.object.name)
    assert found == (truth.target.kind, truth.target.namespace, truth.target.name)
    assert chosen.object.name in diagnosis.summary.zh


@pytest.mark.parametrize("name", ["bad_image_rollout", "oom_limit_too_small", "missing_configmap"])
def test_healed_fault_is_gone(name: str, library: DetectorLibrary) -> None:
    with platform_world() as world:
        world.inject(name)
        world.wait(30)
        world.heal(name)
        world.wait(60)
        diagnosis = diagnosed(world, library)
    assert diagnosis.verdict is Verdict.NO_FAULT, diagnosis.summary.en


def test_two_independent_faults_are_both_found(library: DetectorLibrary) -> None:
    with platform_world() as world:
        world.inject("oom_limit_too_small")
        world.inject("tfs_base_path_missing")
        world.wait(30)
        diagnosis = diagnosed(world, library)
    assert diagnosis.chosen is not None
    assert diagnosis.runner_up is not None
    assert {diagnosis.chosen.fault, diagnosis.runner_up.fault} == {"container-oomkilled", "tfs-base-path-missing"}
