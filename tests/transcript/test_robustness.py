"""Whatever was pasted: no exception, and time that grows with the text and no faster."""

from __future__ import annotations

import itertools
import random
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.transcript.shop import POD, PODS
from tools.transcript.cleaning import decode
from tools.transcript.reading import read_paste

RECORDED = Path(__file__).parent / "recorded"
GOOD = (
    (RECORDED / "describe.txt").read_text()
    + (RECORDED / "get.txt").read_text()
    + "$ kubectl get pod db-0 -o yaml\n"
    + (RECORDED / "pod.yaml").read_text()
    + "$ kubectl get pods -o json\n"
    + (RECORDED / "objects.json").read_text()[:9_000]
    + "\n$ systemctl status kubelet\n● kubelet.service - x\n   Active: failed (Result: exit-code) since Wed 2026-03-04 17:05:00 CST; 4min ago\n"
    + "$ nc -zv a.b 80\nopen\n$ cat map.txt\na\n├── b\n│   └── c\n$ cat r.json\n"
    + '{"alerts": [{"name": "a", "evidence": ["p95: Normal=1ms -> Current=2ms"]}]}\n'
)
LINES = GOOD.split("\n")
RELAXED = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@RELAXED
@given(st.binary(max_size=4_000))
def test_reading_never_fails_when_given_any_bytes(raw: bytes) -> None:
    reading = read_paste(decode(raw))
    assert reading.snapshot().taken_at == reading.taken_at


@RELAXED
@given(st.lists(st.sampled_from(LINES), max_size=80))
def test_reading_never_fails_when_lines_are_shuffled(lines: list[str]) -> None:
    read_paste("\n".join(lines)).snapshot()


@RELAXED
@given(st.integers(0, len(GOOD)), st.integers(0, 20_000), st.integers(0, 2**32), st.sampled_from([0, 10, 40]))
def test_reading_never_fails_when_a_transcript_is_cut_and_mutated(start: int, size: int, seed: int, every: int) -> None:
    text = list(GOOD[start : start + size])
    chance = random.Random(seed)
    for _ in range(len(text) // every if every else 0):
        text[chance.randrange(len(text))] = chance.choice('\n :{}[]"\\-\t$#>|<0a中\x1b=/')
    read_paste("".join(text)).snapshot()


@pytest.mark.parametrize(
    "piece",
    ["{", "[", '{"a":', "- ", "a: ", '"', "\\", "$ ", "$ kubectl get pods\n", "Name: x\n", "├── a\n", "1 -> ", "(", "> ", "a=b,", "NAME  AGE\n", " " * 50, "x: *a\n", "\x1b[", "1.5Gi ", "from 1 to "],
)  # fmt: skip
def test_time_grows_with_the_text_when_it_repeats(piece: str) -> None:
    """The best of three counts: a neighbour on the machine makes one slow, a square makes all of them slow."""
    small, large = (min(_spent(piece * (size // len(piece))) for _ in range(3)) for size in (20_000, 80_000))
    assert large < 0.2 + 8 * small, (small, large)


def _spent(text: str) -> float:
    """Seconds of this thread's own work."""
    begin = time.thread_time()
    read_paste(text)
    return time.thread_time() - begin


def test_every_line_belongs_to_one_command() -> None:
    reading = read_paste(f"{PODS}\n$ kubectl describe pod x\n{POD}\n$ true\n")
    ranges = [(command.first_line, command.last_line) for command in reading.commands]
    assert ranges[0][0] == 1
    assert all(left[1] + 1 == right[0] for left, right in itertools.pairwise(ranges))
