"""Trouble on purpose: what stands in the way of chosen pods on their nodes, and how their programs behave instead."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any, Literal

from evals.practice.kubelet.behaviour import Behaviour, Situation

Object = dict[str, Any]
Stage = Literal["admit", "attach", "mount", "sandbox", "pull", "create"]
STAGES: tuple[Stage, ...] = ("admit", "attach", "mount", "sandbox", "pull", "create")


@dataclass(frozen=True, slots=True)
class Pods:
    """Pods of a namespace whose name matches a shell pattern; one container of them, or all."""

    namespace: str
    name: str
    container: str = "*"
    node: str = "*"

    def has(self, pod: Object, container: str = "") -> bool:
        meta = pod["metadata"]
        return (
            meta.get("namespace") == self.namespace
            and fnmatchcase(meta["name"], self.name)
            and fnmatchcase(str(pod["spec"].get("nodeName", "")), self.node)
            and (not container or fnmatchcase(container, self.container))
        )


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A stage of a pod's start that fails, again and again, with the words of the component that reports it.

    `reason` is the event's at admit, attach, mount and sandbox, and the container's waiting reason at create.
    """

    pods: Pods
    stage: Stage
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Change:
    """How the program of matching containers differs from what its image would do."""

    pods: Pods
    fields: dict[str, Any]
    """Fields of `Behaviour`."""


@dataclass(slots=True)
class Troubles:
    """All that is in force; the newest wins."""

    obstacles: list[Obstacle] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    def at(self, stage: Stage, pod: Object, container: str = "") -> Obstacle | None:
        found = (one for one in reversed(self.obstacles) if one.stage == stage and one.pods.has(pod, container))
        return next(found, None)

    def changed(self, situation: Situation, usual: Behaviour) -> Behaviour:
        name = str(situation.container["name"])
        for change in self.changes:
            if change.pods.has(situation.pod, name):
                usual = replace(usual, **change.fields)
        return usual
