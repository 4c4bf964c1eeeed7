"""Two rankings become one, and history orders what matches alike."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.library_ranking import Match, best_per_entry, fuse, outcome_factor, where_filter

A, B, C = ("cases", "a"), ("cases", "b"), ("documents", "c")


def test_best_per_entry_keeps_the_order_of_the_best_when_an_entry_matches_twice() -> None:
    matches = [Match(A, 0, 0.9), Match(B, 0, 0.8), Match(C, 1, 0.7), Match(A, 2, 0.1)]

    assert best_per_entry(matches) == matches[:3]


def test_fuse_puts_first_what_both_rankings_have_when_each_has_more() -> None:
    fused = fuse([Match(A, 3, 0.9), Match(B, 0, 0.5)], [Match(C, 0, 9.0), Match(B, 0, 4.0)], 1.0)

    assert [one.key for one in fused] == [B, A, C]
    assert fused[1].chunk_no == 3
    assert fused[1].by_words == 0


def test_fuse_trusts_words_when_the_glossary_knew_little_of_the_query() -> None:
    fused = fuse([Match(A, 0, 0.9)], [Match(B, 0, 1.0)], 0.1)

    assert [one.key for one in fused] == [B, A]


def test_fuse_scores_one_when_an_entry_is_first_wherever_it_was_looked_for() -> None:
    assert fuse([], [Match(A, 0, 1.0)], 1.0)[0].score == pytest.approx(1.0)
    assert fuse([Match(A, 0, 1.0)], [Match(A, 0, 1.0)], 0.4)[0].score == pytest.approx(1.0)
    assert fuse([], [], 1.0) == []


@given(st.integers(0, 1_000), st.integers(0, 1_000))
def test_outcomes_move_a_score_by_a_quarter_at_most_when_history_is_long(held: int, failed: int) -> None:
    factor = outcome_factor((held, failed))

    assert 0.75 < factor < 1.25
    assert outcome_factor((held + 1, failed)) > factor > outcome_factor((held, failed + 1))
    assert outcome_factor((held, held)) == pytest.approx(1.0)


def test_where_filter_is_none_when_nothing_is_filtered() -> None:
    assert where_filter((), (), ()) is None
    assert where_filter(("fault",), (), ()) == {"kind": {"$in": ["fault"]}}
