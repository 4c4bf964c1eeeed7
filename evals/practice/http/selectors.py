"""Label and field selectors: parsing in the server's grammar and words, and matching."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from evals.practice.errors import ApiError, bad_request
from evals.practice.hooks import Object
from evals.practice.kinds import Kind

Predicate = Callable[[Object], bool]

_TOKEN = re.compile(r"\s*(==|!=|[=!<>(),]|[^\s=!<>(),]+)")
_OPERATORS = ("in", "notin", "=", "==", "!=", "gt", "lt")
_PUNCTUATION = frozenset(["==", "!=", "=", "!", "<", ">", "(", ")", ","])


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on a label."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def holds(self, labels: dict[str, str]) -> bool:
        value = labels.get(self.key)
        if self.operator == "exists":
            return value is not None
        if self.operator == "!":
            return value is None
        if self.operator == "in":
            return value is not None and value in self.values
        if self.operator == "notin":
            return value is None or value not in self.values
        if value is None or not re.fullmatch(r"-?\d+", value):
            return False
        return int(value) > int(self.values[0]) if self.operator == "gt" else int(value) < int(self.values[0])


def parse_labels(text: str) -> list[Requirement]:
    """The requirements of a labelSelector; `ApiError` 400 in the server's words."""
    tokens = _TOKEN.findall(text)
    return _LabelParser(tokens).parse()


class _LabelParser:
    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._at = 0

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._at += 1
        return token

    def parse(self) -> list[Requirement]:
        found: list[Requirement] = []
        while self._peek():
            token = self._peek()
            if token != "!" and token in _PUNCTUATION:
                raise bad_request(f"found '{token}', expected: !, identifier, or 'end of string'")
            found.append(self._requirement())
            after = self._take()
            if after == "":
                break
            if after != ",":
                raise bad_request(f"found '{after}', expected: ',' or 'end of string'")
            if (self._peek() in _PUNCTUATION and self._peek() != "!") or not self._peek():
                raise bad_request(f"found '{self._peek()}', expected: identifier after ','")
        return found

    def _requirement(self) -> Requirement:
        if self._peek() == "!":
            self._take()
            return Requirement(self._take(), "!")
        key = self._take()
        if self._peek() in ("", ","):
            return Requirement(key, "exists")
        operator = self._take()
        if operator in ("in", "notin"):
            return Requirement(key, operator, self._set())
        if operator in ("=", "==", "!=", ">", "<"):
            return self._compared(key, operator)
        allowed = "in, notin, =, ==, !=, gt, lt"
        raise bad_request(f"unable to parse requirement: found '{operator}', expected: {allowed}")

    def _compared(self, key: str, operator: str) -> Requirement:
        value = self._take() if self._peek() not in _PUNCTUATION and self._peek() else ""
        if operator in (">", "<"):
            if not re.fullmatch(r"-?\d+", value):
                why = "for 'Gt', 'Lt' operators, the value must be an integer"
                raise bad_request(f'unable to parse requirement: values[0]: Invalid value: "{value}": {why}')
            return Requirement(key, "gt" if operator == ">" else "lt", (value,))
        return Requirement(key, "notin" if operator == "!=" else "in", (value,))

    def _set(self) -> tuple[str, ...]:
        opening = self._take()
        if opening != "(":
            raise bad_request(f"unable to parse requirement: found '{opening}' expected: '('")
        values: list[str] = []
        while True:
            token = self._take()
            if token == ")":
                return tuple(values)
            if token == "":
                raise bad_request("unable to parse requirement: found '', expected: ',' or ')'")
            if token != ",":
                values.append(token)


def label_predicate(text: str) -> Predicate | None:
    """None when the selector is empty."""
    requirements = parse_labels(text)
    if not requirements:
        return None
    return lambda obj: all(one.holds(obj["metadata"].get("labels") or {}) for one in requirements)


def matches_selector(selector: Object | None, labels: dict[str, str]) -> bool:
    """A LabelSelector of an object (matchLabels, matchExpressions); None selects nothing, an empty one everything."""
    if selector is None:
        return False
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    words = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}
    for one in selector.get("matchExpressions") or []:
        requirement = Requirement(one["key"], words[one["operator"]], tuple(one.get("values") or ()))
        if not requirement.holds(labels):
            return False
    return True


def selector_text(selector: Object) -> str:
    """A LabelSelector as the text that Scale shows."""
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for one in selector.get("matchExpressions") or []:
        values = ",".join(sorted(one.get("values") or []))
        word = {"In": f"{one['key']} in ({values})", "NotIn": f"{one['key']} notin ({values})"}
        parts.append(word.get(one["operator"], one["key"] if one["operator"] == "Exists" else "!" + one["key"]))
    return ",".join(parts)


_ALWAYS = ("metadata.name", "metadata.namespace")
_FIELDS: dict[str, tuple[str, ...]] = {
    "pods": ("spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork",
             "status.phase", "status.podIP", "status.nominatedNodeName"),
    "events": ("involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
               "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
               "reportingComponent", "source", "type"),
    "nodes": ("spec.unschedulable",),
    "secrets": ("type",),
    "namespaces": ("status.phase", "name"),
    "services": ("spec.clusterIP", "spec.type"),
    "jobs.batch": ("status.successful",),
    "replicasets.apps": ("status.replicas",),
    "replicationcontrollers": ("status.replicas",),
}  # fmt: skip
_FALSE_DEFAULT = {"spec.unschedulable", "spec.hostNetwork"}


def field_value(resource: str, obj: Object, path: str) -> str:
    """The value that a field selector sees, "" when absent."""
    if resource == "events" and path == "source":
        return str((obj.get("source") or {}).get("component") or obj.get("reportingComponent") or "")
    if resource == "jobs.batch" and path == "status.successful":
        return str((obj.get("status") or {}).get("succeeded", 0))
    if resource == "namespaces" and path == "name":
        path = "metadata.name"
    value: Any = obj
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "false" if path in _FALSE_DEFAULT else ""
    return str(value)


def field_predicate(kind: Kind, text: str) -> Predicate | None:
    """None when the selector is empty; 400 for a field that the kind cannot be selected by."""
    if not text:
        return None
    resource = kind.store_key
    allowed = (_ALWAYS if kind.namespaced else _ALWAYS[:1]) + _FIELDS.get(resource, ())
    terms: list[tuple[str, bool, str]] = []
    for part in text.split(","):
        match = re.fullmatch(r"([^=!]+?)(==|!=|=)(.*)", part)
        if match is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{part}'")
        path, operator, value = match[1], match[2], match[3]
        if kind.group == "events.k8s.io":
            if path.startswith("involvedObject"):
                raise _unknown_field(kind, path)
            path = path.replace("regarding", "involvedObject").replace("reportingController", "reportingComponent")
        if path not in allowed:
            raise _unknown_field(kind, path)
        terms.append((path, operator == "!=", value))
    return lambda obj: all((field_value(resource, obj, p) == v) != negated for p, negated, v in terms)


def _unknown_field(kind: Kind, path: str) -> ApiError:
    if kind.store_key in _FIELDS:
        return bad_request(f"field label not supported: {path}")
    return bad_request(f'"{path}" is not a known field selector: only "metadata.name", "metadata.namespace"')
