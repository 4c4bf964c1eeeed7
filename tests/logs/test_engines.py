"""Both engines give the same hits, and those that a plain loop over the lines gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.logs.corpus import ORDINARY, SIGNATURES, TROUBLE
from tools.logs.patterns import exact, finding_expression, matches_empty
from tools.logs.re2_set import Re2Set
from tools.logs.reading import LogReading
from tools.logs.signatures import Signatures, best_engine, compile_signatures

hyperscan_set = pytest.importorskip("tools.logs.hyperscan_set", reason="hyperscan has no wheel for this machine")

HYPERSCAN = Signatures(SIGNATURES, hyperscan_set.HyperscanSet([finding_expression(one) for one in SIGNATURES]))
RE2 = Signatures(SIGNATURES, Re2Set(SIGNATURES))

Hits = set[tuple[int, int]]

lines = st.one_of(st.sampled_from(ORDINARY), st.sampled_from(TROUBLE), st.text(max_size=30), st.binary(max_size=30))


def text_of(parts: list[Any]) -> bytes:
    return b"\n".join(part.encode("utf-8", "replace") if isinstance(part, str) else part for part in parts)


def hits_of(signatures: Signatures, text: bytes) -> Hits:
    return {(line.number, one) for line in LogReading(signatures).hits([text]) for one in line.signatures}


def plain_hits(text: bytes) -> Hits:
    return {
        (number, one)
        for number, line in enumerate(text.split(b"\n"), 1)
        for one, pattern in enumerate(SIGNATURES)
        if exact(pattern).search(line) is not None
    }


@settings(max_examples=300, deadline=None)
@given(st.lists(lines, max_size=25))
def test_hits_are_those_of_a_plain_loop_when_lines_are_any(parts: list[Any]) -> None:
    text = text_of(parts)
    wanted = plain_hits(text)
    assert hits_of(HYPERSCAN, text) == wanted
    assert hits_of(RE2, text) == wanted


def test_every_signature_is_found_when_its_line_is_there() -> None:
    found = {one for _, one in hits_of(HYPERSCAN, text_of(list(TROUBLE)))}
    assert found >= {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 17}


def test_signature_does_not_match_over_a_lines_end() -> None:
    assert hits_of(HYPERSCAN, b"ERROR\nboot\nexit soon\nand now\n") == set()
    assert hits_of(RE2, b"ERROR\nboot\nexit soon\nand now\n") == set()


def test_many_matches_of_one_pattern_count_once_in_a_line() -> None:
    text = b"connection refused " * 5_000 + b"\n" + b"connection refused\n"
    for signatures in (HYPERSCAN, RE2):
        assert hits_of(signatures, text) == {(1, 1), (2, 1)}


def test_expression_that_hyperscan_refuses_is_searched_for_all_the_same() -> None:
    patterns = [rf"one{n}" for n in range(20)] + [r"x(a?){0,}", r"needle \d{1,3}(?:ab?){60}(?:cd?){900}|plain needle"]
    engine = hyperscan_set.HyperscanSet([finding_expression(one) for one in patterns])
    found = {line.signatures for line in LogReading(Signatures(patterns, engine)).hits([b"a plain needle\n x\n"])}
    assert found == {(21,), (20,)}


@pytest.mark.parametrize(
    ("pattern", "short"),
    [
        (r"error: .*", rb"error: "),
        (r"error: .+", rb"error: ."),
        (r"(a|b[^\n]*)", rb"(a|b)"),
        (r"host (?P<h>\S+)", rb"host (?P<h>\S)"),
        (r"x{2,5}", rb"x{2}"),
        (r"x(yz)*", rb"x"),
        (r"end$", rb"end$"),
        (r"a\.*", rb"a"),
        (r"a\\.*", rb"a\\"),
        (r"[*]+ b", rb"[*]+ b"),
        (r"z*", rb"z*"),
    ],
)
def test_expression_for_finding_is_short_when_its_end_is_optional(pattern: str, short: bytes) -> None:
    assert finding_expression(pattern) == short


@pytest.mark.parametrize("pattern", [r"a*", r"(x|)", r"^", r"\b?", r"(?i)(foo)?"])
def test_pattern_is_told_when_it_matches_nothing_at_all(pattern: str) -> None:
    assert matches_empty(pattern)


def test_few_signatures_are_left_to_re2_and_many_to_hyperscan() -> None:
    assert isinstance(best_engine(["a", "b"]), Re2Set)
    assert isinstance(best_engine([f"a{n}" for n in range(100)]), hyperscan_set.HyperscanSet)
    patterns = [f"a{n}" for n in range(100)]
    assert compile_signatures(patterns) is compile_signatures(list(patterns))


def test_compiled_database_is_read_from_disk_when_it_was_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expressions = [finding_expression(one) for one in SIGNATURES]
    text = text_of(list(TROUBLE))
    first = hyperscan_set.HyperscanSet(expressions, tmp_path).candidates(text)
    kept = list(tmp_path.glob("*.hs"))
    assert len(kept) == 1
    assert kept[0].stat().st_mode & 0o077 == 0
    with monkeypatch.context() as patched:
        patched.setattr(hyperscan_set, "_compiled", None)  # compiling again would fail
        assert hyperscan_set.HyperscanSet(expressions, tmp_path).candidates(text) == first


def test_kept_database_is_made_anew_when_it_is_torn_or_of_other_signatures(tmp_path: Path) -> None:
    expressions = [finding_expression(one) for one in SIGNATURES]
    text = text_of(list(TROUBLE))
    first = hyperscan_set.HyperscanSet(expressions, tmp_path).candidates(text)
    kept = next(tmp_path.glob("*.hs"))
    for content in (b"", b"junk", kept.read_bytes()[:-100], kept.read_bytes()[:200] + b"\0" * 500):
        kept.write_bytes(content)
        assert hyperscan_set.HyperscanSet(expressions, tmp_path).candidates(text) == first
    others = hyperscan_set.HyperscanSet([*expressions, b"boot"], tmp_path)
    assert len(others.candidates(text)) > len(first)
    assert not kept.exists()
