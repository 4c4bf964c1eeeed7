"""Search by words: what people type finds what runbooks say, and the scores are BM25's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.lexical import LexicalIndex, tokenize


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CrashLoopBackOff", {"crashloopbackoff", "crash", "loop", "back", "off"}),
        ("NVRM: Xid 79", {"nvrm", "xid", "79", "xid79"}),
        ("HTTP 507", {"http", "507", "http507"}),
        ("pods are pending", {"pod", "pending"}),
        ("vllm-engine_v2", {"vllm-engine_v2", "v2", "vllm", "engine"}),
        ("推理服务显存不足", {"推理", "服务", "显存", "不足", "显存不足"}),
        ("Pod反复重启", {"pod", "反复重启"}),
    ],
)
def test_tokenize_keeps_names_whole_and_split_when_a_text_has_them(text: str, expected: set[str]) -> None:
    assert expected <= set(tokenize(text))


def test_tokenize_gives_nothing_when_a_text_is_stop_words_only() -> None:
    assert tokenize("what is the ... 的") == []


def test_search_finds_the_new_text_when_a_key_is_added_again() -> None:
    index: LexicalIndex[str] = LexicalIndex()
    index.add("a", ["disk", "full"])
    index.add("a", ["gpu", "lost"])

    assert index.search(["disk"], 5) == []
    assert [key for key, _ in index.search(["gpu"], 5)] == ["a"]
    assert len(index) == 1


def test_search_finds_nothing_of_a_text_when_it_was_removed() -> None:
    index: LexicalIndex[str] = LexicalIndex()
    index.add("a", ["disk"])
    index.add("b", ["disk"])
    index.remove("a")
    index.remove("never-there")

    assert [key for key, _ in index.search(["disk"], 5)] == ["b"]


def test_search_gives_accepted_keys_only_when_a_filter_is_given() -> None:
    index: LexicalIndex[int] = LexicalIndex()
    for number in range(20):
        index.add(number, ["disk"])

    assert [key for key, _ in index.search(["disk"], 3, lambda key: key % 2 == 1)] == [1, 3, 5]


def test_search_is_empty_when_the_index_is_empty() -> None:
    index: LexicalIndex[str] = LexicalIndex()
    assert index.search(["disk"], 5) == []


_TEXTS = st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=12), min_size=1, max_size=25)


@settings(max_examples=60, deadline=None)
@given(_TEXTS, st.lists(st.sampled_from("abcdefghz"), min_size=1, max_size=4, unique=True), st.data())
def test_scores_are_those_of_the_reference_when_texts_came_one_by_one(
    texts: list[list[str]], query: list[str], data: st.DataObject
) -> None:
    bm25s = pytest.importorskip("bm25s")
    index: LexicalIndex[int] = LexicalIndex()
    for number, tokens in enumerate(texts):
        index.add(number, ["z", *tokens])  # an older text in its place, which must leave no trace
        if data.draw(st.booleans()):
            index.search(query, 3)
        index.add(number, tokens)
    reference = bm25s.BM25(method="lucene", k1=1.5, b=0.75)
    reference.index(texts, show_progress=False)
    known = [token for token in query if any(token in text for text in texts)]
    expected = reference.get_scores(known) if known else np.zeros(len(texts))

    found = dict(index.search(query, len(texts)))
    assert [found.get(number, 0.0) for number in range(len(texts))] == pytest.approx(list(expected), abs=1e-4)
