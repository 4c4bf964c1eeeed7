"""Reads what ``kubectl describe`` prints as a tree: keys, values, and what stands further to the right below them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

NOTHING = frozenset({"", "<none>", "<unset>", "<unknown>", "<nil>", "<empty>", "<not set>", "n/a", "N/A", "<no value>"})


@dataclass(slots=True)
class Branch:
    """``Key:  value`` and everything below; ``extra`` are lines below that have no key (labels, mounts, arguments)."""

    key: str
    value: str = ""
    indent: int = -1
    at: int = 0
    end: int = 0
    children: list[Branch] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    source: Sequence[str] = ()

    def child(self, *keys: str) -> Branch | None:
        for key in keys:
            for one in self.children:
                if one.key == key:
                    return one
        return None

    def all(self, key: str) -> Iterator[Branch]:
        return (one for one in self.children if one.key == key)

    def text(self, *keys: str) -> str:
        """The value of the first of the keys that is there and says something."""
        for key in keys:
            for one in self.children:
                if one.key == key and (value := told(one.value)):
                    return value
        return ""

    def has(self, *keys: str) -> bool:
        return any(one.key in keys for one in self.children)

    def body(self) -> list[str]:
        """The raw lines below."""
        return [line for line in self.source[self.at + 1 : self.end] if line.strip()]

    def entries(self) -> list[str]:
        """The value and the lines below as a flat list: ``Labels``, ``Taints``, ``Args``."""
        lines = ([self.value] if self.value else []) + [line.strip() for line in self.body()]
        return [line for line in lines if line not in NOTHING]


def told(value: str) -> str:
    return "" if value in NOTHING else value


def grow(lines: Sequence[str]) -> Branch:
    """Total: any lines make a tree."""
    root = Branch("", source=lines, at=-1, end=len(lines))
    stack = [root]
    for at, line in enumerate(lines):
        text = line.lstrip(" \t")
        if not text:
            continue
        indent = len(line) - len(text) if "\t" not in line[: len(line) - len(text)] else _width(line)
        while len(stack) > 1 and indent <= stack[-1].indent:
            stack.pop().end = at
        split = _colon(text)
        if split < 0:
            stack[-1].extra.append(text)
            continue
        branch = Branch(text[:split], text[split + 1 :].strip(), indent, at, len(lines), source=lines)
        stack[-1].children.append(branch)
        if len(stack) < 40:
            stack.append(branch)
    return root


def _width(line: str) -> int:
    return (
        len(line) - len(line.lstrip(" \t"))
        if "\t" not in line
        else len(line.expandtabs(8)) - len(line.expandtabs(8).lstrip())
    )


def _colon(text: str) -> int:
    """Where a key ends: a colon before a space or at the end of the line."""
    at = text.find(":")
    while at >= 0:
        if at + 1 == len(text) or text[at + 1] in " \t":
            return at if 0 < at < 160 else -1
        at = text.find(":", at + 1)
    return -1


def pairs(branch: Branch | None, separator: str = "=") -> dict[str, str]:
    """``a=b`` lines, or ``a: b`` ones, as labels and annotations are told."""
    found: dict[str, str] = {}
    for entry in branch.entries() if branch else ():
        for mark in (separator, ": ", "=", ":"):
            key, has, value = entry.partition(mark)
            if has and key and " " not in key:
                found[key] = value.strip()
                break
    return found


def comma_pairs(text: str) -> dict[str, str]:
    """``app=web,tier=front`` as selectors are told; set-based parts are left out."""
    found = {}
    for part in text.split(","):
        key, has, value = part.strip().partition("=")
        if has and key and " " not in key and not key.endswith("!"):
            found[key] = value
    return found
