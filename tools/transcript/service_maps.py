"""Who calls whom, as people write it down: "called by" lists, trees drawn with box characters, arrows."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from tools.transcript.harvest import Harvest

Call = tuple[str, str]
MAX_LINE = 300
_NAME = r"[a-z0-9](?:[a-z0-9.\-_]{0,80}[a-z0-9])?"
_BRANCH = re.compile(rf"^(?P<lead>[\s│|]*)(?P<mark>[├└][─\-]+|\|--+|`--+|\+--+|\\--+)\s*(?P<name>{_NAME})(?P<note>.*)$")
_KEYED = re.compile(r"^[\s#*\-]*\[?(?P<key>[^\]:：=]{2,60}?)\]?\s*[:：]\s*(?P<value>.*)$")
_ARROW = re.compile(
    rf"^\s*(?P<names>{_NAME}(?:\s*(?:-+>|=+>|→|⟶|──+>|-+\|[^|]*\|>?|calls|调用)\s*{_NAME})+)\s*(?P<note>[(（<#].*)?;?$"
)
_ARROWS = re.compile(r"\s*(?:-+>|=+>|→|⟶|──+>|calls|调用)\s*")
_CALLED_BY = re.compile(
    r"(?:called[\s_\-]*by|callers?|used[\s_\-]*by|consumers?|clients?|被.{0,6}调用|调用方|调用者)", re.IGNORECASE
)
_CALLS = re.compile(r"(?:\bcalls\b|callees?|depends?[\s_\-]*on|dependenc|downstream|下游|依赖|调用)", re.IGNORECASE)
_UPSTREAM = re.compile(r"(?:upstream|上游)", re.IGNORECASE)
_SUBJECT = re.compile(r"^(?:service|服务|component|组件|app|application|应用)(?:\s*name|名称?)?$", re.IGNORECASE)
_ROLE = re.compile(r"(?:\(|（|#\s*|:\s*)\s*(?P<role>[\w\s\-]{2,30}?|[一-鿿]{2,10})\s*(?:\)|）|$)")
_ROLES = {
    "database": "database", "db": "database", "cache": "cache", "queue": "queue", "mq": "queue", "message queue": "queue",
    "storage": "storage", "数据库": "database", "缓存": "cache", "消息队列": "queue", "存储": "storage", "external": "external",
}  # fmt: skip


class ServiceMapReader:
    """Collects the calls of all maps in a paste: several small maps are one."""

    def __init__(self) -> None:
        self.calls: dict[Call, str] = {}

    def read(self, lines: Sequence[str]) -> int:
        """How many calls the lines told, known ones included."""
        found = 0
        subject, mode = "", ""
        trail: list[tuple[int, str]] = []
        for line in lines:
            text = line.strip()
            if not text or len(text) > MAX_LINE:
                continue
            if branch := _BRANCH.match(line):
                found += self._branch(branch, trail, subject)
                continue
            keyed = _KEYED.match(text)
            if keyed and (key := keyed["key"].strip()):
                if _SUBJECT.match(key):
                    subject = _first_name(keyed["value"])
                    trail, mode = [], ""
                elif subject and (mode := _mode(key)):
                    trail = []
                    found += self._list(subject, mode, keyed["value"])
                continue
            if arrow := _ARROW.match(text):
                names = [name for name in _ARROWS.split(arrow["names"]) if re.fullmatch(_NAME, name)]
                for left, right in itertools.pairwise(names):
                    found += self._add(left, right, role_in(arrow["note"] or ""))
                continue
            name = _first_name(text) if re.fullmatch(rf"{_NAME}(?:\s*[(（].*)?", text) else ""
            if name:
                trail = [(-1, name)]
        return found

    def _branch(self, branch: re.Match[str], trail: list[tuple[int, str]], subject: str) -> int:
        """A branch hangs on the last name that stands further left."""
        depth = len(branch["lead"])
        while trail and trail[-1][0] >= depth:
            trail.pop()
        parent = trail[-1][1] if trail else subject
        trail.append((depth, branch["name"]))
        return self._add(parent, branch["name"], role_in(branch["note"])) if parent else 0

    def _list(self, subject: str, mode: str, value: str) -> int:
        found = 0
        for part in re.split(r"[,，、;；]|\s{2,}|\band\b", value):
            name = part.strip()
            if name.startswith(("(", "（", "[")) or not re.match(rf"{_NAME}(?:\s*[(（<].*)?$", name):
                continue
            called = _first_name(name)
            if called and called not in {"none", "n/a", "null", "nil"}:
                found += self._add(*((called, subject) if mode == "by" else (subject, called)), role_in(name))
        return found

    def _add(self, caller: str, called: str, role: str) -> int:
        if caller == called:
            return 0
        self.calls[caller, called] = self.calls.get((caller, called), "") or role
        return 1

    def give(self, harvest: Harvest) -> None:
        if not self.calls:
            return
        calls = [
            {"from": left, "to": right, **({"as": role} if role else {})} for (left, right), role in self.calls.items()
        ]
        harvest.put_pseudo("ServiceMap", "pasted", {"calls": calls}, namespace=harvest.namespace)


def _mode(key: str) -> str:
    """Who calls is told in two ways; the words "called by" win over "upstream", which some use for either side."""
    if _CALLED_BY.search(key):
        return "by"
    if _CALLS.search(key):
        return "to"
    return "by" if _UPSTREAM.search(key) else ""


def _first_name(text: str) -> str:
    found = re.match(_NAME, text.strip())
    return found.group() if found else ""


def role_in(note: str) -> str:
    found = _ROLE.search(note)
    return _ROLES.get(found["role"].strip().lower(), "") if found else ""


def looks_like_map(lines: Sequence[str]) -> bool:
    lines = [line for line in lines[:60] if len(line) <= MAX_LINE]
    keyed = sum(1 for line in lines[:40] if (found := _KEYED.match(line.strip())) and _mode(found["key"]))
    branches = sum(1 for line in lines[:60] if _BRANCH.match(line) and "CGroup" not in line)
    arrows = sum(1 for line in lines[:60] if _ARROW.match(line.strip()))
    return keyed >= 1 or branches >= 2 or arrows >= 2
