"""Is an answer the recorded one? The rules stand in the README beside this file; a difference is told as path and values."""

from __future__ import annotations

import re
from typing import Any

from tests.contracts.kubernetes.placeholders import Bindings, has_placeholder

_NOT_COMPARED = frozenset({"managedFields", "count", "deprecatedCount", "restartCount"})
_SETS = frozenset({"conditions", "endpoints", "addresses", "notReadyAddresses", "subsets", "resourceRules",
                   "nonResourceRules", "nonResourceURLs"})  # fmt: skip
_NAMED_LISTS = frozenset({"items", "rows"})
_QUOTED_OBJECT = re.compile(r"[{\t]|map\[|<pointer>")
Differences = list[str]


def differences(recorded: Any, actual: Any, bindings: Bindings) -> Differences:
    """What differs, empty when the answer is the recorded one; only then does it bind placeholders."""
    trial = bindings.copy()
    found = _body(recorded, actual, trial)
    if found:
        bindings.guess(trial)
    else:
        bindings.take(trial)
    return found


def _body(recorded: Any, actual: Any, bindings: Bindings) -> Differences:
    if isinstance(recorded, dict) and isinstance(actual, dict):
        if recorded.get("kind") == "EventList" and actual.get("kind") == "EventList":
            return _events(recorded, actual, bindings)
        if recorded.get("kind") == "Status" and recorded.get("code") in (422, 500):
            return _value(_refusal(recorded), _refusal(actual, recorded), bindings, "", "")
    return _value(recorded, actual, bindings, "", "")


def _refusal(status: dict[str, Any], recorded: dict[str, Any] | None = None) -> dict[str, Any]:
    """A 422 or 500 without the texts that quote whole objects."""
    quotes = _QUOTED_OBJECT.search((recorded or status).get("message", ""))
    kept = {key: value for key, value in status.items() if key != "message" or not quotes}
    details = dict(status.get("details") or {})
    if "causes" in details and quotes:
        details["causes"] = [{k: v for k, v in cause.items() if k != "message"} for cause in details["causes"]]
    if details:
        kept["details"] = details
    return kept


def _events(recorded: dict[str, Any], actual: dict[str, Any], bindings: Bindings) -> Differences:
    """Numbers and neighbours of events depend on timing: what is compared is which kinds of events there are."""
    if not _value(recorded, actual, trial := bindings.copy(), "", ""):
        bindings.take(trial)
        return []
    wanted, found = [_essence(one) for one in recorded["items"]], [_essence(one) for one in actual["items"]]
    missing = [one for one in wanted if not any(_alike(one, other, bindings) for other in found)]
    extra = [one for one in found if not any(_alike(other, one, bindings) for other in wanted)]
    return [f"event missing: {one}" for one in missing] + [f"event extra: {one}" for one in extra]


def _essence(event: dict[str, Any]) -> tuple[str, str, str, str]:
    about = event.get("involvedObject") or event.get("regarding") or {}
    text = event.get("message") or event.get("note") or ""
    return about.get("kind", ""), event.get("reason", ""), event.get("type", ""), text


def _alike(recorded: tuple[str, ...], actual: tuple[str, ...], bindings: Bindings) -> bool:
    trial = bindings.copy()
    return all(trial.match(want, got) for want, got in zip(recorded, actual, strict=True))


def _value(recorded: Any, actual: Any, bindings: Bindings, path: str, key: str) -> Differences:
    if isinstance(recorded, dict) and isinstance(actual, dict):
        return _object(recorded, actual, bindings, path)
    if isinstance(recorded, list) and isinstance(actual, list):
        return _list(recorded, actual, bindings, path, key)
    if isinstance(recorded, str) and has_placeholder(recorded) and isinstance(actual, str | int | float):
        same = bindings.match(recorded, str(actual))
    else:
        same = recorded == actual and type(recorded) is type(actual)
    return [] if same else [f"{path}: {_short(actual)}, recorded {_short(recorded)}"]


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 300 else text[:300] + "..."


def _without_steps(obj: dict[str, Any]) -> dict[str, Any]:
    """What a controller made without its generation: in how many steps it was written depends on timing."""
    kept = dict(obj)
    kept["metadata"] = {key: value for key, value in obj["metadata"].items() if key != "generation"}
    if isinstance(obj.get("status"), dict):
        kept["status"] = {key: value for key, value in obj["status"].items() if key != "observedGeneration"}
    return kept


def _is_owned(obj: dict[str, Any]) -> bool:
    meta = obj.get("metadata")
    return isinstance(meta, dict) and bool(meta.get("ownerReferences"))


def _object(recorded: dict[str, Any], actual: dict[str, Any], bindings: Bindings, path: str) -> Differences:
    if _is_owned(recorded) and _is_owned(actual):
        recorded, actual = _without_steps(recorded), _without_steps(actual)
    found: Differences = []
    left = set(actual) - _NOT_COMPARED
    for key, want in recorded.items():
        if key in _NOT_COMPARED:
            continue
        name = key
        if has_placeholder(key):
            name = next((one for one in sorted(left) if bindings.copy().match(key, one)), key)
            bindings.match(key, name)
        if name not in actual:
            found.append(f"{path}.{key} missing")
            continue
        left.discard(name)
        found += _value(want, actual[name], bindings, f"{path}.{key}", key)
    found += [f"{path}.{key} extra: {_short(actual[key])}" for key in sorted(left)]
    if not found:
        found += _version(recorded, actual, bindings, path)
    return found


def _version(recorded: dict[str, Any], actual: dict[str, Any], bindings: Bindings, path: str) -> Differences:
    """Of an object's metadata: its version changes exactly when the recorded one did."""
    want, got = recorded.get("resourceVersion"), actual.get("resourceVersion")
    if not (isinstance(want, str) and want.startswith("<rv:") and "uid" in actual):
        return []
    if bindings.see_version(str(actual["uid"]), want, str(got)):
        return []
    return [f"{path}.resourceVersion: {got} does not change as {want} did"]


def _list(recorded: list[Any], actual: list[Any], bindings: Bindings, path: str, key: str) -> Differences:
    if len(recorded) != len(actual):
        return [f"{path}: {len(actual)} elements, recorded {len(recorded)}"]
    in_any_order = key in _SETS or (key in _NAMED_LISTS and any(_has_random_name(one) for one in recorded))
    found: Differences = []
    left = list(actual)
    for index, want in enumerate(recorded):
        where = f"{path}[{index}]"
        (best_found, best_trial), best_at = _tried(want, left[0], bindings, where), 0
        if in_any_order:
            for at in range(1, len(left)):
                if not best_found:
                    break
                tried_found, tried = _tried(want, left[at], bindings, where)
                if len(tried_found) < len(best_found):
                    best_found, best_trial, best_at = tried_found, tried, at
        found += best_found
        bindings.take(best_trial)
        left.pop(best_at)
    return found


def _tried(want: Any, got: Any, bindings: Bindings, path: str) -> tuple[Differences, Bindings]:
    trial = bindings.copy()
    return _value(want, got, trial, path, ""), trial


def _has_random_name(item: Any) -> bool:
    """A list item or a row of a Table whose name the server made up."""
    if not isinstance(item, dict):
        return False
    if "cells" in item:
        return any(has_placeholder(cell) for cell in item["cells"][:1])
    return has_placeholder((item.get("metadata") or {}).get("name"))
