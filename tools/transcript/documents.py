"""YAML and JSON: objects, lists, several documents; of what was cut off, the complete part."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from knowledge.vocabulary import Json
from tools.transcript.harvest import Depth, Harvest
from tools.transcript.kinds import kind_named
from tools.transcript.shapes import hold

MAX_NESTING = 60
MAX_TRIES = 60
MAX_YAML = 8_000_000


_LIST = re.compile(r'\[\s*(?:$|[{\["\]]|-?\d{1,15}\s*[,\]])')


class _Loader(yaml.CSafeLoader):
    """Times stay text: an object is JSON."""


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for letter, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def load_json(text: str) -> tuple[Any, bool]:
    """The JSON value that the text begins with; of one that was cut off, its complete part, and True; None when there is none."""
    text = text.strip()
    try:
        return json.loads(text), False
    except (ValueError, RecursionError):
        pass
    try:
        value, _ = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        value = _mended(text)
        if isinstance(value, dict) and isinstance(value.get("items"), list) and len(value["items"]) > 1:
            value["items"].pop()  # the one that the cut went through
        return value, True
    return value, False


_TEXTS = re.compile(r'"(?:[^"\\]|\\.)*"?|[{}\[\],]')


def _mended(text: str) -> Any:
    """Cuts back to the last comma or closing bracket outside of texts and closes what is open there."""
    stack: list[str] = []
    cuts: list[tuple[int, str]] = []
    for found in _TEXTS.finditer(text):
        sign = found.group()
        if sign in {"{", "["}:
            stack.append("}" if sign == "{" else "]")
            if len(stack) > MAX_NESTING:
                return None
        elif sign in {"}", "]"}:
            if not stack or stack.pop() != sign:
                break
            cuts.append((found.end(), "".join(reversed(stack))))
        elif sign == ",":
            cuts.append((found.start(), "".join(reversed(stack))))
    for end, closing in reversed(cuts[-MAX_TRIES:]):
        try:
            return json.loads(text[:end] + closing)
        except (ValueError, RecursionError):
            continue
    return None


def load_yaml(text: str) -> Iterator[Any]:
    """Each document; a document that breaks off or is broken is read as far as it goes."""
    for part in re.split(r"(?m)^---(?:\s.*)?$", text[:MAX_YAML]):
        if part.strip():
            value = _one_yaml(part)
            if value is not None:
                yield value


def _one_yaml(text: str) -> Any:
    lines = text.rstrip().split("\n")
    for _ in range(4):
        broken_at = None
        source = "\n".join(lines)
        if _is_deep(source):
            return None
        try:
            return yaml.load(source, Loader=_Loader)  # noqa: S506 - a safe loader with fewer resolvers
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            broken_at = mark.line if mark else None
        except (yaml.YAMLError, ValueError, RecursionError, KeyError, TypeError):
            return None
        if broken_at is None or broken_at <= 0 or not lines:
            return None
        lines = lines[: min(broken_at, len(lines) - 1)]
    return None


def _is_deep(text: str) -> bool:
    """Whether it would nest too deep, or multiply itself by aliases: no output of kubectl does."""
    return text.count("[") + text.count("{") > 20_000 or bool(re.search(r"[\[{]{40}", text)) or text.count("*") > 2_000


def objects_in(value: Any, depth: int = 0) -> Iterator[Json]:
    """Kubernetes objects in a value: itself, or the items of lists."""
    if isinstance(value, list) and depth < 6:
        for each in value:
            yield from objects_in(each, depth + 1)
    elif isinstance(value, dict):
        items = value.get("items")
        kind = value.get("kind")
        if isinstance(items, list) and (not isinstance(kind, str) or kind.endswith("List")):
            inner = str(kind or "").removesuffix("List")
            for each in items:
                if isinstance(each, dict) and inner and inner not in {"", "Kind"}:
                    each.setdefault("kind", inner)
                    each.setdefault("apiVersion", value.get("apiVersion", ""))
                yield from objects_in(each, depth + 1)
        elif isinstance(kind, str) and isinstance(value.get("metadata"), dict) and value["metadata"].get("name"):
            yield value


def keep_objects(
    harvest: Harvest, value: Any, *, is_manifest: bool | None, namespace: str, is_cut: bool = False
) -> int:
    """``is_manifest`` is None where nobody says whether the cluster answered: a live object has a uid, a resourceVersion or a
    status then; anything else is a manifest."""
    found = 0
    for item in objects_in(value):
        if _is_odd(item):
            continue
        metadata = item["metadata"]
        is_live = is_manifest is False or bool(
            metadata.get("uid") or metadata.get("resourceVersion") or item.get("status")
        )
        if item["kind"] == "Event":
            _keep_event(harvest, item)
            found += 1
            continue
        if not metadata.get("namespace") and kind_named(item["kind"], str(item.get("apiVersion", ""))).is_namespaced:
            metadata["namespace"] = namespace or harvest.namespace
        harvest.put(item, Depth.MANIFEST if is_manifest or not is_live else Depth.TABLE if is_cut else Depth.FULL)
        found += 1
    return found


def _is_odd(item: Json) -> bool:
    """An object without a name of its own. What else does not fit the shape of an object is taken out of it."""
    metadata = item["metadata"]
    name = metadata.get("name")
    if not isinstance(name, (str, int)) or isinstance(name, bool) or not isinstance(item.get("apiVersion", ""), str):
        return True
    hold(item)
    metadata["name"] = str(name)
    if "namespace" in metadata:
        metadata["namespace"] = str(metadata["namespace"])
    return False


def _keep_event(harvest: Harvest, item: Json) -> None:
    about = item.get("involvedObject") or item.get("regarding") or {}
    series = item.get("series") or {}
    source = item.get("source") or {}
    if not all(isinstance(one, dict) for one in (about, series, source)):
        return
    count = series.get("count") or item.get("count") or 1
    harvest.put_event(
        str(about.get("kind", "")), str(about.get("namespace") or ""), str(about.get("name", "")),
        reason=str(item.get("reason", "")), message=str(item.get("message") or item.get("note") or ""),
        type=str(item.get("type") or "Normal"), first=_time(item.get("firstTimestamp") or item.get("eventTime")),
        last=_time(series.get("lastObservedTime") or item.get("lastTimestamp") or item.get("eventTime")),
        count=count if isinstance(count, int) else 1,
        source=str(source.get("component") or item.get("reportingComponent") or ""), uid=str(about.get("uid") or ""),
    )  # fmt: skip


def _time(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def looks_like_yaml(lines: Sequence[str]) -> bool:
    head = next((line for line in lines if line.strip() and not line.lstrip().startswith("#")), "")
    return head.startswith(("apiVersion:", "kind:", "---", "items:", "metadata:", "- apiVersion:", "spec:"))


def looks_like_json(lines: Sequence[str]) -> bool:
    head = next((line.strip() for line in lines if line.strip()), "")
    if head[:1] == "{":
        return head in {"{", "{}"} or '"' in head[:4] or head[1:2] in " {"
    return _LIST.match(head) is not None
