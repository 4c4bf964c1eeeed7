"""Reading a client's object by the shape of its kind: unknown fields, wrong types, and what a server never stores.

A Go server decodes into structs: fields it does not know fall away (with a warning or a refusal), a wrong type is an error
that names the Go type, and empty values of plain fields vanish when the object is written out again. This module does the
same over the table in `fields.json`.
"""

from __future__ import annotations

import functools
import json
import pathlib
import re
from dataclasses import dataclass, field
from typing import Any

from evals.practice.quantity import BadQuantity, canonical, parse

_FILE = pathlib.Path(__file__).with_name("fields.json")

_POINTER_BOOLEANS = frozenset(
    [
        "automountServiceAccountToken",
        "enableServiceLinks",
        "shareProcessNamespace",
        "hostUsers",
        "setHostnameAsFQDN",
        "privileged",
        "allowPrivilegeEscalation",
        "readOnlyRootFilesystem",
        "runAsNonRoot",
        "suspend",
        "immutable",
        "optional",
        "controller",
        "started",
        "serving",
        "blockOwnerDeletion",
        "terminating",
        "ready",
        "allocateLoadBalancerNodePorts",
        "manualSelector",
        "allowVolumeExpansion",
        "attachRequired",
        "podInfoOnMount",
        "storageCapacity",
        "requiresRepublish",
        "orphanDependents",
    ]
)
_PLAIN_INTEGERS = frozenset(
    [
        "minReadySeconds",
        "hostPort",
        "nodePort",
        "initialDelaySeconds",
        "timeoutSeconds",
        "periodSeconds",
        "successThreshold",
        "generation",
        "count",
        "failureThreshold",
        "observedGeneration",
        "weight",
        "endPort",
    ]
)
_POINTER_STRINGS = frozenset(["storageClassName", "ingressClassName"])


@functools.cache
def _table() -> dict[str, dict[str, dict[str, str]]]:
    loaded: dict[str, dict[str, dict[str, str]]] = json.loads(_FILE.read_text())
    return loaded


def root_type(group: str, version: str, kind: str) -> str | None:
    """The name of the type that describes a kind, None when its shape is not known (then everything is accepted)."""
    found = _table()["kinds"].get(f"{group}/{version}/{kind}".lstrip("/"))
    return None if found is None else str(found)


@functools.cache
def fields_of(type_name: str) -> dict[str, tuple[str, bool]]:
    """Field -> (type, required)."""
    return {name: (kind.lstrip("!"), kind.startswith("!")) for name, kind in _table()["types"][type_name].items()}


class WrongType(Exception):
    """A value that Go could not put into its field; the message is Go's."""


@dataclass(slots=True)
class Reading:
    """One object being read: the fields that the shape does not know, in order."""

    root: str
    unknown: list[str] = field(default_factory=list)


def read_object(root: str, value: Any) -> tuple[dict[str, Any], list[str]]:
    """The object as a server would store it, and the paths of unknown fields. Raises `WrongType`."""
    reading = Reading(root)
    cleaned = _read_struct(reading, root, value, "", "")
    return cleaned, reading.unknown


def go_name(type_name: str) -> str:
    """`V1ObjectMeta` -> `ObjectMeta`, as Go error messages name it."""
    for prefix in ("CoreV1", "EventsV1", "V1beta1", "V1alpha3", "V2", "V1"):
        if type_name.startswith(prefix):
            return type_name[len(prefix) :]
    return type_name


def _json_word(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


_GO = {"string": "string", "integer": "int32", "boolean": "bool", "number": "float64", "time": "string"}


def _go_type(kind: str) -> str:
    if kind.startswith("[]"):
        return "[]" + _go_type(kind[2:])
    if kind.startswith("{}"):
        return "map[string]" + _go_type(kind[2:])
    if kind.startswith("@"):
        return "v1." + go_name(kind[1:])
    return _GO.get(kind, kind)


def _mismatch(struct: str, path: str, kind: str, value: Any) -> WrongType:
    # Go names the innermost struct, then the whole path without list indexes
    plain = "".join(part.split("[")[0] + "." for part in path.split(".")).rstrip(".")
    where = f"Go struct field {go_name(struct)}.{plain}"
    return WrongType(f"json: cannot unmarshal {_json_word(value)} into {where} of type {_go_type(kind)}")


def _read_struct(reading: Reading, type_name: str, value: Any, path: str, owner: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _mismatch(owner or type_name, path, "@" + type_name, value)
    known = fields_of(type_name)
    cleaned: dict[str, Any] = {}
    for name, inner in value.items():
        here = f"{path}.{name}" if path else name
        if name not in known:
            reading.unknown.append(here)
            continue
        kind, required = known[name]
        if inner is None:
            continue
        read = _read(reading, kind, inner, here, type_name)
        if required or not _vanishes(type_name, name, kind, read):
            cleaned[name] = read
    if type_name.endswith("Condition") and type_name != "V1Condition":
        # times of conditions are structs in Go: written as null when nobody set them
        cleaned.update({name: None for name, (kind, _) in known.items() if kind == "time" and name not in cleaned})
    return cleaned


def _vanishes(type_name: str, name: str, kind: str, value: Any) -> bool:
    """Whether Go's omitempty would leave this value out."""
    if kind.startswith(("[]", "{}")):
        return not value
    if kind == "boolean":
        return value is False and name not in _POINTER_BOOLEANS
    if kind == "string":
        return value == "" and name not in _POINTER_STRINGS
    if kind == "integer":
        return value == 0 and (name in _PLAIN_INTEGERS or type_name.endswith("Status"))
    return False


def _read(reading: Reading, kind: str, value: Any, path: str, owner: str) -> Any:
    if kind.startswith("@"):
        return _read_struct(reading, kind[1:], value, path, owner)
    if kind.startswith("[]"):
        if not isinstance(value, list):
            raise _mismatch(owner, path, kind, value)
        return [_read(reading, kind[2:], one, f"{path}[{i}]", owner) for i, one in enumerate(value)]
    if kind.startswith("{}"):
        if not isinstance(value, dict):
            raise _mismatch(owner, path, kind, value)
        # a null in a map of strings is Go's zero value
        return {k: _read(reading, kind[2:], "" if v is None else v, path, owner) for k, v in value.items()}
    return _read_scalar(kind, value, path, owner)


def _read_scalar(kind: str, value: Any, path: str, owner: str) -> Any:
    if kind == "quantity":
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise _mismatch(owner, path, "string", value)
        return canonical_quantity(value)
    if kind == "bytes" and isinstance(value, str):
        _check_base64(value)
    wanted: Any = {
        "string": str,
        "bytes": str,
        "time": str,
        "boolean": bool,
        "integer": int,
        "number": (int, float),
        "intOrString": (int, str),
    }.get(kind)
    if wanted is None:
        return value
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind != "boolean"):
        raise _mismatch(owner, path, kind, value)
    return value


def canonical_quantity(value: int | float | str) -> str:
    """A quantity as the server writes it: `1000m` is `1`, `1024Mi` is `1Gi`. Raises `WrongType`."""
    try:
        parse(str(value))
    except BadQuantity:
        form = "^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"
        raise WrongType(f"quantities must match the regular expression '{form}'") from None
    return canonical(str(value))


_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")


def _check_base64(text: str) -> None:
    plain = text.replace("\r", "").replace("\n", "")
    if _BASE64.fullmatch(plain):
        return
    foreign = re.search(r"[^A-Za-z0-9+/]", plain)
    position = foreign.start() if foreign else len(plain) // 4 * 4
    raise WrongType(f"illegal base64 data at input byte {position}")
