"""``systemctl status``, ``service x status``, ``journalctl``, ``dmesg`` and the like: services and logs of a host."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from knowledge.vocabulary import Json
from tools.transcript.command import Command
from tools.transcript.harvest import Harvest, Spoken
from tools.transcript.times import rfc3339, time_in

_UNIT = re.compile(
    r"(?:^|[\s:])[●○×↻*•]\s+(?P<unit>[\w@.\-\\]+?)\.(?P<type>service|socket|mount|timer|target)\b(?:\s+-\s+(?P<about>.*))?"
)
_ACTIVE = re.compile(r"Active:\s+(?P<active>\w+)(?:\s+\((?P<sub>[^)]*)\))?(?:.*?since\s+(?P<since>[^;]+))?")
_JOURNAL = re.compile(
    r"^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d+)? (?P<host>[\w.\-]+) (?P<unit>[\w@.\-/()]+?)(?:\[\d+\])?: "
)
_EXITED = re.compile(r"\(code=(?P<code>\w+), (?:status|signal)=(?P<status>\w+)")
_KERNEL = re.compile(r"\[\s{0,8}\d{1,10}\.\d{1,9}\] \S|\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}\] \S")
_ABSENT = re.compile(
    r"Unit (?P<unit>[\w@.\-]+?)(?:\.service)? (?:could not be found|not found)|Failed to get (?:unit|properties)"
)
_SERVICE = re.compile(
    r"(?P<unit>[\w@.\-]+)(?:\.service)? (?:is |\(pid[^)]*\) is |: )?(?P<state>running|stopped|not running|active|inactive|failed|dead)\b",
    re.IGNORECASE,
)
_NODE = re.compile(r"^(?:Node|Host|主机|节点)\s*[:：]\s*(?P<node>[\w.\-]+)\s*$")
_UPSTART = re.compile(r" (start|stop)/(?:running|waiting)\b")
MAX_LINES = 40


def looks_like_unit(line: str) -> bool:
    return _UNIT.search(line) is not None


def is_journal_line(line: str) -> bool:
    return _JOURNAL.match(line) is not None or _KERNEL.match(line) is not None


def read_unit(harvest: Harvest, lines: Sequence[str], command: Command | None, host: str) -> int:
    """One or several units of ``systemctl status``."""
    starts = [at for at, line in enumerate(lines) if looks_like_unit(line)]
    node = host or next((found["node"] for line in lines[:6] if (found := _NODE.match(line.strip()))), "")
    if not starts:
        return _read_short(harvest, lines, command, node)
    for number, start in enumerate(starts):
        end = starts[number + 1] if number + 1 < len(starts) else len(lines)
        _read_one(harvest, lines[start:end], node)
    return len(starts)


def _read_one(harvest: Harvest, lines: Sequence[str], node: str) -> None:
    head = _UNIT.search(lines[0])
    if head is None:
        return
    status: Json = {"active": "unknown"}
    journal: list[str] = []
    for line in lines:
        text = line.strip()
        if text.startswith("Active:") and (found := _ACTIVE.match(text)):
            status["active"] = found["active"]
            if found["sub"]:
                sub, has_result, result = found["sub"].partition("Result:")
                status["sub"] = sub.split(",")[0].strip() or found["active"]
                if has_result:
                    status["result"] = result.strip()
            if at := rfc3339(_since(harvest, found["since"] or "", text)):
                status["since"] = at
        elif text.startswith("Loaded:"):
            status["loaded"] = text[7:].strip().split(" ")[0]
            status["enabled"] = "; enabled" in text
        elif text.startswith(("Main PID:", "Process:")) and (ended := _EXITED.search(text)):
            _put_exit(status, ended)
        elif _JOURNAL.match(text):
            journal.append(text)
    node = node or next((found["host"] for line in journal if (found := _JOURNAL.match(line))), "")
    status["lines"] = journal[-MAX_LINES:]
    _keep(harvest, head["unit"], node, status)
    if journal:
        harvest.logs.append(Spoken("\n".join(journal), node=node))


_AGO = re.compile(r"(\d{1,4})\s?(years?|months?|weeks?|days?|h|hours?|min|minutes?|s|ms)\b")
_SECONDS = {"y": 31_557_600, "mo": 2_629_800, "w": 604_800, "d": 86_400, "h": 3_600, "mi": 60, "s": 1, "ms": 0}


def _since(harvest: Harvest, since: str, line: str) -> datetime | None:
    """``Tue 2026-02-03 12:00:01 CST; 5min ago``: names of zones mean several things, so the age says which is meant."""
    at = time_in(since, UTC)
    ago = line.rpartition(";")[2] if line.endswith("ago") else ""
    if at is None or re.search(r"[+-]\d\d:?\d\d|UTC|GMT", since):
        return time_in(since, harvest.zone)
    parts = _AGO.findall(ago)
    if not parts or not any(unit.startswith(("min", "s")) for _, unit in parts):
        return time_in(since, harvest.zone)
    seconds = sum(
        int(number) * _SECONDS[unit if unit == "ms" else unit[:2] if unit[:2] in _SECONDS else unit[0]]
        for number, unit in parts
    )
    offset = round((at - (harvest.now - timedelta(seconds=seconds))).total_seconds() / 1_800) * 1_800
    return at - timedelta(seconds=offset) if abs(offset) <= 14 * 3_600 else time_in(since, harvest.zone)


def _put_exit(status: Json, ended: re.Match[str]) -> None:
    if ended["code"] in {"killed", "dumped"}:
        status["signal"] = ended["status"]
    elif ended["status"].isdigit():
        status["exitCode"] = int(ended["status"][:6])


def _keep(harvest: Harvest, unit: str, node: str, status: Json) -> None:
    name = f"{unit}.{node}" if node else unit
    harvest.put_pseudo("NodeService", name, {"unit": unit, "nodeName": node}, status)


def _read_short(harvest: Harvest, lines: Sequence[str], command: Command | None, node: str) -> int:
    """``kubelet is stopped``, ``inactive`` (of ``is-active``), ``Unit kubelet.service could not be found.``"""
    unit = _unit_of(command)
    found = 0
    for line in lines:
        text = line.strip()
        absent, said = _ABSENT.search(text), _SERVICE.search(text)
        if absent:
            harvest.gap("transcript", f"line {harvest.line}: {command.text if command else text}", text)
        elif text in {"active", "inactive", "failed", "activating", "deactivating"} and unit:
            _keep(harvest, unit, node, {"active": text, "lines": []})
            found += 1
        elif found_state := _UPSTART.search(text):
            _keep(harvest, unit, node, {"active": "active" if found_state[1] == "start" else "inactive", "lines": []})
            found += 1
        elif said and (command is not None or said["unit"] == unit):
            state = said["state"].lower()
            active = "active" if state in {"running", "active"} else "failed" if state == "failed" else "inactive"
            _keep(harvest, unit or said["unit"], node, {"active": active, "lines": []})
            found += 1
    return found


def _unit_of(command: Command | None) -> str:
    if command is None:
        return ""
    words = command.words if command.program != "systemctl" else command.words[1:]
    return words[0].removesuffix(".service") if words else ""


def read_host_log(harvest: Harvest, lines: Sequence[str], host: str) -> int:
    """``journalctl``, ``dmesg``, ``nvidia-smi`` and anything else that a host says: the node's log."""
    text = "\n".join(lines).strip("\n")
    if not text.strip():
        return 0
    node = host or next((found["host"] for line in lines[:20] if (found := _JOURNAL.match(line))), "")
    harvest.logs.append(Spoken(text, node=node or "unknown"))
    harvest.facts += 1
    return text.count("\n") + 1
