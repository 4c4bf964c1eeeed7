"""Flags in all the spellings that kubectl's own parser takes, against a closed table per verb."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tools.script.lexer import Word, refuse

Check = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag of a verb. ``bare`` is its value when none is given (switches: ``true``); None: a value is needed.
    ``is_dropped`` flags change nothing of the effect and are not kept."""

    name: str
    short: str = ""
    bare: str | None = None
    check: Check = bool
    expected: str = "a value"
    is_repeatable: bool = False
    default: str = "false"
    is_dropped: bool = False

    @property
    def is_switch(self) -> bool:
        return self.bare == "true"


def switch(name: str, short: str = "", *, default: str = "false", is_dropped: bool = False) -> Flag:
    return Flag(name, short, "true", lambda v: v in {"true", "false"}, "true or false", False, default, is_dropped)


def matching(name: str, pattern: str, expected: str, short: str = "", *, is_repeatable: bool = False) -> Flag:
    compiled = re.compile(pattern)
    return Flag(name, short, None, lambda v: compiled.fullmatch(v) is not None, expected, is_repeatable)


_REFUSED_EVERYWHERE = {
    "kubeconfig": "the cluster is the incident's own", "context": "the cluster is the incident's own",
    "cluster": "the cluster is the incident's own", "server": "the cluster is the incident's own",
    "user": "the executor acts as itself", "token": "the executor acts as itself",
    "username": "the executor acts as itself", "password": "the executor acts as itself",
    "client-certificate": "the executor acts as itself", "client-key": "the executor acts as itself",
    "certificate-authority": "the connection is the executor's own", "tls-server-name": "the connection is the executor's own",
    "insecure-skip-tls-verify": "the connection is the executor's own", "as": "nobody is impersonated",
    "as-group": "nobody is impersonated", "as-uid": "nobody is impersonated", "as-user-extra": "nobody is impersonated",
    "cache-dir": "local files are not part of the grammar", "kustomize": "kustomize is not part of the grammar",
    "filename": "local and remote files are not part of the grammar",
    "patch-file": "local files are not part of the grammar", "from-file": "local files are not part of the grammar",
    "from-env-file": "local files are not part of the grammar", "profile": "local files are not part of the grammar",
    "profile-output": "local files are not part of the grammar", "log-file": "local files are not part of the grammar",
    "template": "say a template as -o jsonpath=... or -o go-template=...",
    "dry-run": "only a change can be tried", "local": "local files are not part of the grammar",
    "field-manager": "the field manager is always opsdesk", "prune": "pruning deletes what the script does not name",
    "warnings-as-errors": "not part of the grammar", "recursive": "local files are not part of the grammar",
    "edit": "there is no editor", "attach": "there is no terminal", "stdin": "there is no terminal", "tty": "there is no terminal",
    "interactive": "there is no terminal", "kuberc": "local files are not part of the grammar",
}  # fmt: skip
_NEAREST = {
    ("apply", "prune"): ("pruning deletes what the script does not name", "kubectl delete TYPE/NAME"),
}
"""Flags of one verb that people type and that are refused: why, and which line comes nearest."""
_SHORT_NAMES = {"s": "server", "k": "kustomize", "f": "filename", "R": "recursive", "i": "stdin", "t": "tty"}


@dataclass(frozen=True, slots=True)
class Given:
    """One flag as it was given: its table row, its value, and where it stands."""

    flag: Flag
    value: str
    word: Word


def split_flags(words: Sequence[Word], table: Mapping[str, Flag], verb: str) -> tuple[list[Given], list[Word]]:
    """Flags and the other words, in order. Raises ScriptRefused for an unknown, malformed or repeated flag."""
    given: list[Given] = []
    rest: list[Word] = []
    queue = list(words)
    while queue:
        word = queue.pop(0)
        if word.text == "-" or not word.text.startswith("-"):
            rest.append(word)
            continue
        if word.quoted_from == 0:
            refuse("a quoted flag", word, "flags outside quotes")
        if word.text == "--":
            refuse("`--` is not part of the grammar", word, "flags and names in plain order")
        read = _long if word.text.startswith("--") else _shorts
        given.extend(read(word, queue, table, verb))
    _refuse_repeats(given)
    return given, rest


