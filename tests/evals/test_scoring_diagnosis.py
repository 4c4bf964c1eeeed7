"""Scores of a diagnosis: right is right, and every sort of wrong is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.scenarios.format import TrueFault, Truth
from evals.scoring.diagnosis import chain_share, quantile, score, share, summarise
from evals.scoring.objects import is_same
from evals.scoring.said import Candidate, Said

OOM = TrueFault.model_validate({"object": "Deployment/shop/cart", "is": ["container-oomkilled"]})
DISK = TrueFault.model_validate(
    {"object": "Node/n1", "also": ["PersistentVolume/*"], "is": ["node-disk-pressure", "disk"]}
)
ONE = Truth(verdict="fault", faults=(OOM,), chain=("Deployment/shop/cart", "Service/shop/cart", "Deployment/shop/web"))
TWO = Truth(verdict="fault", faults=(OOM, DISK))
HEALTHY = Truth(verdict="no_fault")
RIGHT = Candidate("container-oomkilled", "Pod/shop/cart-7d9c5b6f8-x2x4z", ("Service/shop/cart",))
OTHER = Candidate("image-not-found", "Deployment/shop/web")
THIRD = Candidate("quota-exceeded", "Namespace/shop")


def fault(*ranked: Candidate, confidence: float = 0.9) -> Said:
    return Said("fault", confidence, ranked)


def test_score_is_a_hit_when_object_and_cause_stand_first() -> None:
    found = score(fault(RIGHT, OTHER), ONE)
    assert (found.top1, found.top3, found.is_hit, found.is_verdict_right) == (True, True, True, True)


@pytest.mark.parametrize(
    "first",
    [OTHER, Candidate("container-oomkilled", "Deployment/shop/web"), Candidate("image-not-found", "Deployment/shop/cart"),
     Candidate("container-oomkilled", "Deployment/other/cart")],
)  # fmt: skip
def test_score_is_no_hit_when_object_or_cause_is_another(first: Candidate) -> None:
    found = score(fault(first), ONE)
    assert (found.top1, found.top3, found.is_hit) == (False, False, False)


def test_cause_and_object_are_told_apart_when_one_of_them_is_wrong() -> None:
    wrong_place = score(fault(Candidate("container-oomkilled", "Deployment/shop/web")), ONE)
    wrong_cause = score(fault(Candidate("image-not-found", "Deployment/shop/cart")), ONE)
    assert (wrong_place.cause1, wrong_place.object1) == (True, False)
    assert (wrong_cause.cause1, wrong_cause.object1) == (False, True)


def test_third_place_counts_for_top_three_only_and_fourth_for_nothing() -> None:
    third, fourth = score(fault(OTHER, THIRD, RIGHT), ONE), score(fault(OTHER, THIRD, OTHER, RIGHT), ONE)
    assert (third.top1, third.top3) == (False, True)
    assert (fourth.top1, fourth.top3) == (False, False)


@pytest.mark.parametrize("verdict", ["no_fault", "unknown"])
def test_right_cause_counts_nothing_when_the_verdict_is_not_fault(verdict: str) -> None:
    found = score(Said(verdict, 0.9, (RIGHT,)), ONE)
    assert (found.is_verdict_right, found.top1, found.top3, found.is_hit) == (False, False, False, False)
    assert found.is_unsure is (verdict == "unknown")


def test_fault_is_false_when_the_cluster_is_healthy() -> None:
    found = score(fault(RIGHT), HEALTHY)
    assert (found.is_false_fault, found.is_hit, found.top1) == (True, False, None)
    assert score(Said("no_fault", 0.9), HEALTHY).is_hit
    unsure = score(Said("unknown", 0.3), HEALTHY)
    assert (unsure.is_false_fault, unsure.is_unsure, unsure.is_hit) == (False, True, False)


def test_several_faults_are_found_when_each_is_among_the_first() -> None:
    disk = Candidate("disk", "PersistentVolume/pv-7")
    assert score(fault(RIGHT, disk), TWO).found_all is True
    assert score(fault(RIGHT, OTHER, disk), TWO).found_all is True
    assert score(fault(RIGHT, OTHER, THIRD, disk), TWO).found_all is False
    assert score(fault(RIGHT, RIGHT), TWO).found_all is False
    assert score(fault(RIGHT), ONE).found_all is None


def test_chain_is_the_share_of_its_objects_that_are_told() -> None:
    assert chain_share((RIGHT,), ONE) == pytest.approx(2 / 3)
    assert chain_share((OTHER,), ONE) == 0.0
    whole = Candidate("container-oomkilled", "Deployment/shop/cart", ("Service/shop/cart", "Deployment/shop/web"))
    assert chain_share((OTHER, whole), ONE) == 1.0


@pytest.mark.parametrize(
    ("named", "true", "same"),
    [
        ("Deployment/a/x", "Deployment/a/x", True),
        ("Pod/a/x-7d9c5b6f8-x2x4z", "Deployment/a/x", True),
        ("ReplicaSet/a/x-7d9c5b6f8", "Deployment/a/x", True),
        ("Pod/a/x-v2-7d9c5b6f8-x2x4z", "Deployment/a/x", False),
        ("Pod/b/x-7d9c5b6f8-x2x4z", "Deployment/a/x", False),
        ("Service/a/x", "Deployment/a/x", False),
        ("Pod/a/db-0", "StatefulSet/a/db", True),
        ("Pod/a/db-0-x", "StatefulSet/a/db", False),
        ("Job/a/refresh-29561234", "CronJob/a/refresh", True),
        ("Node/gpu-node-3", "Node/gpu-node-*", True),
        ("Node/cpu-node-3", "Node/gpu-node-*", False),
    ],
)
def test_object_is_the_same_when_it_is_owned_by_the_true_one(named: str, true: str, same: bool) -> None:
    assert is_same(named, true) is same


candidates = st.builds(Candidate, st.sampled_from(["container-oomkilled", "disk", "x"]),
                       st.sampled_from(["Deployment/shop/cart", "Node/n1", "Node/n2"]))  # fmt: skip
said = st.builds(
    Said,
    st.sampled_from(["fault", "no_fault", "unknown"]),
    st.floats(0, 1),
    st.lists(candidates, max_size=5).map(tuple),
)


@given(said, st.sampled_from([ONE, TWO, HEALTHY]))
def test_score_is_consistent_whatever_is_said(told: Said, truth: Truth) -> None:
    found = score(told, truth)
    if found.top1:
        assert found.top3
        assert found.cause1
        assert found.object1
        assert found.is_verdict_right
    if found.top3:
        assert found.cause3
    if found.is_false_fault:
        assert not found.is_hit
    assert found.is_hit <= found.is_verdict_right
    assert found.chain is None or 0 <= found.chain <= 1


@given(st.lists(st.tuples(said, st.sampled_from([ONE, TWO, HEALTHY])), max_size=12))
def test_summary_counts_every_scenario_once(rows: list[tuple[Said, Truth]]) -> None:
    found = summarise([score(*row) for row in rows])
    assert found.n == found.faults + found.healthy == len(rows)
    for value in (found.verdict, found.top1, found.top3, found.cause1, found.object1, found.found_all, found.chain):
        assert value is None or 0 <= value <= 1
    assert (found.top1 or 0) <= (found.top3 or 0)
    assert found.false_faults + found.unsure <= len(rows)


def test_share_leaves_out_what_does_not_apply() -> None:
    assert share([True, None, False]) == 0.5
    assert share([None]) is None


@given(st.lists(st.floats(0, 100), min_size=1), st.floats(0.01, 1))
def test_quantile_is_a_value_that_enough_do_not_exceed(values: list[float], part: float) -> None:
    found = quantile(values, part)
    assert found in values
    assert sum(one <= found for one in values) >= part * len(values) - 1e-3
    assert quantile([], part) is None
