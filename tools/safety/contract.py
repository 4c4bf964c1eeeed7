"""What a rule is, and what it gets to see. Rules are pure: they read no clock, no cluster and no telemetry."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from knowledge.vocabulary import Json, ReversalKind, RuleVerdict, Ruling, Text
from tools.ports import ResourceKind
from tools.safety.policy import Policy
from tools.script.command import Command

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Writes:
    """What a step writes into one object, as a tree from the object's root. ``body`` holds only what is written (a whole
    manifest with ``is_whole``); ``removed`` are paths that go away. List entries stand as a list of what is written."""

    kind: ResourceKind
    namespace: str
    name: str
    body: Json
    removed: tuple[Path, ...] = ()
    is_whole: bool = False

    def walk(self) -> Iterable[tuple[Path, Any]]:
        """Every field that is written, outside what is free text (a ConfigMap's data, annotations): path and value."""
        yield from _walk(self.body, (), _FREE_ROOTS if self.kind.plural in {"configmaps", "secrets"} else frozenset())

    @property
    def containers(self) -> Iterable[tuple[Path, Json]]:
        """Every container that is written, whatever its template is called: path of the list and the entry."""
        for path, value in self.walk():
            if path[-1] in _CONTAINERS:
                for entry in value if isinstance(value, list) else [value]:
                    if isinstance(entry, dict):
                        yield path, entry

    @property
    def pod_specs(self) -> Iterable[tuple[Path, Json]]:
        """Every mapping that holds containers: the pod specs of whatever kind, templates of templates too."""
        if isinstance(self.body, dict) and _CONTAINERS & self.body.keys():
            yield (), self.body
        for path, value in self.walk():
            for entry in value if isinstance(value, list) else [value]:
                if isinstance(entry, dict) and _CONTAINERS & entry.keys():
                    yield path, entry

    def at(self, *path: str) -> Any:
        tree: Any = self.body
        for part in path:
            tree = tree.get(part) if isinstance(tree, dict) else None
        return tree

    def words_of(self, field_name: str) -> dict[str, Any]:
        """``metadata.labels`` or ``metadata.annotations`` that are set, wherever in the tree (templates too)."""
        found: dict[str, Any] = {}
        for path, value in _walk(self.body, (), None):
            if path[-2:] == ("metadata", field_name) and isinstance(value, dict):
                found.update(value)
        return found

    def removed_words(self, field_name: str) -> set[str]:
        return {path[-1] for path in self.removed if len(path) >= 2 and path[-2] == field_name}


_FREE_ROOTS = frozenset({"data", "binaryData", "stringData"})
_CONTAINERS = frozenset({"containers", "initContainers", "ephemeralContainers"})


def _walk(tree: Any, path: Path, free: frozenset[str] | None) -> Iterable[tuple[Path, Any]]:
    """``free``: what is free text at the object's root; annotations are everywhere; None: nothing is left out."""
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield (*path, key), value
            is_free = free is not None and (
                (not path and key in free) or (path[-1:] == ("metadata",) and key == "annotations")
            )
            if not is_free:
                yield from _walk(value, (*path, key), free)
    elif isinstance(tree, list):
        for value in tree:
            yield from _walk(value, path, free)


@dataclass(frozen=True, slots=True)
class Subject:
    """One step as the rules see it. With no cluster at hand ``observed``, ``desired``, ``reversal`` and ``is_outside`` are
    None and ``is_offline`` is true. ``script`` is every command of the plan; ``nearby`` are objects of the target's
    namespace that a rule may need (services, budgets, the pods that mount a claim). ``at`` is when the review is made: rules
    read no clock."""

    command: Command
    writes: tuple[Writes, ...]
    script: tuple[Command, ...] = ()
    observed: Json | None = None
    desired: Json | None = None
    nearby: tuple[Json, ...] = field(default=())
    reversal: ReversalKind | None = None
    is_outside: bool | None = None
    is_offline: bool = True
    at: datetime | None = None

    @property
    def kinds(self) -> tuple[ResourceKind, ...]:
        """The kinds that the command names or writes."""
        named = [target.kind for target in self.command.targets]
        return tuple(dict.fromkeys([*named, *(m.kind for m in self.command.manifests), *(w.kind for w in self.writes)]))

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The namespaces that the step touches; empty for cluster-scoped objects and for all namespaces."""
        found = [m.namespace for m in self.command.manifests] or [self.command.namespace]
        return tuple(dict.fromkeys(name for name in found if name))

    @property
    def places(self) -> tuple[tuple[str, str, str], ...]:
        """Kind, namespace and name of every object that is changed; a name is empty when a selector picks it."""
        named = [(t.kind.kind, self.command.namespace, t.name) for t in self.command.targets]
        named += [(m.kind.kind, m.namespace, m.name) for m in self.command.manifests]
        return tuple(dict.fromkeys([*named, *((w.kind.kind, w.namespace, w.name) for w in self.writes)]))

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(
            [t.name for t in self.command.targets if t.name]
            + [m.name for m in self.command.manifests]
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """What a rule says. ``is_open``: only a cluster could tell the rest."""

    ruling: Ruling
    message: Text
    is_open: bool = False


Judge = Callable[[Subject, Policy], Iterable[Said]]


@dataclass(frozen=True, slots=True)
class SafetyRule:
    """One rule. ``allowed`` are scripts on which it asks for no more than one approver; ``refused`` scripts with the
    ruling that it must give. Both are judged with the default policy and no cluster, and are tested."""

    id: str
    protects: Text
    judge: Judge
    allowed: tuple[str, ...]
    refused: tuple[tuple[str, Ruling], ...]


def said(ruling: Ruling, en: str, zh: str, *, is_open: bool = False) -> Said:
    return Said(ruling, Text(en=en, zh=zh), is_open)


def verdicts_of(rule: SafetyRule, subject: Subject, policy: Policy, step: int | None) -> list[tuple[RuleVerdict, bool]]:
    """The rule's verdicts on a step, each with whether it leaves something open."""
    return [
        (RuleVerdict(rule=rule.id, ruling=one.ruling, message=one.message, step=step), one.is_open)
        for one in rule.judge(subject, policy)
    ]  # fmt: skip
