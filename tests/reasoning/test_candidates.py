"""A closed list of causes, read as words: which of them a hypothesis means."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.reasoning.candidates import Candidate, CandidateList, candidates_of, read_candidates
from agent.reasoning.words import meanings, stem
from knowledge.errors import BadInput
from knowledge.vocabulary import Hypothesis, ObjectRef, Text

LIST = [
    Candidate("Storage", "volume_claim_unbound"),
    Candidate("Storage", "disk_pressure_eviction"),
    Candidate("Compute", "gpu_memory_exhausted"),
    Candidate("Compute", "GpuDriverMismatch"),
    Candidate("Network", "service-without-endpoints"),
    Candidate("Network", "dns_resolution_failure"),
    Candidate("Release", "wrong_container_image_tag"),
    Candidate("Release", "missing_config_map"),
    Candidate("网络", "域名解析失败"),
]


def said(fault: str, english: str, chinese: str = "故障", kind: str = "Pod") -> Hypothesis:
    return Hypothesis(
        id="h",
        fault=fault,
        object=ObjectRef(cluster="c", kind=kind, namespace="shop", name="cart"),
        title=Text(en=english, zh=chinese),
        explanation=Text(en=english, zh=chinese),
        score=0.8,
    )


@pytest.mark.parametrize(
    ("fault", "title", "wanted"),
    [
        (
            "image-not-found",
            "cart names an image that does not exist (wrong image reference)",
            "wrong_container_image_tag",
        ),
        ("cuda-out-of-memory", "The GPU of cart has no memory left", "gpu_memory_exhausted"),
        ("driver-library-version-mismatch", "Driver and library of the GPU differ", "GpuDriverMismatch"),
        ("config-missing-configmap", "cart wants ConfigMap settings, which does not exist", "missing_config_map"),
        ("pod-evicted", "cart was evicted: the disk of node-1 was full", "disk_pressure_eviction"),
        ("service-endpoints-not-ready", "Service cart has no endpoints", "service-without-endpoints"),
    ],
)
def test_hypothesis_is_put_in_the_words_of_the_list(fault: str, title: str, wanted: str) -> None:
    matches = CandidateList(LIST).matches(said(fault, title))
    assert matches
    assert matches[0].candidate.name == wanted


def test_chinese_names_are_read_too() -> None:
    found = CandidateList(LIST).matches(said("app-lookup-failed", "cart cannot look a name up", "cart 域名解析失败"))
    assert found[0].candidate.name in ("域名解析失败", "dns_resolution_failure")
    assert any(match.candidate.name == "域名解析失败" for match in found)


def test_nothing_is_named_when_the_list_speaks_of_other_things() -> None:
    assert (
        CandidateList([Candidate("Billing", "invoice_overdue")]).matches(said("pod-evicted", "cart was evicted")) == []
    )


def test_words_of_all_entries_weigh_less_than_those_of_one() -> None:
    listed = CandidateList(
        [Candidate("", "pod_thread_starvation"), Candidate("", "pod_memory_leak"), Candidate("", "pod_disk_full")]
    )
    found = listed.matches(said("memory-grows", "memory of the pod grows without end"))
    assert found[0].candidate.name == "pod_memory_leak"
    assert found[0].score > 2 * max((match.score for match in found[1:]), default=0.0) or len(found) == 1


@pytest.mark.parametrize("raw", [[["A", "b"], "b", {"taxonomy": "A", "name": "c"}], [["A", "b"], ["A", "b"]]])
def test_entries_are_taken_in_their_usual_shapes(raw: object) -> None:
    found = candidates_of(raw)
    assert found[0] == Candidate("A", "b")
    assert len(set(found)) == len(found)


@pytest.mark.parametrize(
    "raw", [[], {}, "x", [1], [["a"]], [["a", ""]], [["a", "b", "c"]], [{"taxonomy": "a"}], [None]]
)
def test_list_that_is_none_is_refused_with_what_to_write(raw: object) -> None:
    with pytest.raises(BadInput) as caught:
        candidates_of(raw)
    assert "taxonomy" in caught.value.next_step


def test_file_that_is_not_json_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.json"
    path.write_text("[[", encoding="utf-8")
    with pytest.raises(BadInput, match="not JSON"):
        read_candidates(path)
    with pytest.raises(BadInput, match="cannot be read"):
        read_candidates(tmp_path / "missing.json")
    path.write_text("\ufeff" + json.dumps([["A", "b"]]), encoding="utf-8")
    assert read_candidates(path) == [Candidate("A", "b")]


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_scores_stay_between_nothing_and_all_whatever_the_words(name: str, other: str, title: str) -> None:
    listed = CandidateList([Candidate("T", name), Candidate(title, other)])
    for match in listed.matches(said(name or "x", title, other)):
        assert 0.0 <= match.score <= 1.0 + 1e-9


@pytest.mark.parametrize(
    ("one", "other"), [("exceeded", "exceeds"), ("pulling", "pull"), ("resolution", "resolutions"), ("killed", "kill")]
)
def test_forms_of_a_word_meet(one: str, other: str) -> None:
    assert stem(one) == stem(other)


def test_phrase_of_the_field_means_its_group() -> None:
    assert "=oom" in meanings("the process ran out of memory")
    assert "=oom" not in meanings("out of patience")
