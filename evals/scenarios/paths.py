"""Paths into objects (``spec.containers[0].image``, ``metadata.annotations["a.b/c"]``) and references (``Kind/ns/name``)."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

from evals.practice.kinds import BY_RESOURCE, Kind
from knowledge.errors import BadInput

Object = dict[str, Any]
_PART = re.compile(r'\.?([A-Za-z0-9_-]+)|\[(\d+)\]|\["([^"]+)"\]')


def parts_of(path: str) -> list[str | int]:
    found: list[str | int] = []
    position = 0
    while position < len(path):
        match = _PART.match(path, position)
        if match is None:
            raise BadInput(f"cannot read the path {path!r} from {path[position:]!r} on")
        found.append(int(match[2]) if match[2] else match[1] or match[3])
        position = match.end()
    return found


def put(target: Object, path: str, value: Any) -> None:
    """Set or, with None, delete. What is missing on the way is made; a list grows by one at most."""
    here: Any = target
    parts = parts_of(path)
    last = parts[-1]
    for part, following in pairwise(parts):
        fresh: Any = [] if isinstance(following, int) else {}
        if isinstance(part, int):
            if part == len(here):
                here.append(fresh)
            here = here[part]
        else:
            here = here.setdefault(part, fresh)
    if value is None:
        if isinstance(last, int):
            del here[last]
        else:
            here.pop(last, None)
    elif isinstance(last, int) and last == len(here):
        here.append(value)
    else:
        here[last] = value


def reference(text: str) -> tuple[Kind, str | None, str]:
    """``Deployment/ai-serving/qwen2-7b`` -> its kind, namespace, name."""
    name, _, rest = text.partition("/")
    group = ""
    if "." in name:
        name, _, group = name.partition(".")
    row = next((one for one in BY_RESOURCE.values() if one.kind == name and (not group or one.group == group)
                and not one.virtual), None)  # fmt: skip
    if row is None:
        raise BadInput(f"the practice cluster knows no kind {name!r} (in {text!r})")
    if not row.namespaced:
        return row, None, rest
    namespace, slash, own = rest.partition("/")
    if not slash:
        raise BadInput(f"{text!r} names no namespace; write {name}/namespace/name")
    return row, namespace, own
