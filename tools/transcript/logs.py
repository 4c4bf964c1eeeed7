"""Logs of containers, and summaries of them: lists of patterns with a count and a sample, whatever their fields are called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from tools.transcript.command import Command
from tools.transcript.documents import load_json, looks_like_json
from tools.transcript.harvest import Harvest, Spoken
from tools.transcript.kinds import kind_of
from tools.transcript.tree import comma_pairs

MAX_REPEATS = 10
"""How often a sample with a count stands in the log: enough for "again and again", not enough to drown the rest."""

_TEXT_KEYS = ("sample", "samples", "example", "examples", "message", "msg", "log", "line", "lines", "raw", "text", "content",
              "template", "pattern", "error", "日志", "样例", "示例", "内容", "消息")  # fmt: skip
_COUNT_KEYS = ("count", "total", "occurrences", "hits", "times", "num", "freq", "frequency", "n", "次数", "数量")
_PREFIX = re.compile(r"\[(?:pod/)?(?P<pod>[a-z0-9][a-z0-9.\-]*)/(?P<container>[a-z0-9][a-z0-9.\-]*)\] ?")
DUMPED = re.compile(r"==== START logs for container (?P<container>\S+) of pod (?P<namespace>[^/\s]+)/(?P<pod>\S+) ====")
LOG_LINE = re.compile(
    r"(?:\[?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d|[IWEF]\d{4} \d\d:\d\d:\d\d|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d "
    r"|\[?(?:TRACE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL|CRITICAL|PANIC)\b|time=|level=|ts=|\{\"|\d\d:\d\d:\d\d[.,]\d"
    r"|Traceback \(most recent|panic: |Exception in thread|Caused by: |\s+at [\w.$]+\()"
)


def read_logs(harvest: Harvest, lines: Sequence[str], command: Command | None, namespace: str) -> int:
    """The output of ``kubectl logs``. Says how many lines it has."""
    if looks_like_json(lines):
        value, _ = load_json("\n".join(lines))
        if isinstance(value, (dict, list)) and not _is_log_record(lines):
            samples = list(samples_in(value))
            if samples:
                _keep(harvest, "\n".join(samples), command, namespace)
            return len(samples)
    text = "\n".join(lines).strip("\n")
    if not text.strip():
        return 0
    if _PREFIX.match(text):
        _by_pod(harvest, text.split("\n"), command, namespace)
    else:
        _keep(harvest, text, command, namespace)
    return text.count("\n") + 1


def _is_log_record(lines: Sequence[str]) -> bool:
    """One JSON object a line is a log, not a summary of one."""
    told = [line for line in lines if line.strip()]
    return len(told) > 1 and all(line[:1] == "{" and line.rstrip()[-1:] == "}" for line in told[:5])


def samples_in(value: Any, depth: int = 0) -> Iterator[str]:
    """The lines that a summary shows, each as often as it says, up to :data:`MAX_REPEATS`."""
    if depth > 12:
        return
    if isinstance(value, list):
        for each in value:
            yield from samples_in(each, depth + 1)
    elif isinstance(value, dict):
        texts = list(_texts(value))
        if texts:
            times = next((value[key] for key in _COUNT_KEYS if isinstance(value.get(key), int)), 1)
            for text in texts:
                yield from [text] * max(1, min(int(times), MAX_REPEATS))
            return
        for each in value.values():
            if isinstance(each, (dict, list)):
                yield from samples_in(each, depth + 1)


def _texts(value: dict[str, Any]) -> Iterator[str]:
    """Samples are preferred to templates, in which numbers and names are blanked out."""
    for key in _TEXT_KEYS:
        given = value.get(key)
        if isinstance(given, str) and given.strip():
            yield from given.split("\n")
            return
        if isinstance(given, list) and given and all(isinstance(one, str) for one in given):
            for one in given:
                yield from one.split("\n")
            return


def _keep(harvest: Harvest, text: str, command: Command | None, namespace: str) -> None:
    spoken = Spoken(text, namespace=namespace or harvest.namespace)
    if command is not None:
        spoken.container = command.container
        spoken.is_previous = command.is_previous
        spoken.selector = comma_pairs(command.selector)
        target = command.words[0] if command.words else ""
        word, has_kind, name = target.partition("/")
        kind = kind_of(word) if has_kind else None
        if kind is not None and kind.kind != "Pod":
            spoken.workload = (kind.kind, name)
        else:
            spoken.pod = name if has_kind else target
        if not spoken.container and len(command.words) > 1:
            spoken.container = command.words[1]
    harvest.logs.append(spoken)
    harvest.facts += 1


def read_dumped_log(harvest: Harvest, block: Sequence[str]) -> int:
    """A log within ``kubectl cluster-info dump``, between its two marks."""
    found = DUMPED.match(block[0])
    lines = [line for line in block[1:] if not line.startswith("==== ")]
    if found is None or not any(line.strip() for line in lines):
        return 0
    text = "\n".join(lines).strip("\n")
    harvest.logs.append(Spoken(text, namespace=found["namespace"], pod=found["pod"], container=found["container"]))
    harvest.facts += 1
    return len(lines)


def _by_pod(harvest: Harvest, lines: Sequence[str], command: Command | None, namespace: str) -> None:
    """``--prefix`` names pod and container on each line."""
    texts: dict[tuple[str, str], list[str]] = {}
    current = ("", "")
    for line in lines:
        found = _PREFIX.match(line)
        if found:
            current = (found["pod"], found["container"])
        texts.setdefault(current, []).append(line[found.end() :] if found else line)
    for (pod, container), told in texts.items():
        previous = command.is_previous if command else False
        harvest.logs.append(
            Spoken(
                "\n".join(told),
                namespace=namespace or harvest.namespace,
                pod=pod,
                container=container,
                is_previous=previous,
            )
        )
        harvest.facts += 1
