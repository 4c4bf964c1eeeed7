"""Laws of log signatures: quick to search for, silent in ordinary talk, and found by the engine where they say they match."""

from __future__ import annotations

from collections import Counter

import pytest

from evals.log_stream import block_of_log, troubles_of
from tests.shared_library import shared_library
from tools.detectors.format import LogSignal
from tools.logs.patterns import finding_expression, matches_empty
from tools.logs.reading import LogReading
from tools.logs.signatures import Signatures, compile_signatures

FORMS = [one.form for one in shared_library().by_id.values()]
SIGNALS = [(form.id, one) for form in FORMS for one in form.signals.leaves() if isinstance(one, LogSignal)]
PATTERNS = list(dict.fromkeys(signal.match for _, signal in SIGNALS))
OWNERS = {signal.match: fault for fault, signal in SIGNALS}
ENDS_PER_LINE = 40
"""A pattern that ends in many places of one line (``x.*y`` over y y y) makes the engine report each of them."""


@pytest.fixture(scope="module")
def library() -> Signatures:
    return compile_signatures(PATTERNS)


def test_no_signature_matches_an_empty_text() -> None:
    assert not [OWNERS[one] for one in PATTERNS if matches_empty(one)]


def test_no_signature_speaks_of_ordinary_lines(library: Signatures) -> None:
    block = block_of_log(3_000_000, 7, (), 0.0)
    reading = LogReading(library)
    found = Counter(one for line in reading.hits([block]) for one in line.signatures)
    assert reading.lines > 20_000
    assert not {OWNERS[PATTERNS[one]]: count for one, count in found.items() if count > reading.lines / 10_000}


def test_every_example_is_found_by_the_engine_and_by_its_own_signature(library: Signatures) -> None:
    examples = [(fault, one) for fault, one in SIGNALS if one.example]
    text = "\n".join(one.example.split("\n", 1)[0] for _, one in examples).encode()
    found = {(line.number, one) for line in LogReading(library).hits([text]) for one in line.signatures}
    numbers = {pattern: number for number, pattern in enumerate(PATTERNS)}
    missed = [fault for line, (fault, one) in enumerate(examples, 1) if (line, numbers[one.match]) not in found]
    assert not missed, "the example has to match on its first line"


def test_engine_takes_every_signature_itself(library: Signatures) -> None:
    assert [OWNERS[PATTERNS[one]] for one in library.engine.refused] == []


def test_no_signature_is_reported_at_many_places_of_a_line() -> None:
    hyperscan_set = pytest.importorskip("tools.logs.hyperscan_set", reason="hyperscan has no wheel for this machine")
    engine = hyperscan_set.HyperscanSet([finding_expression(one) for one in PATTERNS])
    block = block_of_log(1_500_000, 3, troubles_of(FORMS), 0.3)
    ends: Counter[tuple[int, int]] = Counter()
    start = 0
    for line in block.split(b"\n"):
        if len(line) < 500:
            ends.update((number, start) for _, number in engine.candidates(block, start, start + len(line)))
        start += len(line) + 1
    assert not {OWNERS[PATTERNS[number]]: count for (number, _), count in ends.items() if count > ENDS_PER_LINE}
