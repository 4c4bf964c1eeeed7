"""Merge patch (RFC 7386) and strategic merge patch with its directives."""

from __future__ import annotations

from typing import Any

from evals.practice.errors import ApiError, bad_request
from evals.practice.hooks import Object
from evals.practice.schema.fields import fields_of
from evals.practice.schema.merge_keys import is_set, patch_key

_ORDER, _DELETE_FROM = "$setElementOrder/", "$deleteFromPrimitiveList/"


def apply_merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7386: null deletes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = apply_merge_patch(result.get(name), value)
    return result


def apply_strategic_patch(root: str | None, target: Object, patch: Object) -> Object:
    """Lists merge by their keys; needs the shape of the kind."""
    if root is None:
        raise ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type", details={})
    return _struct(root, target, patch)


def _field_kind(type_name: str | None, name: str) -> str:
    return fields_of(type_name).get(name, ("any", False))[0] if type_name else "any"


def _struct(type_name: str | None, target: Any, patch: dict[str, Any]) -> dict[str, Any]:
    directive = patch.get("$patch")
    if directive == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise bad_request(f"unrecognized patch directive: {directive}")
    result = dict(target) if isinstance(target, dict) else {}
    retained = patch.get("$retainKeys")
    if isinstance(retained, list):
        result = {key: value for key, value in result.items() if key in retained}
    for name, value in patch.items():
        if name in ("$patch", "$retainKeys") or name.startswith(_ORDER):
            continue
        if name.startswith(_DELETE_FROM):
            field = name.removeprefix(_DELETE_FROM)
            result[field] = [item for item in result.get(field) or [] if item not in value]
        elif value is None:
            result.pop(name, None)
        else:
            result[name] = _field(type_name, name, result.get(name), value)
    _reorder(type_name, result, patch)
    return result


def _field(type_name: str | None, name: str, target: Any, value: Any) -> Any:
    kind = _field_kind(type_name, name)
    if isinstance(value, dict):
        inner = kind[1:] if kind.startswith("@") else None
        return _struct(inner, target, value)
    if isinstance(value, list) and type_name:
        key = patch_key(type_name, name)
        if key and kind.startswith("[]@"):
            return _list(kind[3:], key, target or [], value)
        if is_set(type_name, name):
            return [*(target or []), *(item for item in value if item not in (target or []))]
    return value


def _key_of(item: Any, key: str) -> Any:
    if not isinstance(item, dict) or key not in item:
        shown = " ".join(f"{k}:{v}" for k, v in item.items()) if isinstance(item, dict) else item
        raise ApiError(500, "", f"map: map[{shown}] does not contain declared merge key: {key}")
    return item[key]


def _list(type_name: str, key: str, target: list[Any], patch: list[Any]) -> list[Any]:
    if any(isinstance(item, dict) and item.get("$patch") == "replace" and len(item) == 1 for item in patch):
        return [item for item in patch if not (isinstance(item, dict) and item.get("$patch") == "replace")]
    result = list(target)
    added: list[Any] = []
    order: list[Any] = []
    for item in patch:
        identity = _key_of(item, key)
        place = next((i for i, one in enumerate(result) if one.get(key) == identity), None)
        if item.get("$patch") == "delete":
            result = [one for one in result if one.get(key) != identity]
            continue
        order.append(identity)
        if place is None:
            added.append(_struct(type_name, {}, item))
        else:
            result[place] = _struct(type_name, result[place], item)
    return _in_patch_order(key, result, added, order)


def _in_patch_order(key: str, result: list[Any], added: list[Any], order: list[Any]) -> list[Any]:
    """Entries that the patch names keep its order among themselves; new ones come before the first that they precede."""
    named = [item for identity in order for item in [*result, *added] if item.get(key) == identity]
    rest = [item for item in result if item.get(key) not in order]
    return _merge_orders(key, named, rest, result)


def _merge_orders(key: str, named: list[Any], rest: list[Any], live: list[Any]) -> list[Any]:
    """Weave two ordered lists; where an entry of each stands first, the live order decides, else the named one goes first."""
    position = {item.get(key): index for index, item in enumerate(live)}
    woven: list[Any] = []
    left, right = list(named), list(rest)
    while left and right:
        first, second = position.get(left[0].get(key)), position[right[0].get(key)]
        woven.append(right.pop(0) if first is not None and second < first else left.pop(0))
    return [*woven, *left, *right]


def _reorder(type_name: str | None, result: dict[str, Any], patch: dict[str, Any]) -> None:
    """`$setElementOrder/<list>`: the named entries in that order, the others after where they stood."""
    for name, wanted in patch.items():
        if not name.startswith(_ORDER) or not isinstance(wanted, list):
            continue
        field = name.removeprefix(_ORDER)
        items = result.get(field)
        key = patch_key(type_name, field) if type_name else None
        if not isinstance(items, list):
            continue
        if key is None:
            result[field] = [one for one in wanted if one in items] + [one for one in items if one not in wanted]
            continue
        order = [one.get(key) for one in wanted]
        named = [item for identity in order for item in items if item.get(key) == identity]
        rest = [item for item in items if item.get(key) not in order]
        result[field] = _merge_orders(key, named, rest, items)
