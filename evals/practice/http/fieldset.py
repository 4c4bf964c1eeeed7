"""Sets of fields, as managedFields write them: which paths of an object a manager has set.

A path is a tuple of elements in the notation of FieldsV1: `f:name`, `k:{"name":"app"}`, `v:"text"`. A set holds leaves and,
for keyed list entries and maps, the entry itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from evals.practice.schema.fields import fields_of
from evals.practice.schema.merge_keys import KEY_DEFAULTS, is_atomic, is_set, list_keys

Path = tuple[str, ...]
Fields = frozenset[Path]

_UNOWNED_META = frozenset(
    [
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "deletionTimestamp",
        "managedFields",
        "selfLink",
        "deletionGracePeriodSeconds",
    ]
)


def entry_key(item: Any, keys: tuple[str, ...]) -> str:
    """`k:{...}` of a list entry."""
    found = {}
    for key in keys:
        value = item.get(key, KEY_DEFAULTS.get(key)) if isinstance(item, dict) else None
        if value is not None:
            found[key] = value
    return "k:" + json.dumps(found, separators=(",", ":"), sort_keys=True)


def _value_key(value: Any) -> str:
    return "v:" + json.dumps(value, separators=(",", ":"))


def fields_of_object(root: str, obj: dict[str, Any]) -> Fields:
    """Every field that the object sets, without identity and server-owned metadata."""
    found: set[Path] = set()
    for name, value in obj.items():
        if name in ("apiVersion", "kind"):
            continue
        if name == "metadata":
            owned = {key: inner for key, inner in (value or {}).items() if key not in _UNOWNED_META}
            if owned:
                _walk_struct("V1ObjectMeta", owned, ("f:metadata",), found)
            continue
        _walk_field(root, name, value, (), found)
    return frozenset(found)


def _walk_struct(type_name: str, value: dict[str, Any], path: Path, found: set[Path]) -> None:
    for name, inner in value.items():
        _walk_field(type_name, name, inner, path, found)


def _walk_field(type_name: str, name: str, value: Any, path: Path, found: set[Path]) -> None:
    here = (*path, f"f:{name}")
    kind = fields_of(type_name).get(name, ("any", False))[0]
    if value in (None, {}, []) or is_atomic(type_name, name):
        found.add(here)
    elif kind.startswith("@"):
        _walk_struct(kind[1:], value, here, found)
    elif kind.startswith("{}"):
        for key in value:
            found.add((*here, f"f:{key}"))
    elif kind.startswith("[]@") and (keys := list_keys(type_name, name)):
        for item in value:
            entry = (*here, entry_key(item, keys))
            found.add(entry)
            _walk_struct(kind[3:], item, entry, found)
    elif kind.startswith("[]") and is_set(type_name, name):
        found.update((*here, _value_key(item)) for item in value)
    else:
        found.add(here)


class Absent:
    """What `value_at` gives for a path that is not there."""


ABSENT = Absent()


def value_at(obj: Any, path: Path) -> Any:
    """The value at a path, `ABSENT` when there is none."""
    for element in path:
        kind, _, text = element.partition(":")
        if kind == "f":
            if not isinstance(obj, dict) or text not in obj:
                return ABSENT
            obj = obj[text]
        else:
            obj = _entry(obj, kind, json.loads(text))
            if obj is ABSENT:
                return ABSENT
    return obj


def _entry(items: Any, kind: str, wanted: Any) -> Any:
    for item in items if isinstance(items, list) else []:
        if kind == "v" and item == wanted:
            return item
        if (
            kind == "k"
            and isinstance(item, dict)
            and all(item.get(key, KEY_DEFAULTS.get(key)) == value for key, value in wanted.items())
        ):
            return item
    return ABSENT


def remove_at(obj: Any, path: Path) -> None:
    """Take the field or list entry at a path out, in place; nothing happens when it is not there."""
    parent = value_at(obj, path[:-1])
    kind, _, text = path[-1].partition(":")
    if kind == "f" and isinstance(parent, dict):
        parent.pop(text, None)
    elif isinstance(parent, list):
        found = _entry(parent, kind, json.loads(text))
        if found is not ABSENT:
            parent[:] = [item for item in parent if item is not found and (kind != "v" or item != found)]


def encode_fields(fields: Fields) -> dict[str, Any]:
    """FieldsV1: nested maps, `.` where a path is both a member and a parent."""
    root: dict[str, Any] = {}
    parents = {path[:length] for path in fields for length in range(1, len(path))}
    for path in sorted(fields):
        node = root
        for element in path:
            node = node.setdefault(element, {})
        if path in parents:
            node["."] = {}
    return root


def decode_fields(written: dict[str, Any]) -> Fields:
    """The set that a FieldsV1 writes down."""
    return frozenset(_decoded(written, ()))


def _decoded(node: dict[str, Any], path: Path) -> Iterator[Path]:
    for element, inner in node.items():
        if element == ".":
            yield path
        elif inner:
            yield from _decoded(inner, (*path, element))
        else:
            yield (*path, element)


def shown(path: Path) -> str:
    """A path as conflicts name it: `.spec.template.spec.containers[name="app"].image`."""
    text = ""
    for element in path:
        kind, _, rest = element.partition(":")
        if kind == "f":
            text += f".{rest}"
        elif kind == "k":
            pairs = ",".join(f"{key}={json.dumps(value)}" for key, value in json.loads(rest).items())
            text += f"[{pairs}]"
        else:
            text += f"[={rest}]"
    return text
