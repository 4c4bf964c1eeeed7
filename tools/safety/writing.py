"""From a command to what it writes: the one tree shape that the rules judge, whatever the verb."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from knowledge.vocabulary import FieldState, Json
from tools.actions.json_patch import parts_of
from tools.actions.metadata_words import selector_of
from tools.actions.new_objects import exposed, new_object
from tools.safety.contract import Path, Writes
from tools.script.command import Command, Target
from tools.script.kinds import known_kinds
from tools.script.manifests import read_patch


def writes_of(command: Command) -> tuple[Writes, ...]:
    """What the command says it writes; nothing for reads, deletes and forbidden verbs."""
    if command.is_read:
        return ()
    if command.manifests:
        return tuple(Writes(m.kind, m.namespace, m.name, json.loads(m.text), is_whole=True) for m in command.manifests)
    if not command.targets:
        return ()
    if (made := _made(command)) is not None:
        return (made,)
    body, removed = _body(command)
    if command.verb == "autoscale":
        kind = known_kinds().find("hpa")
        assert kind is not None
        return (Writes(kind, command.namespace, command.value("name") or command.targets[0].name, body, is_whole=True),)
    return tuple(_one(command, target, body, removed) for target in command.targets if body or removed)


def _made(command: Command) -> Writes | None:
    """What a command makes of its flags; of what is exposed the flags alone tell, until the object is read."""
    body = exposed(command, None) if command.verb == "expose" else new_object(command)
    if body is None:
        return None
    kind = known_kinds().of_manifest(body["apiVersion"], body["kind"])
    assert kind is not None
    return Writes(kind, command.namespace, str(body["metadata"]["name"]), body, is_whole=command.verb != "expose")


def _one(command: Command, target: Target, body: Json, removed: tuple[Path, ...]) -> Writes:
    is_whole = command.verb == "create configmap"
    return Writes(target.kind, command.namespace, target.name, _placed(body, target, command.verb), removed, is_whole)


def _body(command: Command) -> tuple[Json, tuple[Path, ...]]:
    verb = command.verb
    if verb == "patch":
        return _patch(command)
    if verb in {"label", "annotate"}:
        return _words(command, "labels" if verb == "label" else "annotations")
    if verb == "scale":
        return {"spec": {"replicas": int(command.value("replicas"))}}, ()
    if verb == "set image":
        pairs = [argument.split("=", 1) for argument in command.arguments]
        return {"containers": [{"name": name, "image": image} for name, image in pairs]}, ()
    if verb == "set env":
        return {"containers": [{"env": _environment(command)}]}, ()
    if verb == "set resources":
        limits = {
            side: dict(p.split("=", 1) for p in command.value(side).split(","))
            for side in ("limits", "requests")
            if command.value(side)
        }
        return {"containers": [{"resources": limits}]}, ()
    if verb == "set selector":
        return {"spec": {"selector": selector_of(command)}}, ()
    if verb == "create configmap":
        return {"data": dict(v.split("=", 1) for v in command.values("from-literal"))}, ()
    if verb == "autoscale":
        most = int(command.value("max"))
        return {"spec": {"maxReplicas": most, "minReplicas": int(command.value("min") or 1)}}, ()
    if verb == "taint":
        return {"spec": {"taints": [_taint(word) for word in command.arguments if not word.endswith("-")]}}, ()
    return {}, ()


def _placed(body: Json, target: Target, verb: str) -> Json:
    """Puts a list of containers where the kind keeps its pod template."""
    if not verb.startswith("set ") or verb == "set selector":
        return body
    tree: Json = {"spec": body}
    if target.kind.plural != "pods":
        tree = {"spec": {"template": tree}}
    return {"spec": {"jobTemplate": tree}} if target.kind.plural == "cronjobs" else tree


def _environment(command: Command) -> list[Json]:
    given = [argument for argument in (*command.values("env"), *command.arguments) if "=" in argument]
    entries: list[Json] = [dict(zip(("name", "value"), argument.split("=", 1), strict=True)) for argument in given]
    if source := command.value("from"):
        kind, _, name = source.partition("/")
        key = "secretKeyRef" if kind.startswith("secret") else "configMapKeyRef"
        entries.append({"name": command.value("prefix") or "*", "valueFrom": {key: {"name": name}}})
    return entries


def _taint(word: str) -> Json:
    key, _, effect = word.partition(":")
    return {"key": key.partition("=")[0], "effect": effect}


def _words(command: Command, field: str) -> tuple[Json, tuple[Path, ...]]:
    put = dict(word.split("=", 1) for word in command.arguments if "=" in word)
    gone = tuple(("metadata", field, word[:-1]) for word in command.arguments if "=" not in word)
    return ({"metadata": {field: put}} if put else {}), gone


def _patch(command: Command) -> tuple[Json, tuple[Path, ...]]:
    patch = read_patch(command.value("patch"), command.line, command.column)
    if isinstance(patch, list):
        return _operations(patch)
    removed: list[Path] = []
    return _without_nulls(patch, (), removed), tuple(removed)


def _without_nulls(tree: Any, path: Path, removed: list[Path]) -> Any:
    if isinstance(tree, list):
        return [_without_nulls(item, path, removed) for item in tree]
    if not isinstance(tree, dict):
        return tree
    kept: Json = {}
    for key, value in tree.items():
        if value is None:
            removed.append((*path, key))
        else:
            kept[key] = _without_nulls(value, (*path, key), removed)
    return kept


def _operations(patch: Sequence[Json]) -> tuple[Json, tuple[Path, ...]]:
    removed: list[Path] = []
    body: Any = {}
    for operation in patch:
        path = parts_of(operation["path"])
        if operation["op"] == "remove" or operation.get("value", 0) is None:
            removed.append(path)
        elif operation["op"] != "test":
            body = merged(body, tree_of(path, operation["value"]))
    return (body if isinstance(body, dict) else {"": body}), tuple(removed)


def tree_of(path: Path, value: Any) -> Any:
    """A value at a JSON pointer as a tree; numbers and ``-`` in the pointer are list entries."""
    for part in reversed(path):
        value = [value] if part.isdigit() or part == "-" else {part: value}
    return value


def merged(one: Any, other: Any) -> Any:
    """Both trees in one; nothing of either is lost (lists are joined), since every written value must be judged."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {k: merged(one[k], other[k]) if k in one and k in other else (one | other)[k] for k in (one | other)}
    if isinstance(one, list) and isinstance(other, list):
        return [*one, *other]
    if one in ({}, None):
        return other
    return [one, other]


def writes_of_states(kind: Any, namespace: str, name: str, after: Sequence[FieldState], is_whole: bool) -> Writes:
    """What a frozen step leaves in its fields, as a tree: what ``rollout undo`` puts back is judged as if written out."""
    body: Any = {}
    removed: list[Path] = []
    for state in after:
        path = parts_of(state.path)
        if state.is_absent:
            removed.append(path)
        else:
            body = merged(body, tree_of(path, state.value))
    return Writes(kind, namespace, name, body if isinstance(body, dict) else {"": body}, tuple(removed), is_whole)
