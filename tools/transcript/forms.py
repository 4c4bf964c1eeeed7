# ruff: noqa: ARG005 - every look has the same signature
"""What a block of text looks like, and where it ends: for pastes without commands, and for files."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from tools.transcript import event_tables, get_tables, host_services
from tools.transcript.describe import looks_described
from tools.transcript.documents import looks_like_json, looks_like_yaml
from tools.transcript.headless import is_pod_row
from tools.transcript.logs import DUMPED, LOG_LINE
from tools.transcript.service_maps import looks_like_map

_DESCRIBED = re.compile(r"Name:\s{2,}\S")
"""The first line of a description, glued to the table above it."""

_DATED = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
_EVENTS = re.compile(r"\s*Type\s+Reason\s+Age\s+From\s+Message\s*$")


def _json_form(block: Sequence[str], head: str) -> str:
    """A document, or a log with one object a line."""
    told = [line for line in block if line.strip()]
    is_log = LOG_LINE.match(head) is not None and '"apiVersion"' not in head
    return "logs" if is_log and len(told) > 1 and told[1][:1] == "{" else "json"


def form_of(block: Sequence[str]) -> str:
    """The most telling look first; ``text`` when it looks like nothing that is known."""
    head = next((line for line in block if line.strip()), "")
    if looks_like_json(block):
        return _json_form(block, head)
    return next((form for form, is_it in _LOOKS if is_it(block, head)), "text")


_LOOKS: tuple[tuple[str, Callable[[Sequence[str], str], bool]], ...] = (
    ("dumped log", lambda block, head: DUMPED.match(head) is not None),
    ("yaml", lambda block, head: looks_like_yaml(block)),
    ("describe", lambda block, head: looks_described(block)),
    ("fragment", lambda block, head: any(_EVENTS.match(line) for line in block[:3])),
    ("table", lambda block, head: bool(get_tables.table_spans(block[:3]))),
    ("events", lambda block, head: event_tables.is_event_line(head)),
    ("rows", lambda block, head: is_pod_row(head)),
    ("unit", lambda block, head: any(host_services.looks_like_unit(line) for line in block[:6])),
    ("journal", lambda block, head: host_services.is_journal_line(head)),
    ("logs", lambda block, head: LOG_LINE.match(head) is not None),
    ("map", lambda block, head: looks_like_map(block)),
)


def blocks(lines: Sequence[str]) -> list[tuple[int, int]]:
    """Parts that belong together. A described object, a document and a unit go over blank lines; a table ends at one."""
    spans: list[tuple[int, int]] = []
    at = 0
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        end = _end_of(lines, at)
        spans.append((at, end))
        at = end
    return spans


def _end_of(lines: Sequence[str], start: int) -> int:
    head = lines[start]
    form = form_of(lines[start : start + 8])
    at = start + 1
    depth = _nesting(head) if form == "json" else 0
    while at < len(lines):
        line = lines[at]
        if form == "dumped log":
            if line.startswith("==== "):
                return at + 1 if line.startswith("==== END") else at
        elif form == "json":
            if depth <= 0:
                return at
            depth += _nesting(line)
        elif not line.strip():
            following = next((one for one in lines[at : at + 4] if one.strip()), "")
            if not _goes_on(form, following):
                return at
        elif (
            (form not in {"yaml", "describe", "table"} and (looks_described([line]) or get_tables.table_spans([line])))
            or (form == "describe" and (line.startswith("Name:") or _DATED.match(line)))
            or (form == "table" and _DESCRIBED.match(line))
            or (form in {"describe", "yaml"} and get_tables.table_spans([line]) and "  " in line)
        ):
            return at
        at += 1
    return at


def _nesting(line: str) -> int:
    """Brackets opened less closed, those in texts left out."""
    plain = re.sub(r'"(?:[^"\\]|\\.)*"', "", line) if '"' in line else line
    return sum(map(plain.count, "{[")) - sum(map(plain.count, "}]"))


def _goes_on(form: str, following: str) -> bool:
    if not following:
        return False
    if form == "yaml":
        return following.startswith((" ", "-", "#")) or re.match(r"[a-zA-Z]\w*:", following) is not None
    if form == "describe":
        is_key = re.match(r"(?:[A-Z][\w\- ]*:|\s|----|====|BinaryData|Data$|No |Resource)", following) is not None
        return is_key and not following.startswith("Name:")
    if form == "unit":
        return host_services.is_journal_line(following)
    if form in {"logs", "journal"}:
        return LOG_LINE.match(following) is not None or host_services.is_journal_line(following)
    return False