def _long(word: Word, queue: list[Word], table: Mapping[str, Flag], verb: str) -> list[Given]:
    spelled, has_value, value = word.text[2:].partition("=")
    name = spelled.replace("_", "-")
    if word.quoted_from is not None and word.quoted_from < 2 + len(spelled):
        refuse("a flag's name in quotes", word, "the name of the flag outside quotes")
    flag = table.get(name) or _unknown(f"--{spelled}", name, word, table, verb)
    if has_value:
        return [_checked(flag, value, word)]
    if flag.bare is not None:
        return [_checked(flag, flag.bare, word)]
    return [_checked(flag, _next_value(flag, word, queue), word)]


def _shorts(word: Word, queue: list[Word], table: Mapping[str, Flag], verb: str) -> list[Given]:
    """A cluster of short flags: switches one letter each, then at most one with a value (``-Anfoo`` as kubectl reads it)."""
    by_short = {flag.short: flag for flag in table.values() if flag.short}
    given: list[Given] = []
    at = 1
    while at < len(word.text):
        letter = word.text[at]
        if word.quoted_from is not None and word.quoted_from <= at:
            refuse("a flag's name in quotes", word, "the name of the flag outside quotes")
        flag = by_short.get(letter) or _unknown(f"-{letter}", _SHORT_NAMES.get(letter, ""), word, table, verb)
        rest = word.text[at + 1 :]
        if rest.startswith("="):
            given.append(_checked(flag, rest[1:], word))
            break
        if flag.bare is not None:
            given.append(_checked(flag, flag.bare, word))
            at += 1
            continue
        given.append(_checked(flag, rest or _next_value(flag, word, queue), word))
        break
    return given


def _next_value(flag: Flag, word: Word, queue: list[Word]) -> str:
    if not queue:
        refuse(f"--{flag.name} has no value", word, flag.expected)
    value = queue.pop(0)
    if value.text.startswith("-") and value.quoted_from != 0 and not flag.check(value.text):
        refuse(f"--{flag.name} has no value: the next word is a flag", value, flag.expected)
    return value.text


def _checked(flag: Flag, value: str, word: Word) -> Given:
    if not flag.check(value):
        refuse(f"--{flag.name}={value!r} is not readable", word, flag.expected)
    return Given(flag, value, word)


def _unknown(spelled: str, name: str, word: Word, table: Mapping[str, Flag], verb: str) -> Flag:
    if name in {"v", "vmodule"}:
        refuse(f"{spelled}: request traces are not part of the grammar", word, "no -v")
    if (verb, name) in _NEAREST:
        why, accepted = _NEAREST[verb, name]
        refuse(f"{spelled}: {why}", word, accepted)
    why = _REFUSED_EVERYWHERE.get(name, f"kubectl {verb} takes no such flag here")
    known = ", ".join(f"--{flag}" for flag in sorted(table))
    refuse(f"{spelled}: {why}", word, f"one of {known}" if known else "no flag")


def _refuse_repeats(given: Sequence[Given]) -> None:
    seen: set[str] = set()
    for item in given:
        if item.flag.name in seen and not item.flag.is_repeatable:
            refuse(f"--{item.flag.name} is given twice", item.word, "each flag once")
        seen.add(item.flag.name)


def kept(given: Sequence[Given]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The flags that matter, by name; those that say their default are left out."""
    values: dict[str, list[str]] = {}
    for item in given:
        says_default = item.value == item.flag.default and (item.flag.is_switch or item.flag.default != "false")
        if item.flag.is_dropped or says_default:
            continue
        values.setdefault(item.flag.name, []).append(item.value)
    return tuple((name, tuple(values[name])) for name in sorted(values))
