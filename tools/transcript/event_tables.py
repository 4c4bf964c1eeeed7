"""Events: the tables of ``kubectl get events``, with or without their heading, and those at the end of ``describe``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tools.transcript.columns import header_columns, is_header, read_row, read_table
from tools.transcript.harvest import Harvest
from tools.transcript.kinds import kind_named, kind_of
from tools.transcript.times import before, rfc3339, seconds_of, time_in

_AGE = r"(?:<unknown>|<invalid>|(?:\d+(?:y|d|h|m|s|ms))+)"
_BARE = re.compile(
    rf"^\s*(?:(?P<namespace>[a-z0-9][a-z0-9\-]*)\s+)?(?P<age>{_AGE})(?P<more>\s+\(x\d+ over {_AGE}\))?"
    r"\s+(?P<type>Normal|Warning|Error|警告|正常)\s+(?P<reason>\w[\w.\-]*)\s+(?P<about>[A-Za-z][\w.]*/\S+)\s+(?P<message>\S.*)$"
)
_ABSOLUTE = re.compile(
    r"^\s*(?P<at>\d{4}-\d\d-\d\d[T ]\S+)\s+(?P<type>Normal|Warning)\s+(?P<reason>\w+)\s+(?P<about>[A-Za-z][\w.]*/\S+)\s+(?P<message>\S.*)$"
)
_TYPED = re.compile(r"(?:^|\s)(?:Normal|Warning|Error)\s")
_TIMES = re.compile(rf"(?P<last>{_AGE})(?:\s+\(x(?P<count>\d+) over (?P<first>{_AGE})\))?")


def is_event_line(line: str) -> bool:
    return ("Normal" in line or "Warning" in line) and (_BARE.match(line) or _ABSOLUTE.match(line)) is not None


def read_bare_event(harvest: Harvest, line: str, namespace: str) -> bool:
    """One line of a table whose heading was cut off."""
    found = _BARE.match(line)
    if found:
        first, last, count = _when(harvest, found.group("age") + (found.group("more") or ""))
        _keep(harvest, found.group("about"), found.group("namespace") or namespace, found, first, last, count)
        return True
    found = _ABSOLUTE.match(line)
    if found:
        at = rfc3339(time_in(found.group("at"), harvest.zone))
        _keep(harvest, found.group("about"), namespace, found, at, at, 1)
    return found is not None


def _keep(
    harvest: Harvest, about: str, namespace: str, found: re.Match[str], first: str | None, last: str | None, count: int
) -> None:
    kind, name = subject(about)
    harvest.put_event(
        kind, _namespace_of(kind, namespace, harvest), name, reason=found.group("reason"), type=found.group("type"),
        message=found.group("message").strip(), first=first, last=last, count=count,
    )  # fmt: skip


def _namespace_of(kind: str, namespace: str, harvest: Harvest) -> str:
    return (namespace or harvest.namespace) if kind_named(kind).is_namespaced else ""


def subject(about: str) -> tuple[str, str]:
    """``pod/web-1``: (``Pod``, ``web-1``)."""
    word, _, name = about.partition("/")
    known = kind_of(word)
    return (known.kind if known else word[:1].upper() + word[1:]), name


def _when(harvest: Harvest, age: str) -> tuple[str | None, str | None, int]:
    """``10s (x9 over 118s)``: first and last time, how often."""
    found = _TIMES.match(age.strip())
    if found is None:
        at = rfc3339(time_in(age, harvest.zone))
        return at, at, 1
    last = rfc3339(before(harvest.now, found.group("last")))
    first = rfc3339(before(harvest.now, found.group("first") or found.group("last")))
    return first, last, int(found.group("count") or 1)


def read_event_table(harvest: Harvest, lines: Sequence[str], namespace: str) -> int:
    """Rows of ``kubectl get events`` (or of custom columns), heading first. Says how many were read."""
    columns = header_columns(lines[0])
    before_count = harvest.facts
    wrapped: list[str] = []
    has_type = any(heading == "TYPE" for heading, _ in columns)
    for line in lines[1:]:
        if not line.strip():
            continue
        if wrapped and has_type and _TYPED.search(line) is None:
            wrapped[-1] += line  # the terminal broke the row at its width
        elif line[0] == " " and wrapped and not _looks_like_row(columns, line):
            wrapped[-1] += " " + line.strip()
        else:
            wrapped.append(line)
    for line in wrapped:
        row = read_row(columns, line)
        about = _cell(row, "OBJECT", "INVOLVED", "INVOLVEDOBJECT")
        kind, name = subject(about) if "/" in about else (_cell(row, "KIND"), _cell(row, "NAME") or about)
        known = kind_of(kind)
        kind = known.kind if known else kind
        message, reason = _cell(row, "MESSAGE", "MSG"), _cell(row, "REASON")
        if not (name and (reason or message)) or name == "<none>":
            read_bare_event(harvest, line, namespace)
            continue
        first, last, count = _when(harvest, _cell(row, "LAST SEEN", "LASTSEEN", "LAST", "AGE", "TIME", "LASTTIMESTAMP"))
        given = _cell(row, "COUNT")
        if given.isdigit():
            count = int(given)
        started = _cell(row, "FIRST SEEN", "FIRSTSEEN", "FIRST", "FIRSTTIMESTAMP")
        if started:
            first = _when(harvest, started)[0] or first
        where = _cell(row, "NAMESPACE") or namespace
        harvest.put_event(
            kind or "Unknown", _namespace_of(kind, where, harvest), name, reason=reason, type=_cell(row, "TYPE") or "Normal",
            message=message, first=first, last=last, count=count, source=_cell(row, "SOURCE").split(",")[0],
        )  # fmt: skip
    return harvest.facts - before_count


def _cell(row: Mapping[str, str], *names: str) -> str:
    return next((row[name] for name in names if row.get(name)), "")


def _looks_like_row(columns: Sequence[tuple[str, int]], line: str) -> bool:
    return bool(columns) and columns[0][1] > 0 and seconds_of(line.split(maxsplit=1)[0]) is not None


def read_described_events(harvest: Harvest, lines: Sequence[str], kind: str, namespace: str, name: str) -> None:
    """The table at the end of ``describe``: Type, Reason, Age, From, Message."""
    for row in read_table(_unwrapped(lines)):
        reason = row.get("Reason", "")
        if not reason or set(reason) <= {"-"}:
            continue
        if row.get("FirstSeen"):
            first, last = harvest.ago(row["FirstSeen"]), harvest.ago(row.get("LastSeen", ""))
            count = int(row["Count"]) if row.get("Count", "").isdigit() else 1
        else:
            first, last, count = _when(harvest, row.get("Age", ""))
        harvest.put_event(
            kind, namespace, name, reason=reason, type=row.get("Type") or "Normal", message=row.get("Message", ""),
            first=first, last=last, count=count, source=row.get("From", "").split(",")[0],
        )  # fmt: skip


def _unwrapped(lines: Sequence[str]) -> list[str]:
    """Messages of several lines are joined to their row: what does not begin with a type goes on with the row before."""
    joined: list[str] = []
    for line in lines:
        text = line.strip()
        begins = text.startswith(("Normal", "Warning", "Type", "---", "FirstSeen")) or len(joined) < 2
        if begins or (text[:1].isdigit() and "\t" in line):
            joined.append(line)
        elif text:
            joined[-1] += " " + text
    return joined


def is_event_header(line: str) -> bool:
    return is_header(line) and "REASON" in line and ("OBJECT" in line or "MESSAGE" in line or "MSG" in line)
