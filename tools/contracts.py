"""The few frozen shapes that a plug-in may have. One file, one value; ``tools.discovery`` finds it.

| plug-in | folder | contract |
|---|---|---|
| alert source | ``tools/alerts`` | :class:`AlertSource` |
| collector | ``tools/collectors`` | :class:`Collector` |
| detector | ``tools/detectors/<layer>`` | a YAML file, or :class:`Detector` in Python |
| action | ``tools/actions`` | :class:`tools.actions.contract.Action` |
| safety rule | ``tools/safety`` | :class:`tools.safety.contract.SafetyRule` |

A plug-in never imports another. What they share is the :class:`Snapshot`: gathered once, judged many times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from knowledge.vocabulary import (
    Alert,
    Evidence,
    EvidenceKind,
    Finding,
    Focus,
    Gap,
    Json,
    Layer,
    ObjectRef,
    Remedy,
    Severity,
    Text,
)
from tools.ports import Clock, Cluster, Series


@dataclass(frozen=True, slots=True)
class LogText:
    """Lines of one container (or of a node's system log: ``container`` empty, object a Node), as they came."""

    object: ObjectRef
    container: str
    text: str
    is_previous: bool = False


@dataclass(frozen=True, slots=True)
class MetricAnswer:
    """What a metric query gave. ``key`` is the collector's name for it (``container_memory``), free of PromQL."""

    key: str
    query: str
    series: Sequence[Series]


@dataclass(slots=True)
class Gathered:
    """What one collector brings back. Raw and unredacted: it lives in memory only, until something cites it."""

    objects: list[Json] = field(default_factory=list)
    logs: list[LogText] = field(default_factory=list)
    metrics: list[MetricAnswer] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)


class Snapshot(Protocol):
    """Everything that was gathered for one incident, indexed. ``tools.snapshot.ClusterSnapshot`` is the real one.

    Objects are raw Kubernetes JSON with ``kind`` and ``apiVersion``. ``cite_*`` redacts one fact, keeps it for storing
    and returns its evidence id: nothing that was not cited is stored, nothing is cited unredacted.
    """

    @property
    def cluster(self) -> str: ...
    @property
    def focus(self) -> Focus: ...
    @property
    def taken_at(self) -> datetime: ...
    @property
    def logs(self) -> Sequence[LogText]: ...
    @property
    def metrics(self) -> Sequence[MetricAnswer]: ...
    @property
    def alerts(self) -> Sequence[Alert]: ...
    @property
    def gaps(self) -> Sequence[Gap]: ...

    def kinds(self) -> Iterable[str]: ...

    def of_kind(self, kind: str) -> Sequence[Json]:
        """All objects of a kind (``Pod``), Events included under ``Event``."""

    def find(self, kind: str, namespace: str, name: str) -> Json | None: ...

    def events_about(self, kind: str, namespace: str, name: str) -> Sequence[Json]: ...

    def reference(self, item: Json) -> ObjectRef: ...

    def cite_object(self, item: Json, paths: Sequence[str] = ()) -> str:
        """Cites an object, narrowed to the field paths that matter (``status.conditions``) when given."""

    def cite_event(self, item: Json) -> str: ...

    def cite_log(self, log: LogText, lines: Sequence[str]) -> str: ...

    def cite_metric(self, answer: MetricAnswer, series: Series) -> str: ...

    def cite_alert(self, alert: Alert) -> str: ...

    def cite_note(
        self, kind: EvidenceKind, source: str, query: str, text: str, object: ObjectRef | None = None
    ) -> str: ...

    def cited(self) -> Sequence[Evidence]: ...


class AlertSource(Protocol):
    """Reads one product's webhook. ``parse`` raises MalformedAlert naming the field; it never drops an alert silently."""

    @property
    def id(self) -> str: ...

    def parse(self, payload: object, *, default_cluster: str) -> list[Alert]: ...


class Collector(Protocol):
    """Brings back one sort of fact. ``needs`` names collectors whose objects it reads from ``so_far`` (logs need pods)."""

    @property
    def id(self) -> str: ...

    @property
    def needs(self) -> tuple[str, ...]: ...

    async def collect(self, cluster: Cluster, focus: Focus, so_far: Sequence[Json], clock: Clock) -> Gathered: ...


class Detector(Protocol):
    """Knows one fault. ``explains`` names the faults it can cause (see ``tools/detectors/README``); pure, no I/O."""

    @property
    def id(self) -> str: ...
    @property
    def layer(self) -> Layer: ...
    @property
    def severity(self) -> Severity: ...
    @property
    def title(self) -> Text: ...
    @property
    def explanation(self) -> Text: ...
    @property
    def explains(self) -> tuple[str, ...]: ...
    @property
    def remedy(self) -> Remedy: ...

    def detect(self, snapshot: Snapshot) -> list[Finding]: ...


Redact = Callable[[str], str]
"""Replaces secrets in a text by marks of their sort."""


@dataclass(frozen=True, slots=True)
class RemedyContext:
    """What a remedy's placeholders are filled from: the diagnosed object, its owner, and the finding's facts."""

    object: ObjectRef
    facts: Mapping[str, str]
