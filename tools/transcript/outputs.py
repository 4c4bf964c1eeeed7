"""Finds out what an output is, by the command that it follows or by its own look, and hands it to the reader of its form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from tools.transcript import event_tables, get_tables, host_services, reach
from tools.transcript.changes import moves_in
from tools.transcript.command import Command
from tools.transcript.describe import read_described
from tools.transcript.documents import keep_objects, load_json, load_yaml, looks_like_json, looks_like_yaml
from tools.transcript.forms import blocks, form_of
from tools.transcript.harvest import Harvest
from tools.transcript.headless import is_pod_row, read_event_fragment, read_headless_rows
from tools.transcript.kinds import KINDS, Kind
from tools.transcript.logs import LOG_LINE, read_dumped_log, read_logs
from tools.transcript.reports import read_report
from tools.transcript.sections import Section
from tools.transcript.service_maps import ServiceMapReader
from tools.transcript.times import rfc3339
from tools.transcript.usage import read_rollout, read_usage

_ERROR = re.compile(
    r"^(?:error: |Error: |Error from server|Unable to connect to the server|The connection to the server|You must be logged in"
    r"|bash: |sh: |-bash: |zsh: |command not found|.*: command not found|ssh: |Permission denied|E\d{4} .*memcache|error\b.*:)",
)
_NONE_FOUND = re.compile(r"^No (?:resources|events) found(?: in (?P<namespace>\S+?) namespace)?\.?$")
_CUT = re.compile(
    r"^\s*(?:\.\.\.+|…+|\[?(?:truncated|output truncated|省略|已截断|snip|snipped|cut)\b.*)\s*$", re.IGNORECASE
)


_IN_ALL = (
    "Pod",
    "Service",
    "Deployment",
    "ReplicaSet",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "CronJob",
    "HorizontalPodAutoscaler",
)
"""What ``kubectl get all`` lists, whatever its name says."""
MAX_SENTENCE = 1_000
MAX_CHANGES = 2_000
_NOTES = frozenset({"rollout", "version", "cluster-info", "config", "auth", "api-resources", "explain", "apply", "delete", "scale",
                    "set", "edit", "patch", "exec", "cp", "label", "annotate", "cordon", "uncordon", "drain", "create"})  # fmt: skip


@dataclass(slots=True)
class Seen:
    """What became of one output."""

    form: str = "unknown"
    facts: int = 0
    forms: list[str] = field(default_factory=list)
    read_to: int = 0
    """How many lines of the output its tables took: what stands behind them is looked at by itself."""

    def add(self, form: str, facts: int) -> None:
        if facts and form not in self.forms:
            self.forms.append(form)
        self.facts += facts


def read_output(harvest: Harvest, section: Section, maps: ServiceMapReader) -> Seen:
    """Total: whatever cannot be read becomes a gap that names its lines."""
    lines = section.lines
    command = section.command
    seen = Seen()
    if not any(line.strip() for line in lines):
        return _empty(harvest, section, seen)
    _note_errors(harvest, section, seen)
    if command is not None and command.is_kubectl:
        _read_kubectl(harvest, section, seen)
        rest = section.lines[seen.read_to :]
        if seen.read_to and any(line.strip() for line in rest):
            behind = Section(command, section.first, section.last, rest, section.offset + seen.read_to)
            _read_by_look(harvest, rest, behind, seen, maps)
    elif command is not None:
        _read_host(harvest, section, seen, maps)
    if not seen.facts:
        _read_by_look(harvest, lines, section, seen, maps)
    if any(_CUT.match(line) for line in lines):
        harvest.gap("transcript", _where(section), "the output was shortened by whoever pasted it", "paste it whole")
    seen.form = seen.forms[0] if seen.forms else seen.form
    is_talk = command is None and harvest.has_commands
    if not seen.facts and seen.form == "unknown" and not is_talk and any(line.strip() for line in lines):
        harvest.gap("transcript", _where(section), "nothing in this output could be read")
    return seen


def _where(section: Section) -> str:
    told = section.command.text if section.command else "text"
    return f"lines {section.first}-{section.last}: {told}"


def _empty(harvest: Harvest, section: Section, seen: Seen) -> Seen:
    """An empty answer to a list is an answer: there are none. Some terminals keep the words, some lose them."""
    seen.form = "empty"
    command = section.command
    if command is not None and command.is_kubectl and command.verb == "get" and command.is_whole:
        _mark(harvest, command, command.kinds)
    return seen


def _mark(harvest: Harvest, command: Command, kinds: Sequence[Kind]) -> None:
    where = "*" if command.all_namespaces else command.namespace or harvest.namespace
    if "all" in command.words[:1]:
        kinds = [*kinds, *(KINDS[name] for name in _IN_ALL)]
    for kind in kinds:
        harvest.mark_listed(kind, where)


def _note_errors(harvest: Harvest, section: Section, seen: Seen) -> None:
    _note_refusals(harvest, section)
    for line in section.lines[:400]:
        if line[:1] in "EeUTYbsz-P." and _ERROR.match(line) and not LOG_LINE.match(line):
            harvest.gap("transcript", _query_of(section), line.strip(), "ask again with the rights that it needs")
            seen.form = "error"
            reach.read_api_error(harvest, line)
            break


_OVER_QUOTA = re.compile(r"is forbidden: (?P<said>exceeded quota: (?P<quota>[a-z0-9.\-]+), requested: .*)$")
_NOT_EVICTED = re.compile(
    r'error when evicting pods?/"?(?P<pod>[a-z0-9.\-]+)"?(?: -n "?(?P<namespace>[a-z0-9\-]+)"?)?.*?: (?P<said>Cannot evict pod as it'
    r" would violate the pod's disruption budget\.?)"
)


def _note_refusals(harvest: Harvest, section: Section) -> None:
    """What the API server refused to whoever typed: an event that nobody recorded."""
    namespace = (section.command.namespace if section.command else "") or harvest.namespace
    at = rfc3339(harvest.now)
    for line in section.lines[:400]:
        if "exceeded quota" in line and _ERROR.match(line) and (found := _OVER_QUOTA.search(line)):
            harvest.put_event(
                "ResourceQuota", namespace, found["quota"], reason="FailedCreate", message=found["said"],
                type="Warning", last=at, source="kubectl",
            )  # fmt: skip
        elif "error when evicting" in line and (found := _NOT_EVICTED.search(line)):
            harvest.put_event(
                "Pod", found["namespace"] or namespace, found["pod"], reason="EvictionBlocked", message=found["said"],
                type="Warning", last=at, source="kubectl",
            )  # fmt: skip


def _query_of(section: Section) -> str:
    """``list pods in shop`` where a list failed, so that "not there" is not concluded from it."""
    command = section.command
    if command is not None and command.is_kubectl and command.verb == "get" and command.kinds and not command.names:
        plurals = ", ".join(f"list {kind.plural}" for kind in command.kinds)
        return f"{plurals} in {command.namespace}" if command.namespace else plurals
    return _where(section)


def _read_kubectl(harvest: Harvest, section: Section, seen: Seen) -> None:
    command, lines = section.command, section.lines
    if command is None:
        return
    namespace = command.namespace
    kind = command.kinds[0] if len(command.kinds) == 1 else None
    if command.verb == "describe":
        seen.add("describe", read_described(harvest, lines, kind, namespace, _only_name(command)))
    elif command.verb in {"logs", "log"}:
        errors = [line for line in lines if line.strip()]
        if len(errors) <= 2 and errors and _ERROR.match(errors[0]):
            seen.form = "error"
            return
        seen.add("logs", read_logs(harvest, lines, command, namespace))
        seen.form = "logs"
    elif command.verb == "top":
        seen.add("usage", read_usage(harvest, lines, command))
        seen.form = "usage"
    elif command.verb == "rollout":
        seen.add("rollout", read_rollout(harvest, lines, command))
        seen.form = "rollout"
    elif command.verb in _NOTES:
        seen.form = command.verb
    elif command.verb in {"get", "events"}:
        _read_get(harvest, section, seen, kind)


def _only_name(command: Command) -> str:
    return command.names[0] if len(command.names) == 1 and len(command.kinds) == 1 else ""


def _read_get(harvest: Harvest, section: Section, seen: Seen, kind: Kind | None) -> None:
    command, lines = section.command, section.lines
    if command is None:
        return
    told = [line for line in lines if line.strip()]
    none_found = bool(told) and all(_NONE_FOUND.match(line.strip()) for line in told)
    failed = bool(told) and _ERROR.match(told[0]) is not None
    if command.is_whole and not failed:
        _mark(harvest, command, command.kinds)
    if none_found or failed:
        seen.form = "error" if failed else "empty"
        return
    if command.output.startswith(("yaml", "json")) or looks_like_json(lines) or looks_like_yaml(lines):
        _documents(harvest, lines, seen, namespace=command.namespace, is_manifest=False)
    else:
        _tables(harvest, lines, seen, kind, command.namespace, is_all=command.all_namespaces)


def _documents(harvest: Harvest, lines: Sequence[str], seen: Seen, *, namespace: str, is_manifest: bool | None) -> None:
    text = "\n".join(lines)
    if looks_like_json(lines):
        value, is_cut = load_json(text)
        found = keep_objects(harvest, value, is_manifest=is_manifest, namespace=namespace, is_cut=is_cut)
        if is_cut and value is not None:
            harvest.gap(
                "transcript", f"line {harvest.line}: JSON", "it breaks off: what is complete was read", "paste it whole"
            )
        seen.add("json", found)
        if not found and value not in (None, {}, []):
            seen.add("report", read_report(harvest, value, namespace))
        if value in ({}, []):
            seen.form = "empty"
        elif value is not None and not seen.facts:
            seen.form = "json"
        return
    for value in load_yaml(text):
        seen.add(
            "manifest" if is_manifest else "yaml",
            keep_objects(harvest, value, is_manifest=is_manifest, namespace=namespace),
        )


def _tables(
    harvest: Harvest, lines: Sequence[str], seen: Seen, kind: Kind | None, namespace: str, *, is_all: bool = False
) -> None:
    base = harvest.line
    spans = get_tables.table_spans(lines)
    covered = 0
    for start, end in spans:
        harvest.line = base + start
        if event_tables.is_event_header(lines[start]) or (kind is not None and kind.kind == "Event"):
            seen.add("events", event_tables.read_event_table(harvest, lines[start:end], namespace))
        else:
            seen.add(
                "table",
                get_tables.read_get_table(harvest, lines[start:end], kind if len(spans) == 1 else None, namespace),
            )
        covered += end - start
    harvest.line = base
    seen.read_to = spans[-1][1] if spans else 0
    first = spans[0][0] if spans else len(lines)
    loose = lines[:first] if spans else lines
    if any(event_tables.is_event_line(line) for line in loose[:50]):
        seen.add("events", sum(event_tables.read_bare_event(harvest, line, namespace) for line in loose))
    elif any(line.strip() for line in loose) and (not spans or any(map(is_pod_row, loose))):
        seen.add("table", read_headless_rows(harvest, loose, kind, namespace, is_all=is_all))


def _read_host(harvest: Harvest, section: Section, seen: Seen, maps: ServiceMapReader) -> None:
    command, lines = section.command, section.lines
    if command is None:
        return
    program = command.program
    host = command.host or section.host
    if program in reach.PROBES:
        seen.add("reach", reach.read_attempts(harvest, lines, command, command.namespace))
    elif program in {"systemctl", "service", "rc-service"}:
        seen.add("unit", host_services.read_unit(harvest, lines, command, host))
    elif program in {"cat", "less", "more", "zcat", "head", "tail", "grep"}:
        _read_by_look(harvest, lines, section, seen, maps)
    elif program in {
        "journalctl",
        "dmesg",
        "nvidia-smi",
        "crictl",
        "df",
        "free",
        "ps",
        "top",
        "dcgmi",
        "uptime",
        "rocm-smi",
        "docker",
        "ctr",
    }:
        seen.add("host", host_services.read_host_log(harvest, lines, host))


def _read_by_look(harvest: Harvest, lines: Sequence[str], section: Section, seen: Seen, maps: ServiceMapReader) -> None:
    """Outputs in a row, as in a paste without commands: each block goes by its own look."""
    command = section.command
    namespace = command.namespace if command else ""
    base = section.offset
    is_file = command is not None and command.program in {"cat", "less", "more", "head"}
    for start, end in blocks(lines):
        harvest.line = base + start
        _read_block(
            harvest,
            lines[start:end],
            seen,
            maps,
            namespace=namespace,
            is_manifest=True if is_file else None,
            command=command,
        )


def _read_block(
    harvest: Harvest,
    block: Sequence[str],
    seen: Seen,
    maps: ServiceMapReader,
    *,
    namespace: str,
    is_manifest: bool | None,
    command: Command | None,
) -> None:
    form = form_of(block)
    if form == "rows":
        _tables(harvest, block, seen, None, namespace)
    elif form in {"json", "yaml"}:
        _documents(harvest, block, seen, namespace=namespace, is_manifest=is_manifest)
    elif form == "dumped log":
        seen.add("logs", read_dumped_log(harvest, block))
    elif form == "fragment":
        seen.add("events", read_event_fragment(harvest, block, namespace))
    elif form == "describe":
        seen.add("describe", read_described(harvest, block, None, namespace))
    elif form == "table":
        _tables(harvest, block, seen, None, namespace)
    elif form == "events":
        seen.add("events", sum(event_tables.read_bare_event(harvest, line, namespace) for line in block))
    elif form == "unit":
        seen.add("unit", host_services.read_unit(harvest, block, command, command.host if command else ""))
    elif form == "journal":
        seen.add("host", host_services.read_host_log(harvest, block, command.host if command else ""))
    elif form == "map":
        seen.add("map", maps.read(block))
    elif form == "logs":
        seen.add("logs", read_logs(harvest, block, None, namespace))
    else:
        seen.add("changes", _plain_changes(harvest, block))


def _plain_changes(harvest: Harvest, block: Sequence[str]) -> int:
    """Sentences of people and monitoring systems. Whom they are about is known when all objects are: see ``merging``."""
    found = 0
    for line in block:
        if len(line) <= MAX_SENTENCE and len(harvest.changes) < MAX_CHANGES and any(map(str.isdigit, line)):
            for move in moves_in(line):
                harvest.changes.append((move, line))
                found += 1
    return found
