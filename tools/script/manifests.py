"""Manifests read strictly: what a person sees is what is sent. Anchors, tags, duplicate keys and scalars that two YAML
readers read differently are refused, so that nothing hides in how a document is spelled."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import yaml

from knowledge.errors import ScriptRefused
from knowledge.vocabulary import Json
from tools.ports import ResourceKind
from tools.script.command import Manifest
from tools.script.kinds import KindTable

_PARSER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(0|[1-9][0-9]*)\.[0-9]+([eE][-+]?[0-9]+)?|[-+]?(0|[1-9][0-9]*)[eE][-+]?[0-9]+")
_AMBIGUOUS = re.compile(
    r"(?i:y|n|yes|no|on|off|\.inf|[-+]\.inf|\.nan)|0[0-7]+|0[xo][0-9A-Fa-f]+|0b[01]+|[-+]?[0-9][0-9_]*_[0-9_]*|[-+]?0[0-9]+|"
    r"[-+]?[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?|[-+]?\.[0-9]+|[-+]?[0-9]+\.|<<|="
)
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.:]*[a-z0-9])?")
MAX_DEPTH = 40
MAX_DOCUMENTS = 50


def _refuse(mark: Any, first_line: int, message: str, expected: str = "a plain value, written out") -> NoReturn:
    raise ScriptRefused(message, line=first_line + mark.line, column=mark.column + 1, expected=expected)


def read_yaml(text: str, first_line: int = 1) -> list[tuple[Any, int]]:
    """Every document of ``text`` with the line on which it begins (counted from ``first_line``)."""
    try:
        events = list(yaml.parse(text, Loader=_PARSER))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = first_line + (mark.line if mark else 0)
        raise ScriptRefused(
            f"the YAML cannot be read: {error.problem}", line=line, column=(mark.column + 1) if mark else 1,
            expected="one or more YAML documents",
        ) from error  # fmt: skip
    except (yaml.YAMLError, RecursionError) as error:
        raise ScriptRefused(f"the YAML cannot be read: {error}", line=first_line, column=1, expected="YAML") from error
    return list(_documents(iter(events), first_line))


def _documents(events: Iterator[Any], first_line: int) -> Iterator[tuple[Any, int]]:
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            if event.tags or event.version:
                _refuse(event.start_mark, first_line, "YAML directives are not part of the grammar")
            start = next(events)
            yield _value(start, events, first_line, 0), first_line + start.start_mark.line


def _value(event: Any, events: Iterator[Any], first_line: int, depth: int) -> Any:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
        _refuse(
            event.start_mark, first_line, "anchors and aliases are not part of the grammar", "the value written out"
        )
    if getattr(event, "tag", None) is not None:
        _refuse(event.start_mark, first_line, f"the tag {event.tag} is not part of the grammar", "a plain value")
    if depth > MAX_DEPTH:
        _refuse(event.start_mark, first_line, f"more than {MAX_DEPTH} levels deep")
    if isinstance(event, yaml.MappingStartEvent):
        return _mapping(events, first_line, depth)
    if isinstance(event, yaml.SequenceStartEvent):
        items: list[Any] = []
        while not isinstance(item := next(events), yaml.SequenceEndEvent):
            items.append(_value(item, events, first_line, depth + 1))
        return items
    return _scalar(event, first_line)


def _mapping(events: Iterator[Any], first_line: int, depth: int) -> Json:
    found: Json = {}
    while not isinstance(key_event := next(events), yaml.MappingEndEvent):
        if not isinstance(key_event, yaml.ScalarEvent):
            _refuse(key_event.start_mark, first_line, "a key that is not a text", "a plain key")
        key = key_event.value
        if key_event.implicit[0] and _AMBIGUOUS.fullmatch(key):
            _refuse(
                key_event.start_mark, first_line, f"the key {key!r} is read differently by different readers", "quotes"
            )
        if getattr(key_event, "anchor", None) is not None or key_event.tag is not None:
            _refuse(key_event.start_mark, first_line, "anchors and tags are not part of the grammar")
        if not key.isascii():
            _refuse(key_event.start_mark, first_line, f"the key {key!r} is not ASCII", "an ASCII key")
        if key in found:
            _refuse(key_event.start_mark, first_line, f"the key {key!r} stands twice in one mapping", "each key once")
        found[key] = _value(next(events), events, first_line, depth + 1)
    return found


def _scalar(event: Any, first_line: int) -> Any:
    text: str = event.value
    if not event.implicit[0]:
        return text
    if text in {"", "~", "null", "Null", "NULL"}:
        return None
    if text in {"true", "True", "TRUE", "false", "False", "FALSE"}:
        return text.lower() == "true"
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) < 20 else _refuse(event.start_mark, first_line, "a number of 20 digits or more")
    if _FLOAT.fullmatch(text):
        return float(text)
    if _AMBIGUOUS.fullmatch(text):
        _refuse(event.start_mark, first_line, f"{text!r} is read differently by different readers", "quotes around it")
    return text


def _no_duplicates(pairs: list[tuple[str, Any]]) -> Json:
    found: Json = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} stands twice in one object")
        if not key.isascii():
            raise ValueError(f"the key {key!r} is not ASCII")
        found[key] = value
    return found


def read_patch(text: str, line: int, column: int) -> Any:
    """An inline patch: strict JSON, or strict YAML on one line as kubectl also takes it."""
    try:
        if text.lstrip()[:1] in {"{", "["}:
            return json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        message = f"the patch cannot be read: {error}"
        raise ScriptRefused(message, line=line, column=column, expected="a JSON patch in single quotes") from error
    documents = read_yaml(text, line)
    if len(documents) != 1 or not isinstance(documents[0][0], dict | list):
        raise ScriptRefused("the patch is not one object", line=line, column=column, expected="a JSON object or list")
    return documents[0][0]


DIRECTIVE = (
    "directives of strategic patches are not part of the grammar: what they do hangs on how a server orders its lists"
)
PLAIN_PATCH = """a JSON patch that says it: --type=json -p '[{"op":"remove","path":"/spec/..."}]'"""
DIRECTIVES = re.compile(r"\$(patch|retainKeys|deleteFromPrimitiveList/.*|setElementOrder/.*)")
_ANY_DIRECTIVE = re.compile(r"\$.*", re.DOTALL)


def directive_of(tree: Any, pattern: re.Pattern[str] = _ANY_DIRECTIVE) -> str | None:
    """The first key that a strategic merge would take for an order instead of a field."""
    if isinstance(tree, dict):
        own = next((key for key in tree if pattern.fullmatch(str(key))), None)
        return own or next((one for one in (directive_of(value, pattern) for value in tree.values()) if one), None)
    if isinstance(tree, list):
        return next((one for one in (directive_of(item, pattern) for item in tree) if one), None)
    return None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def read_manifests(text: str, first_line: int, namespace: str, kinds: KindTable) -> tuple[Manifest, ...]:
    """The objects of a heredoc, lists unfolded, each with its namespace settled. Raises ScriptRefused."""
    found: list[Manifest] = []
    for document, line in read_yaml(text, first_line):
        if document is None:
            continue
        found.extend(_unfold(document, line, namespace, kinds, 0))
        if len(found) > MAX_DOCUMENTS:
            raise ScriptRefused(f"more than {MAX_DOCUMENTS} objects", line=line, column=1, expected="a smaller heredoc")
    if not found:
        raise ScriptRefused("the heredoc holds no object", line=first_line, column=1, expected="a YAML object")
    return tuple(found)


def _unfold(document: Any, line: int, namespace: str, kinds: KindTable, depth: int) -> Iterator[Manifest]:
    def say_no(message: str, expected: str) -> NoReturn:
        raise ScriptRefused(message, line=line, column=1, expected=expected)

    if not isinstance(document, dict):
        say_no("a document that is not an object", "apiVersion, kind and metadata")
    api_version, kind = document.get("apiVersion"), document.get("kind")
    if not isinstance(api_version, str) or not isinstance(kind, str):
        say_no("apiVersion or kind is missing", "apiVersion, kind and metadata.name")
    if kind == "List" or (kind.endswith("List") and "items" in document):
        items = document.get("items")
        if not isinstance(items, list) or not items or depth > 1:
            say_no("a list without items, or a list of lists", "items: a list of objects")
        for item in items:
            yield from _unfold(item, line, namespace, kinds, depth + 1)
        return
    row = kinds.of_manifest(api_version, kind)
    if row is None:
        say_no(f"unknown kind {kind} of {api_version}", "a kind that the cluster serves, in its current version")
    yield _manifest_of(document, row, line, namespace, say_no)


def _manifest_of(
    document: Json, row: ResourceKind, line: int, namespace: str, say_no: Callable[[str, str], NoReturn]
) -> Manifest:
    metadata = document.get("metadata")
    if not isinstance(metadata, dict):
        say_no("metadata is missing", "metadata: {name: ...}")
    name = metadata.get("name")
    if not isinstance(name, str) or len(name) > 253 or not _NAME.fullmatch(name):
        say_no("metadata.name is missing or not a name", "metadata: {name: ...}")
    own = metadata.get("namespace")
    if own is not None and (not isinstance(own, str) or not row.is_namespaced):
        say_no("metadata.namespace does not fit this kind", "a namespace, or none for a cluster-scoped kind")
    if own is not None and not _NAMESPACE.fullmatch(own):
        say_no(f"{own[:80]!r} is not a namespace's name", "lower-case letters, digits and '-'")
    if own is not None and namespace and own != namespace:
        say_no(f"metadata.namespace is {own} and -n is {namespace}", "one namespace")
    settled = (own or namespace or "default") if row.is_namespaced else ""
    if "status" in document and document["status"] not in (None, {}):
        say_no("a status in a manifest", "no status: controllers write it")
    body: Json = {key: value for key, value in document.items() if key != "status"}
    kept = {key: value for key, value in metadata.items() if key not in {"namespace", "creationTimestamp"}}
    body["metadata"] = {**kept, "namespace": settled} if settled else kept
    return Manifest.of(row, name, settled, body, line)
