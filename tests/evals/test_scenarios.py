"""The scenarios themselves, and what playing one does."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from evals.scenarios.format import Scenario, load_scenario, load_scenarios
from evals.scenarios.look import see
from evals.scenarios.paths import parts_of, put, reference
from evals.scenarios.run import outcome_of, run_one
from knowledge.errors import BadInput
from knowledge.vocabulary import Layer
from tests.shared_library import shared_library
from tools.collectors.metric_queries import QUERIES
from tools.detectors.library import DetectorLibrary

ALL = load_scenarios()
BY_ID = {one.id: one for one in ALL}


@pytest.fixture(scope="module")
def library() -> DetectorLibrary:
    return shared_library()


def test_scenarios_cover_every_layer_chains_pairs_and_noise() -> None:
    layers = Counter(one.layer for one in ALL)
    assert len(ALL) >= 120
    assert [layer.value for layer in Layer if not layers[layer]] == []
    assert layers[None] >= 30
    assert sum(len(one.truth.faults) >= 2 for one in ALL) >= 10
    assert sum(len(one.truth.chain) >= 3 for one in ALL) >= 10


def test_a_third_is_held_out_and_nothing_but_the_id_decides() -> None:
    held_out = sum(one.is_held_out for one in ALL)
    assert 0.2 < held_out / len(ALL) < 0.45
    one = BY_ID["embedding-server-oom"]
    assert one.model_copy(update={"story": ()}).is_held_out == one.is_held_out


def test_told_metrics_are_ones_that_the_collector_asks_for() -> None:
    known = {query.key for query in QUERIES}
    assert {(one.id, told.key) for one in ALL for told in one.metrics if told.key not in known} == set()


def test_titles_are_in_both_languages() -> None:
    assert [
        one.id for one in ALL if not (one.title.en.isascii() and any("\u4e00" <= c <= "\u9fff" for c in one.title.zh))
    ] == []


@pytest.mark.parametrize("name", ["embedding-server-oom", "full-disk-to-gateway-503", "kernel-deadlock-reported"])
def test_played_fault_leaves_its_traces_for_the_look(name: str, library: DetectorLibrary) -> None:
    """That the story takes place: what is found is scored elsewhere, and may be wrong."""
    outcome = run_one(BY_ID[name], library)
    assert "${" not in outcome.scenario.truth.model_dump_json()
    assert outcome.fired or outcome.said.verdict != "fault"
    assert outcome.total_seconds < 10
    assert 0 < outcome.said.seconds < outcome.total_seconds


def test_quiet_hour_is_healthy_and_the_same_when_played_again(library: DetectorLibrary) -> None:
    first, second = (run_one(BY_ID["nothing-at-all"], library) for _ in range(2))
    assert first.said.verdict == second.said.verdict == "no_fault"
    assert first.fired == second.fired == ()


def test_scenarios_side_by_side_do_not_see_each_other(library: DetectorLibrary) -> None:
    async def both() -> tuple[set[str], set[str]]:
        sick, well = await asyncio.gather(
            see(BY_ID["embedding-server-oom"], library), see(BY_ID["nothing-at-all"], library)
        )
        return {one.fault for one in sick.look.findings}, {one.fault for one in well.look.findings}

    sick, well = asyncio.run(both())
    assert "container-oomkilled" in sick
    assert well == set()


def test_wrong_truth_is_a_miss(library: DetectorLibrary) -> None:
    """The scorer can fail: the same look held against another truth."""
    seen = asyncio.run(see(BY_ID["embedding-server-oom"], library))
    other = seen.scenario.model_copy(update={"truth": BY_ID["image-tag-typo"].truth})
    assert outcome_of(seen.scenario, seen.look, 1.0).score.top1 is True
    assert outcome_of(other, seen.look, 1.0).score.top1 is False


def _scenario(**fields: object) -> Scenario:
    body: dict[str, object] = {
        "id": "x",
        "layer": None,
        "title": {"en": "x", "zh": "无"},
        "story": [],
        "truth": {"verdict": "no_fault"},
    }
    return Scenario.model_validate(body | fields)


def test_story_that_cannot_be_played_names_scenario_and_step(library: DetectorLibrary) -> None:
    broken = _scenario(story=[{"at": -10, "restart": "Deployment/ai-apps/chat-web"}, {"fault": "no_such_fault"}])
    with pytest.raises(BadInput, match=r"scenario x, step 2 \(fault\)"):
        run_one(broken, library)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"story": [{"at": -5, "fault": "a", "heal": "a"}]}, "exactly one of"),
        ({"story": [{"at": -5, "fault": "a"}, {"at": -9, "fault": "b"}]}, "order of time"),
        ({"truth": {"verdict": "fault"}}, "has faults exactly when"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_malformed_scenario_is_refused_with_its_file(tmp_path: Path, change: dict[str, object], words: str) -> None:
    (tmp_path / "healthy").mkdir()
    path = tmp_path / "healthy" / "x.yaml"
    body: dict[str, object] = {
        "id": "x",
        "layer": None,
        "title": {"en": "x", "zh": "无"},
        "story": [],
        "truth": {"verdict": "no_fault"},
    }
    path.write_text(yaml.safe_dump(body | change), encoding="utf-8")
    with pytest.raises(BadInput, match=words) as refusal:
        load_scenario(path)
    assert str(path) in refusal.value.message


def test_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no scenarios"):
        load_scenarios(tmp_path)


def test_paths_set_make_and_delete() -> None:
    target: dict[str, object] = {"spec": {"containers": [{"image": "a"}]}}
    put(target, "spec.containers[0].image", "b")
    put(target, "spec.containers[1]", {"image": "c"})
    put(target, 'metadata.annotations["a.b/c"]', "x")
    assert target == {
        "spec": {"containers": [{"image": "b"}, {"image": "c"}]}, "metadata": {"annotations": {"a.b/c": "x"}},
    }  # fmt: skip
    put(target, "spec.containers[0]", None)
    put(target, "metadata", None)
    assert target == {"spec": {"containers": [{"image": "c"}]}}


@given(
    st.lists(
        st.one_of(st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,8}", fullmatch=True), st.integers(0, 20)),
        min_size=1,
        max_size=6,
    )
)
def test_paths_are_read_as_they_are_written(parts: list[str | int]) -> None:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).removeprefix(".")
    assert parts_of(text) == parts


@pytest.mark.parametrize("text", ["Nonsense/a/b", "Pod/only-a-name"])
def test_unknown_reference_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        reference(text)
