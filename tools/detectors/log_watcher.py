"""The watcher of logs: every signature of the library in one pass over each log, facts and citations from around the hits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from tools.contracts import LogText
from tools.detectors.format import LogSignal
from tools.detectors.hits import Hit, HitTable, named_groups
from tools.detectors.scanner import read_duration
from tools.detectors.scene import Scene, read_time
from tools.detectors.watchers import still_matters
from tools.logs.reading import HitLine, LogReading
from tools.logs.signatures import Signatures, compile_signatures

CITED_LINES = 5
LINE_CHARACTERS = 300

_Entry = tuple[int, LogSignal, float]


class LogWatcher:
    """Compiles at the first log: an engine that never meets one costs nothing."""

    def __init__(self, signals: Sequence[tuple[int, LogSignal]], cache_folder: Path | None = None) -> None:
        by_pattern: dict[str, list[_Entry]] = defaultdict(list)
        for number, signal in signals:
            by_pattern[signal.match].append((number, signal, read_duration(signal.within)))
        self._patterns = tuple(by_pattern)
        self._entries: Sequence[Sequence[_Entry]] = tuple(by_pattern.values())
        self._cache_folder = cache_folder
        self._signatures: Signatures | None = None

    def watch(self, scene: Scene, table: HitTable) -> None:
        logs = [log for log in scene.snapshot.logs if log.text]
        if not self._patterns or not logs:
            return
        if self._signatures is None:
            self._signatures = compile_signatures(self._patterns, self._cache_folder)
        for log in logs:
            for number, hit in self._hits(scene, log, self._signatures):
                table.add(number, hit.settle(scene))

    def _hits(self, scene: Scene, log: LogText, signatures: Signatures) -> Iterator[tuple[int, Hit]]:
        reading = LogReading(signatures)
        found: dict[int, list[HitLine]] = defaultdict(list)
        for line in reading.hits((log.text.encode(errors="replace"),)):
            for signature in line.signatures:
                found[signature].append(line)
        for signature, lines in found.items():
            for number, signal, within in self._entries[signature]:
                if not _is_where(log, signal.where) or not _speaks(scene, log, signal):
                    continue
                fresh = [line for line in lines if _is_fresh(scene, line, within)]
                if len(fresh) < signal.at_least or _is_over(signal, reading.lines - fresh[-1].number):
                    continue
                yield number, _log_hit(scene, log, signature, signal, fresh)


def _is_where(log: LogText, where: str) -> bool:
    is_node = log.object.kind == "Node"
    if where == "any":
        return True
    if where == "node":
        return is_node
    return not is_node and log.is_previous is (where == "previous")


def _speaks(scene: Scene, log: LogText, signal: LogSignal) -> bool:
    """What a program that has ended wrote is past, whatever the signal speaks of."""
    item = scene.find(log.object)
    has_ended = item is not None and (item.get("status") or {}).get("phase") in ("Succeeded", "Failed")
    if signal.speaks_of == "past" or has_ended:
        return still_matters(scene, log.object)
    return not log.is_previous


def _is_fresh(scene: Scene, line: HitLine, within: float) -> bool:
    """By the time that the cluster put in front. What an application writes itself has no zone to be held to."""
    at = read_time(line.raw[:40].split(b" ", 1)[0].decode(errors="replace"))
    return at is None or (scene.now - at).total_seconds() <= within


def _is_over(signal: LogSignal, lines_after: int) -> bool:
    return bool(signal.over_after_lines) and lines_after >= signal.over_after_lines


def _log_hit(scene: Scene, log: LogText, signature: int, signal: LogSignal, lines: Sequence[HitLine]) -> Hit:
    shown = lines[-1].shown()
    facts = _groups(lines[-1].groups(signature), shown)
    facts.update({name: value.strip('"') for name, value in signal.facts.items()})
    if log.container:
        facts["container"] = log.container
    facts["line"] = _without_time(shown.strip())[:LINE_CHARACTERS]
    facts["line_count"] = str(len(lines))
    cited = lines[-CITED_LINES:]
    cite = lambda: scene.snapshot.cite_log(log, cited_lines(cited))  # noqa: E731
    return Hit(log.object, scene.find(log.object), facts, _first_time(lines, scene.now), (cite,))


def _groups(groups: Mapping[bytes, bytes | None], shown: str) -> dict[str, str]:
    """Only what the redacted line still says: a group may have caught a part of a secret that is none by itself."""
    safe = {name: value for name, value in groups.items() if value and value.decode(errors="replace") in shown}
    return named_groups(safe)


def _first_time(lines: Sequence[HitLine], now: datetime) -> datetime | None:
    for line in lines:
        if (at := line.at(now)) is not None:
            return min(at, now)
    return None


def cited_lines(hits: Sequence[HitLine]) -> list[str]:
    """The hits with what belongs to them, each block once, redacted."""
    found: dict[tuple[str, ...], None] = {}
    for hit in hits:
        passage = hit.passage()
        left_out = (f"({passage.left_out} left out)",) if passage.left_out else ()
        found[passage.lines + left_out] = None
    return (
        list(dict.fromkeys(line for lines in found for line in lines)) if len(found) > 1 else [*next(iter(found), ())]
    )


def _without_time(line: str) -> str:
    head, _, rest = line.partition(" ")
    return rest if rest and read_time(head) is not None else line
