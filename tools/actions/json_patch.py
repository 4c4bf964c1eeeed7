"""The difference of two objects as a JSON Patch that tests what it replaces, its inverse, and the fields that both touch."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from knowledge.errors import BadInput
from knowledge.vocabulary import FieldState, Json


class Absent:
    """The value of a field that is not there; JSON's null is a value of its own."""

    def __repr__(self) -> str:
        return "<absent>"


ABSENT = Absent()
_OPEN_MAPS = frozenset({"annotations", "labels", "data", "binaryData", "nodeSelector"})
"""Maps in which others write keys of their own: they are changed key by key."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field: its path, what was there and what will be. ``anchors`` name the list entries that the path goes through;
    ``opens`` are maps that must be there first."""

    path: tuple[str | int, ...]
    old: Any
    new: Any
    anchors: tuple[tuple[tuple[str | int, ...], str], ...] = ()
    opens: tuple[tuple[str | int, ...], ...] = ()

    def reversed(self) -> Change:
        return Change(self.path, self.new, self.old, self.anchors, ())


def pointer(path: Iterable[str | int]) -> str:
    """An RFC 6901 pointer."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def parts_of(text: str) -> tuple[str, ...]:
    """The parts of a pointer."""
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:])


def value_at(tree: Any, path: Sequence[str | int]) -> Any:
    """What stands at a path, ABSENT when nothing does."""
    for part in path:
        if isinstance(tree, dict) and str(part) in tree:
            tree = tree[str(part)]
        elif isinstance(tree, list) and str(part).isdigit() and int(part) < len(tree):
            tree = tree[int(part)]
        else:
            return ABSENT
    return tree


def changes(before: Any, after: Any) -> list[Change]:
    """What differs, field by field, in a fixed order."""
    return list(_changes(before, after, (), ()))


def _changes(before: Any, after: Any, path: tuple[str | int, ...], anchors: Any) -> Iterator[Change]:
    if type(before) is type(after) and before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from _changes(before.get(key, ABSENT), after.get(key, ABSENT), (*path, key), anchors)
    elif isinstance(before, list) and isinstance(after, list) and _is_aligned(before, after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            name = old.get("name") if isinstance(old, dict) else None
            named = (*anchors, ((*path, index, "name"), name)) if isinstance(name, str) else anchors
            yield from _changes(old, new, (*path, index), named)
    elif isinstance(before, Absent) and isinstance(after, dict) and path and path[-1] in _OPEN_MAPS:
        for key in sorted(after):
            yield Change((*path, key), ABSENT, after[key], anchors, (path,))
    else:
        yield Change(path, before, after, anchors)


def _is_aligned(before: list[Any], after: list[Any]) -> bool:
    """Whether entry by entry is the plainer way to say a list's change: same length, same names, all of them maps."""
    if len(before) != len(after) or not all(isinstance(item, dict) for item in (*before, *after)):
        return False
    return [item.get("name") for item in before] == [item.get("name") for item in after]


def patch_of(found: Sequence[Change], uid: str = "") -> list[Json]:
    """JSON Patch operations: tests of the uid, of the list entries and of every old value first, then the changes.
    Removals from one list go from its end, so that earlier ones do not move later ones."""
    tests: list[Json] = [{"op": "test", "path": "/metadata/uid", "value": uid}] if uid else []
    tested = set()
    for change in found:
        for path, name in change.anchors:
            if path not in tested:
                tested.add(path)
                tests.append({"op": "test", "path": pointer(path), "value": name})
        if not isinstance(change.old, Absent):
            tests.append({"op": "test", "path": pointer(change.path), "value": change.old})
    opened = dict.fromkeys(path for change in found for path in change.opens)
    operations: list[Json] = [{"op": "add", "path": pointer(path), "value": {}} for path in opened]
    for change in found:
        if isinstance(change.new, Absent):
            operations.append({"op": "remove", "path": pointer(change.path)})
        else:
            op = "add" if isinstance(change.old, Absent) else "replace"
            operations.append({"op": op, "path": pointer(change.path), "value": change.new})
    return tests + operations


def states(found: Sequence[Change], *, is_after: bool = False) -> tuple[FieldState, ...]:
    """The touched fields as they are before (or will be after)."""
    result: list[FieldState] = []
    for change in found:
        value = change.new if is_after else change.old
        absent = isinstance(value, Absent)
        result.append(FieldState(path=pointer(change.path), value=None if absent else value, is_absent=absent))
    return tuple(result)


def diff_text(found: Sequence[Change], title: str) -> str:
    """A person's view: the object, then each field's old and new value."""
    lines = [title]
    for change in found:
        lines.append(f"@ {pointer(change.path)}")
        lines += [f"- {line}" for line in _shown(change.old)]
        lines += [f"+ {line}" for line in _shown(change.new)]
    return "\n".join(lines)


def _shown(value: Any) -> list[str]:
    if isinstance(value, Absent):
        return []
    if isinstance(value, str):
        return value.split("\n")
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True).split("\n")


def same(found: Any, wanted: Any) -> bool:
    """Equal, or ``found`` is ``wanted`` with what the server filled in: defaults in maps do not make a difference."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(key in found and same(found[key], value) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(found, list):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    return bool(found == wanted)


def apply_patch(tree: Any, operations: Sequence[Json]) -> Any:
    """A copy of ``tree`` with add, replace, remove and test applied as the API server applies them.

    Raises BadInput at the first operation that does not hold.
    """
    result = copy.deepcopy(tree)
    for operation in operations:
        path = parts_of(operation["path"])
        parent = value_at(result, path[:-1])
        op = operation["op"]
        current = value_at(result, path)
        if op == "test":
            if current != operation["value"] or isinstance(current, Absent):
                raise BadInput(
                    f"{operation['path']} is not what the patch tests for", next_step="read the object again"
                )
        elif isinstance(parent, dict):
            _in_map(parent, path[-1], operation, current)
        elif isinstance(parent, list):
            _in_list(parent, path[-1], operation)
        else:
            raise BadInput(f"{operation['path']}: its parent does not exist", next_step="add the parent first")
    return result


def _in_map(parent: Json, key: str, operation: Json, current: Any) -> None:
    if operation["op"] != "remove":
        parent[key] = copy.deepcopy(operation["value"])
    elif isinstance(current, Absent):
        raise BadInput(f"{operation['path']} does not exist", next_step="leave the operation out")
    else:
        del parent[key]


def _in_list(parent: list[Any], key: str, operation: Json) -> None:
    if key == "-" and operation["op"] == "add":
        parent.append(copy.deepcopy(operation["value"]))
        return
    limit = len(parent) + (operation["op"] == "add")
    if not key.isdigit() or int(key) >= limit:
        raise BadInput(f"{operation['path']}: no such entry", next_step="count the entries from 0")
    if operation["op"] == "add":
        parent.insert(int(key), copy.deepcopy(operation["value"]))
    elif operation["op"] == "remove":
        del parent[int(key)]
    else:
        parent[int(key)] = copy.deepcopy(operation["value"])
