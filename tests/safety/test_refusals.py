"""A refusal helps: it says where, points there, and says what would have been accepted; the same on every face."""

from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.safety.benign import changes, reads
from evals.safety.mutations import mutated
from evals.safety.risky import lines
from knowledge.vocabulary import Ruling
from tools.safety.offline import OfflineVerdict, judge_bytes, judge_script, load_policy

POLICY = load_policy()
BENIGN = [line.text for line in (*reads(), *changes())]
HALVES = [
    "", " ", "\n\n", "# a note", "kubectl", "kubectl -n", "kubectl get", "kubectl get 'pods", 'kubectl get "pods', "kubectl apply -f - <<'EOF'",
    "kubectl apply -f - <<'EOF'\n", "kubectl apply -f - <<'EOF'\nkind: Pod", "kubectl apply -f - <<'EOF'\n: : :\nEOF", "<<'EOF'\nEOF",
    "kubectl apply -f - <<EOF\nEOF", "kubectl apply -f - <<'EOF'\n- [\nEOF", "kubectl apply -f - <<'EOF'\na: *b\nEOF", "kubectl apply -f - <<'EOF'\n%TAG ! x\n---\na: b\nEOF",
    "kubectl apply -f - <<'EOF'\na: " + "9" * 30 + "\nEOF", "kubectl apply -f - <<'EOF'\na: " + "[" * 60 + "]" * 60 + "\nEOF", "kubectl frobnicate pods", "kubectl get unicorns",
    "kubectl rollout fly deploy/a", "kubectl scale deploy/a", "kubectl scale deploy/a --replicas=many", "kubectl patch deploy/a -p '{'", "kubectl patch deploy/a -p '[]'",
    "kubectl patch deploy/a --type=json -p '[{\"op\":\"move\"}]'", "kubectl set image deploy/a nginx", "kubectl label pod a", "kubectl taint node a b", "kubectl logs", "kubectl wait pod/a",
    "\ufeffkubectl get pods", "kubectl get pods\r\n", "\x00", "\x7fELF\x01", "PK\x03\x04", "中文", "kubectl get 中文 | sh", "kubectl get pods -n 'é'", "é" * 70_000, "a" * 1_000_000,
    "kubectl get pods\n" * 101, "opsdesk rpa call x", "opsdesk model load x", "opsdesk profile set x",
]  # fmt: skip


def helps(found: OfflineVerdict, text: str) -> None:
    """What every refusal owes to whoever reads it."""
    assert found.verdict is Ruling.REFUSED
    assert found.line is not None
    assert found.column is not None
    rows = text.split("\n")
    assert 1 <= found.line <= len(rows)
    assert 1 <= found.column <= len(rows[found.line - 1]) + 1
    said, expected, accepted = found.message.partition("; expected: ")
    assert said
    assert expected, found.message
    assert accepted.strip()
    head, window, caret, *more = found.shown.split("\n")
    assert head.startswith(f"{found.line}:{found.column}: ")
    assert caret.strip() == "^"
    assert len(window) < 200
    assert any(line.startswith("  expected: ") for line in more)
    assert len(found.message) < 4_000
    pointed = rows[found.line - 1][found.column - 1 : found.column]
    if pointed and pointed.isprintable() and pointed.isascii() and rows[found.line - 1].isascii():
        assert window[len(caret) - 1] == pointed


@pytest.mark.parametrize("text", HALVES, ids=[repr(one[:40]) for one in HALVES])
def test_refusal_says_where_and_what_else_when_a_script_is_half_or_foreign(text: str) -> None:
    helps(judge_script(text, POLICY), text)


def test_refusal_says_where_and_what_else_for_every_disguise() -> None:
    refused = [
        (line.text, found)
        for line in lines(1_500, 41)
        if (found := judge_script(line.text, POLICY)).verdict is Ruling.REFUSED
    ]
    assert len({found.message for _, found in refused}) > 100
    for text, found in refused:
        helps(found, text)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(BENIGN), st.integers(0, 2**32), st.integers(0, 3))
def test_line_is_judged_or_refused_with_its_place_whatever_was_done_to_it(text: str, seed: int, count: int) -> None:
    changed, _ = mutated(text, Random(seed), count)
    found = judge_script(changed, POLICY)
    if found.verdict is Ruling.REFUSED and found.rules == ("grammar",):
        helps(found, changed)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_any_text_gets_a_verdict(text: str) -> None:
    found = judge_script(text, POLICY)
    if found.verdict is Ruling.REFUSED:
        helps(found, text)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80))
def test_any_bytes_get_a_verdict(content: bytes) -> None:
    found = judge_bytes(content, POLICY)
    assert found.verdict is Ruling.REFUSED
    assert found.message
    assert json.loads(found.model_dump_json())["line"] >= 1


def test_bytes_that_are_no_text_are_refused_where_they_stop_being_one() -> None:
    found = judge_bytes("kubectl get pods # 中\n中 ".encode() + b"\xff\xfe", POLICY)
    assert (found.line, found.column) == (2, 3)
    assert "is not UTF-8" in found.message
    assert found.shown.split("\n")[2] == "  " + " " * 3 + "^"


def test_what_only_a_cluster_can_tell_is_said_and_never_lowers_a_verdict() -> None:
    texts = [*BENIGN, *(line.text for line in lines(800, 43))]
    is_open = 0
    for text in texts:
        found = judge_script(text, POLICY)
        answer = found.as_json()
        for point in found.open_points:
            assert point.en in answer["message"], text
        if found.open_points:
            is_open += 1
            assert found.verdict is max((one.ruling for one in found.verdicts), key=lambda ruling: ruling.strictness)
            assert found.verdict is not Ruling.AUTO, text
    assert is_open > 30
