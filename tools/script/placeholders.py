"""Remedies and runbooks are scripts with ``<placeholders>``. Filling one can add a word's text, never a word."""

from __future__ import annotations

import re
from collections.abc import Mapping

from knowledge.errors import ScriptRefused
from tools.script.parser import parse

_PLACEHOLDER = re.compile(r"<([a-z][a-z0-9_-]*)>")
_VALUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@=+-]*")
_SPECIMENS = (
    (re.compile(r"replicas|count|number|revision|percent|min|max|seconds|grace"), "2"),
    (re.compile(r"image"), "registry.example.com/team/app:1.2.3"),
    (re.compile(r"tag|version"), "1.2.3"),
    (re.compile(r"memory|storage|size"), "4Gi"),
    (re.compile(r"cpu"), "2"),
    (re.compile(r"duration|timeout"), "60s"),
    (re.compile(r"kind|workload-type|type"), "deployment"),
    (re.compile(r"selector"), "app=web"),
    (re.compile(r"workload$|target$"), "deployment/web"),
)  # fmt: skip


def placeholders(script: str) -> tuple[str, ...]:
    """The names that stand in angle brackets, in order of first use."""
    return tuple(dict.fromkeys(_PLACEHOLDER.findall(script)))


def fill(script: str, values: Mapping[str, str]) -> str:
    """The script with its placeholders replaced. Raises ScriptRefused for a missing value and for one that could be
    more than one plain word: a value may come from a cluster, and a cluster's names are not to be trusted."""

    def put(found: re.Match[str]) -> str:
        name = found.group(1)
        value = values.get(name)
        line = script.count("\n", 0, found.start()) + 1
        column = found.start() - (script.rfind("\n", 0, found.start()) + 1) + 1
        if value is None:
            message = f"no value for <{name}>"
            raise ScriptRefused(message, line=line, column=column, expected=f"a value for {name}")
        if not _VALUE.fullmatch(value):
            message = f"the value of <{name}> is not one plain word"
            raise ScriptRefused(message, line=line, column=column, expected="letters, digits and . _ : / @ = + -")
        return value

    return _PLACEHOLDER.sub(put, script)


def validate_template(script: str) -> None:
    """Raises ScriptRefused when the script, its placeholders filled with specimens, is not one of the grammar."""
    names = placeholders(script)
    values = {name: next((value for pattern, value in _SPECIMENS if pattern.search(name)), "sample") for name in names}
    parse(fill(script, values))
