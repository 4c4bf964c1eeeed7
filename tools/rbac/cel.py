"""Small pieces of CEL, the language in which the API server's own admission policies are written."""

from __future__ import annotations

import re
from collections.abc import Iterable

Tree = dict[str, "Tree"]
"""Fields that may differ: an empty tree lets everything below it differ. ``*`` stands for each entry of a list of named
things (containers)."""


def tree_of(pointers: Iterable[str]) -> Tree:
    """JSON pointers as one tree; a shorter pointer takes in the longer ones."""
    root: Tree = {}
    for pointer in sorted(pointers, key=len, reverse=True):
        parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.strip("/").split("/")]
        node = root
        for part in parts[:-1]:
            node = node.setdefault(part, {})
        node[parts[-1]] = {}
    return root


def shortest(pointers: Iterable[str]) -> set[str]:
    """The pointers without those that another one takes in."""
    every = set(pointers)
    return {one for one in every if not any(one.startswith(f"{other}/") for other in every)}


def text(value: str) -> str:
    """A CEL string."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def texts(values: Iterable[str]) -> str:
    found = [text(value) for value in values]
    separator = ",\n" if sum(map(len, found)) > 200 else ", "
    return "[" + separator.join(found) + "]"


def matching(patterns: Iterable[str]) -> str:
    """Shell-style patterns as one anchored regular expression, written as a CEL raw string. None of them: it fits nothing."""
    found = [_regex(pattern) for pattern in patterns]
    return raw(f"^({'|'.join(found)})$" if found else "^$.")


def raw(pattern: str) -> str:
    assert "'" not in pattern, pattern
    return f"r'{pattern}'"


def _regex(pattern: str) -> str:
    parts = re.split(r"(\*|\?|\[!?[^\]]+\])", pattern)
    return "".join(_piece(part) for part in parts)


def _piece(part: str) -> str:
    if part in {"*", "?"}:
        return {"*": ".*", "?": "."}[part]
    if part.startswith("[") and part.endswith("]"):
        return part.replace("[!", "[^", 1)
    return re.escape(part)


def at(root: str, path: Iterable[str], default: str) -> str:
    """The value at a path of names, or ``default`` where any of them is absent."""
    return root + "".join(f"[?{text(part)}]" if i == 0 else f".?{part}" if part.isalpha() else f"[?{text(part)}]"
                          for i, part in enumerate(path)) + f".orValue({default})"  # fmt: skip


def unchanged(new: str, old: str, tree: Tree, depth: int = 0) -> str:
    """That ``new`` is ``old`` but for the fields of ``tree``: closed, so that a field nobody thought of may not differ."""
    if not tree:
        return "true"
    if "*" in tree:
        one, was = f"n{depth}", f"o{depth}"
        inner = unchanged(one, was, tree["*"], depth + 1)
        return f"size({new}) == size({old}) &&\n{new}.all({one}, {old}.exists({was}, {was}.name == {one}.name &&\n{inner}))"
    key, free = f"k{depth}", texts(sorted(tree))
    parts = [
        f"{new}.all({key}, {key} in {free} || ({key} in {old} && {old}[{key}] == {new}[{key}]))",
        f"{old}.all({key}, {key} in {free} || {key} in {new})",
    ]
    for name, below in sorted(tree.items()):
        if below:
            empty = "[]" if "*" in below else "{}"
            parts.append(unchanged(at(new, (name,), empty), at(old, (name,), empty), below, depth + 1))
    return " &&\n".join(parts)
