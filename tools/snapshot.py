"""Everything that was gathered for one incident, indexed in memory; what is cited becomes redacted Evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from knowledge.vocabulary import Alert, Evidence, EvidenceKind, Focus, Gap, Json, ObjectRef
from tools import citation
from tools.contracts import LogText, MetricAnswer
from tools.ports import Series

_Key = tuple[str, str, str]


class ClusterSnapshot:
    """Implements :class:`tools.contracts.Snapshot`. Objects are raw and unredacted: they live here only, in memory."""

    def __init__(
        self,
        cluster: str,
        focus: Focus,
        taken_at: datetime,
        *,
        objects: Iterable[Json] = (),
        logs: Sequence[LogText] = (),
        metrics: Sequence[MetricAnswer] = (),
        alerts: Sequence[Alert] = (),
        gaps: Sequence[Gap] = (),
        told_by: str = "",
    ) -> None:
        """``told_by``: whoever told all of it, in place of the systems that it says it comes from: a person's paste."""
        self._cluster = cluster
        self._told_by = told_by
        self._focus = focus
        self._taken_at = taken_at
        self._logs = tuple(logs)
        self._metrics = tuple(metrics)
        self._alerts = tuple(alerts)
        self._gaps = list(gaps)
        self._by_kind: dict[str, list[Json]] = defaultdict(list)
        self._by_key: dict[_Key, Json] = {}
        self._cited: dict[str, Evidence] = {}
        self._cited_objects: dict[tuple[int, tuple[str, ...]], tuple[Json, str]] = {}
        self._events: dict[_Key, list[Json]] | None = None
        self._add(objects)

    def _add(self, objects: Iterable[Json]) -> None:
        for item in objects:
            key = key_of(item)
            if key in self._by_key:
                continue
            self._by_key[key] = item
            self._by_kind[key[0]].append(item)

    @property
    def size(self) -> int:
        """How many objects."""
        return len(self._by_key)

    @property
    def cluster(self) -> str:
        return self._cluster

    @property
    def focus(self) -> Focus:
        return self._focus

    @property
    def taken_at(self) -> datetime:
        return self._taken_at

    @property
    def logs(self) -> Sequence[LogText]:
        return self._logs

    @property
    def metrics(self) -> Sequence[MetricAnswer]:
        return self._metrics

    @property
    def alerts(self) -> Sequence[Alert]:
        return self._alerts

    @property
    def gaps(self) -> Sequence[Gap]:
        return self._gaps

    def add_gap(self, gap: Gap) -> None:
        """A later request that could not be served."""
        self._gaps.append(gap)

    def kinds(self) -> Iterable[str]:
        return tuple(self._by_kind)

    def of_kind(self, kind: str) -> Sequence[Json]:
        return self._by_kind.get(kind, ())

    def find(self, kind: str, namespace: str, name: str) -> Json | None:
        return self._by_key.get((kind, namespace, name))

    def events_about(self, kind: str, namespace: str, name: str) -> Sequence[Json]:
        """Events whose object this is. Events on nodes stand in ``default`` or nowhere: the object's own namespace counts."""
        if self._events is None:
            self._events = defaultdict(list)
            for event in self.of_kind("Event"):
                about = event_subject(event)
                kind = kind_in(str(about.get("kind", "")), about.get("apiVersion"))
                self._events[kind, str(about.get("namespace", "")), str(about.get("name", ""))].append(event)
        return self._events.get((kind, namespace, name), ())

    def reference(self, item: Json) -> ObjectRef:
        kind, namespace, name = key_of(item)
        return ObjectRef(
            cluster=self._cluster,
            kind=kind,
            namespace=namespace,
            name=name,
            api_version=str(item.get("apiVersion", "")),
            uid=str((item.get("metadata") or {}).get("uid", "")),
        )

    def cite_object(self, item: Json, paths: Sequence[str] = ()) -> str:
        key = id(item), tuple(paths)
        known = self._cited_objects.get(key)
        if known is None:
            cited = self._keep(citation.of_object(self.reference(item), item, key[1], self._taken_at))
            known = self._cited_objects[key] = item, cited
        return known[1]

    def cite_event(self, item: Json) -> str:
        about = event_subject(item)
        subject = ObjectRef(
            cluster=self._cluster,
            kind=kind_in(str(about.get("kind", "")), about.get("apiVersion")),
            namespace=str(about.get("namespace", "")),
            name=str(about.get("name", "")),
            uid=str(about.get("uid", "")),
        )
        return self._keep(citation.of_event(subject, item, self._taken_at))

    def cite_log(self, log: LogText, lines: Sequence[str]) -> str:
        return self._keep(citation.of_log(log, lines, self._taken_at))

    def cite_metric(self, answer: MetricAnswer, series: Series) -> str:
        return self._keep(citation.of_metric(self._cluster, answer, series, self._taken_at))

    def cite_alert(self, alert: Alert) -> str:
        return self._keep(citation.of_alert(alert, self._taken_at))

    def cite_note(self, kind: EvidenceKind, source: str, query: str, text: str, object: ObjectRef | None = None) -> str:
        return self._keep(citation.of_note(kind, self._cluster, source, query, text, object, self._taken_at))

    def cited(self) -> Sequence[Evidence]:
        return tuple(self._cited.values())

    def _keep(self, evidence: Evidence) -> str:
        if self._told_by:
            evidence = citation.retold(evidence, self._told_by)
        return self._cited.setdefault(evidence.id, evidence).id


def key_of(item: Json) -> _Key:
    """``(kind, namespace, name)`` of a raw object; the kind as :func:`kind_in` tells it."""
    metadata = item.get("metadata") or {}
    kind = kind_in(str(item.get("kind", "")), item.get("apiVersion"))
    return kind, str(metadata.get("namespace") or ""), str(metadata.get("name", ""))


KNOWN_GROUPS: dict[str, frozenset[str]] = {
    "Service": frozenset({"v1"}),
    "Ingress": frozenset({"networking.k8s.io", "extensions"}),
    "Job": frozenset({"batch"}),
}
"""Kinds of Kubernetes itself whose names others use for kinds of their own, with the groups that mean Kubernetes' own."""


def kind_in(kind: str, api_version: object) -> str:
    """The kind, with its group where it is another's of the same name, as kubectl spells it (``Service.serving.knative.dev``):
    Knative gives its Service and the core Service of it one name, and neither may hide the other."""
    known = KNOWN_GROUPS.get(kind)
    if known is None or not isinstance(api_version, str) or not api_version:
        return kind
    group = api_version.partition("/")[0]
    return kind if group in known else f"{kind}.{group}"


def event_subject(event: Json) -> Json:
    """What an event is about: ``involvedObject`` of v1, ``regarding`` of events.k8s.io."""
    about = event.get("involvedObject") or event.get("regarding") or {}
    return about if isinstance(about, dict) else {}
