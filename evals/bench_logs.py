"""How fast logs are matched with every signature of the library, on one core, beside three other ways to do it.

``python -m evals.bench_logs [--megabytes 320] [--share 0.005] [--json]`` streams mixed logs of our own making in chunks through
the engine; every line that a signature matches is joined with its traceback, redacted and dated. The same bytes, in smaller
slices for the slow ones, go through GNU ``grep -E -f``, RE2's set and a loop over ``re``. Seconds are CPU seconds of one thread.
Exits with 1 when the engine is below the bar of 300 MB/s. The templates are mined apart.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from evals.grep_expression import grep_expression
from evals.log_stream import block_of_log, stream, troubles_of
from tools.detectors.format import LogSignal
from tools.detectors.library import load_detectors
from tools.logs.patterns import byte_expression
from tools.logs.re2_set import Re2Set
from tools.logs.reading import LogReading
from tools.logs.signatures import PatternSet, Signatures, best_engine
from tools.logs.templates import template_news

BAR = 300.0
MEGABYTE = 1_000_000
BLOCKS, BLOCK_BYTES, CHUNK_BYTES = 6, 8 * MEGABYTE, 1 * MEGABYTE
NOW = datetime(2026, 1, 2, 13, tzinfo=UTC)
T = TypeVar("T")


@dataclass(frozen=True)
class Row:
    """One way to match. ``hit_lines`` are those of its slice; ``left_out`` counts signatures that it cannot express."""

    name: str
    megabytes: float
    seconds: float
    hit_lines: int
    left_out: int = 0
    note: str = ""

    @property
    def speed(self) -> float:
        return self.megabytes / self.seconds if self.seconds else 0.0


@dataclass
class Result:
    signatures: int
    share: float
    compile_seconds: float
    kept_seconds: float
    rows: list[Row] = field(default_factory=list)
    templates: Row | None = None
    most_frequent: list[tuple[str, int]] = field(default_factory=list)

    def as_json(self) -> str:
        told = asdict(self)
        for row, shown in zip([*self.rows, self.templates], [*told["rows"], told["templates"]], strict=True):
            if row is not None:
                shown["megabytes_per_second"] = round(row.speed, 2)
        told["bar"] = BAR
        return json.dumps(told, ensure_ascii=False)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=320)
    parser.add_argument("--share", type=float, default=0.005, help="of lines that begin a trouble")
    parser.add_argument("--times", type=int, default=3, help="runs of the engine; the quickest counts, all are printed")
    parser.add_argument("--alone", action="store_true", help="without grep, RE2's set and the loop")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    _stay_on_one_core()
    result = measure(given.megabytes, given.share, given.times, alone=given.alone)
    print(result.as_json()) if given.json else report(result)
    best = max(row.speed for row in result.rows if row.name.startswith("engine"))
    if best < BAR:
        print(f"{best:.0f} MB/s is below the bar of {BAR:.0f}", file=sys.stderr)
        return 1
    return 0


def measure(megabytes: int, share: float, times: int, *, alone: bool = False) -> Result:
    forms = [one.form for one in load_detectors().by_id.values()]
    patterns = list(
        dict.fromkeys(one.match for form in forms for one in form.signals.leaves() if isinstance(one, LogSignal))
    )
    troubles = troubles_of(forms)
    blocks = [block_of_log(BLOCK_BYTES, seed, troubles, share) for seed in range(BLOCKS)]
    with tempfile.TemporaryDirectory() as folder:
        compiling, engine = _timed(lambda: _opened(patterns, Path(folder)))
        keeping, _ = _timed(lambda: _opened(patterns, Path(folder)))
    result = Result(len(patterns), share, compiling, keeping)
    signatures = Signatures(patterns, engine)
    counts = Counter(
        one for block in blocks for line in LogReading(signatures).hits([block]) for one in line.signatures
    )
    result.rows += [_engine(signatures, blocks, megabytes, f"engine, run {number + 1}") for number in range(times)]
    result.most_frequent = [(patterns[number], count) for number, count in counts.most_common(5)]
    if not alone:
        result.rows.append(_engine_on_slice(signatures, blocks[0]))
        result.rows += [
            _grep(patterns, blocks[0]),
            _re2(patterns, blocks[0]),
            _loop(patterns, blocks[0][: MEGABYTE // 2]),
        ]
    result.templates = _mined(blocks[0])
    return result


def _opened(patterns: Sequence[str], folder: Path) -> PatternSet:
    engine = best_engine(patterns, folder)
    engine.candidates(b"warm\n")
    return engine


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    began = time.process_time()
    done = work()
    return time.process_time() - began, done


def _engine(signatures: Signatures, blocks: Sequence[bytes], megabytes: int, name: str) -> Row:
    """Everything that a hit costs: its block found, cut, redacted, and its time read."""
    reading = LogReading(signatures)

    def run() -> tuple[int, int]:
        lines = shown = 0
        for line in reading.hits(stream(blocks, megabytes * MEGABYTE, CHUNK_BYTES)):
            shown += len(line.passage().lines)
            line.at(NOW)
            lines += 1
        return lines, shown

    seconds, (lines, shown) = _timed(run)
    note = f"{lines / reading.lines:.2%} of {reading.lines} lines hit; {shown} lines shown"
    return Row(name, reading.size / MEGABYTE, seconds, lines, note=note)


def _engine_on_slice(signatures: Signatures, block: bytes) -> Row:
    seconds, lines = _timed(lambda: sum(1 for _ in LogReading(signatures).hits([block])))
    return Row("engine, matching only", len(block) / MEGABYTE, seconds, lines)


def _grep(patterns: Sequence[str], block: bytes) -> Row:
    """CPU seconds of the process, its compiling of the expressions included (it has no other way)."""
    expressions = [expression for one in patterns if (expression := grep_expression(one)) is not None]
    with tempfile.TemporaryDirectory() as folder:
        listed, log = Path(folder) / "expressions", Path(folder) / "log"
        listed.write_text("\n".join(expressions) + "\n", encoding="utf-8")
        log.write_bytes(block)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            ["grep", "-a", "-c", "-E", "-f", str(listed), str(log)],
            env={"LC_ALL": "C", "PATH": os.environ.get("PATH", "/usr/bin:/bin")},
            capture_output=True,
            text=True,
            check=False,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode > 1:
        return Row("grep -E -f", 0.0, 0.0, 0, len(patterns), note=done.stderr.strip()[:200])
    seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    left_out = len(patterns) - len(expressions)
    return Row("grep -E -f", len(block) / MEGABYTE, seconds, int(done.stdout), left_out, "counts lines, shows none")


def _re2(patterns: Sequence[str], block: bytes) -> Row:
    """The second pass: the set builds its automaton during the first."""
    signatures = Signatures(patterns, Re2Set(patterns))
    first, _ = _timed(lambda: sum(1 for _ in LogReading(signatures).hits([block])))
    seconds, lines = _timed(lambda: sum(1 for _ in LogReading(signatures).hits([block])))
    note = f"matching only; the first pass, which builds the automaton, took {first:.1f} s"
    return Row("RE2 set", len(block) / MEGABYTE, seconds, lines, note=note)


def _loop(patterns: Sequence[str], block: bytes) -> Row:
    expressions: list[re.Pattern[bytes]] = []
    for one in patterns:
        try:
            expressions.append(re.compile(_for_python(byte_expression(one))))
        except re.error:
            continue

    def run() -> int:
        return sum(1 for line in block.split(b"\n") if [one for one in expressions if one.search(line)])

    seconds, lines = _timed(run)
    return Row("loop over re", len(block) / MEGABYTE, seconds, lines, len(patterns) - len(expressions), "matching only")


def _for_python(expression: bytes) -> bytes:
    """Python takes flags for the whole only at the very beginning, and scoped ones anywhere."""
    body = expression.removeprefix(b"(?m)")
    if body.startswith(b"(?i)"):
        return b"(?mi)" + body[4:]
    return b"(?m)" + re.sub(rb"\(\?i\)([^()]*(?:\([^()]*(?:\([^()]*\)[^()]*)*\)[^()]*)*)", rb"(?i:\1)", body)


def _mined(block: bytes) -> Row:
    """All lines, not only error-like ones, without a bound: what mining costs."""
    since = NOW - timedelta(minutes=30)
    piece = block[: 2 * MEGABYTE]
    mine = lambda: template_news([piece], since, NOW, only="", max_lines=10**9, max_seconds=1e9)  # noqa: E731
    seconds, news = _timed(mine)
    return Row(
        "templates", len(piece) / MEGABYTE, seconds, news.lines, note=f"{news.lines / seconds:,.0f} lines/s, every line"
    )


def _stay_on_one_core() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def report(result: Result) -> None:
    print(
        f"{result.signatures} signatures; compiled in {result.compile_seconds:.2f} s, read from disk in {result.kept_seconds:.3f} s"
    )
    best = max(row.speed for row in result.rows if row.name.startswith("engine, run"))
    print(f"{'way':<24}{'MB':>7}{'CPU s':>9}{'MB/s':>9}{'engine is':>12}{'hit lines':>11}{'left out':>10}  note")
    for row in [*result.rows, *([result.templates] if result.templates else [])]:
        times = f"{best / row.speed:.1f} x" if row.speed else "-"
        print(
            f"{row.name:<24}{row.megabytes:>7.1f}{row.seconds:>9.2f}{row.speed:>9.1f}{times:>12}{row.hit_lines:>11}{row.left_out:>10}  {row.note}"
        )
    print("matching most lines: " + "; ".join(f"{count} x {pattern[:60]}" for pattern, count in result.most_frequent))


if __name__ == "__main__":
    raise SystemExit(main())
