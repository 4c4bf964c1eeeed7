"""One watcher per kind of signal: each goes over its part of the snapshot once, for all detectors together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import re2

from knowledge.vocabulary import Json, ObjectRef
from tools.detectors.condition import compile_condition, compile_fact
from tools.detectors.format import AlertNameSignal, EventSignal, ExitCodeSignal
from tools.detectors.hits import Hit, HitTable, named_groups, named_reference, reference_from_labels
from tools.detectors.scanner import read_duration
from tools.detectors.scene import Scene, name_of, namespace_of, read_time
from tools.redaction import redact_text

Indexed = Sequence[tuple[int, Any]]
"""(number of the signal in the library, the signal)."""


def still_matters(scene: Scene, reference: ObjectRef) -> bool:
    """Whether the past of an object may still be a fault of now: it exists (as far as we know) and is not well."""
    item = scene.find(reference)
    if item is None:
        return not scene.snapshot.of_kind(reference.kind)
    return not scene.is_well(item)


def event_time(event: Json) -> datetime | None:
    series = event.get("series") or {}
    for value in (
        event.get("lastTimestamp"),
        series.get("lastObservedTime"),
        event.get("eventTime"),
        (event.get("metadata") or {}).get("creationTimestamp"),
    ):
        if value:
            return read_time(value)
    return None


class EventWatcher:
    def __init__(self, signals: Sequence[tuple[int, EventSignal]]) -> None:
        self._by_reason: dict[str, list[tuple[int, _CompiledEvent, float]]] = defaultdict(list)
        for number, signal in signals:
            entry = (number, _CompiledEvent(signal), read_duration(signal.within))
            for reason in signal.reason or ("",):
                self._by_reason[reason].append(entry)

    def watch(self, scene: Scene, table: HitTable) -> None:
        newest: dict[tuple[int, str], tuple[datetime, Hit]] = {}
        anywhere = self._by_reason.get("", [])
        for event in scene.snapshot.of_kind("Event"):
            entries = self._by_reason.get(event.get("reason", ""), []) + anywhere
            if not entries:
                continue
            at = event_time(event) or scene.now
            for number, signal, within in entries:
                if (scene.now - at).total_seconds() > within:
                    continue
                hit = _event_hit(scene, event, signal)
                key = (number, hit.reference.key + hit.facts.get("container", "")) if hit else None
                if hit and key and (key not in newest or newest[key][0] < at):
                    newest[key] = (at, hit)
        for (number, _), (_, hit) in newest.items():
            table.add(number, hit.settle(scene))


class _CompiledEvent:
    """A fact with a path or a function in it is computed (``$`` the object the event is about, ``@`` the event); else it is
    told as it stands."""

    def __init__(self, signal: EventSignal) -> None:
        self.signal = signal
        self.search: Callable[[str], Any] = re2.compile(signal.message).search
        self.holds = compile_condition(signal.holds) if signal.holds else None
        computed = {name: text for name, text in signal.facts.items() if text[:1] != '"' and set(text) & set("$@(")}
        self.computed = {name: compile_fact(text) for name, text in computed.items()}
        self.told = {name: text.strip('"') for name, text in signal.facts.items() if name not in computed}


def _event_hit(scene: Scene, event: Json, compiled: _CompiledEvent) -> Hit | None:
    signal = compiled.signal
    about = event.get("involvedObject") or event.get("regarding") or {}
    if signal.about and about.get("kind") not in signal.about:
        return None
    if signal.type and event.get("type", signal.type) != signal.type:
        return None
    message = event.get("message") or event.get("note") or ""
    found = compiled.search(message)
    if found is None or int(event.get("count") or 1) < signal.at_least:
        return None
    reference = ObjectRef(
        cluster=scene.snapshot.cluster,
        kind=about.get("kind", ""),
        namespace="" if about.get("kind") == "Node" else about.get("namespace", ""),
        name=about.get("name", ""),
    )
    if signal.speaks_of == "past" and not still_matters(scene, reference):
        return None
    item = scene.find(reference)
    if compiled.holds is not None and not compiled.holds(scene, item or {}, event):
        return None
    facts = named_groups(found.groupdict())
    facts.update(compiled.told)
    facts.update({name: fact(scene, item or {}, event) for name, fact in compiled.computed.items()})
    container = _container_of_field(about.get("fieldPath", ""))
    if container:
        facts.setdefault("container", container)
    facts.setdefault("message", redact_text(message)[:300])
    began_at = read_time(event.get("firstTimestamp")) or event_time(event)
    return Hit(reference, item, facts, began_at, (lambda: scene.snapshot.cite_event(event),))


def _container_of_field(path: str) -> str:
    """``spec.containers{main}`` names the container."""
    return path.split("{", 1)[1].rstrip("}") if "ontainers{" in path else ""


class ExitCodeWatcher:
    def __init__(self, signals: Sequence[tuple[int, ExitCodeSignal]]) -> None:
        self._signals = [(number, signal, read_duration(signal.within)) for number, signal in signals]

    def watch(self, scene: Scene, table: HitTable) -> None:
        if not self._signals:
            return
        for pod in scene.snapshot.of_kind("Pod"):
            if scene.is_well(pod):
                continue
            status = pod.get("status") or {}
            for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
                ended = _last_end(container)
                if ended:
                    self._judge(scene, pod, container, ended, table)

    def _judge(self, scene: Scene, pod: Json, container: Json, ended: Json, table: HitTable) -> None:
        at = read_time(ended.get("finishedAt"))
        for number, signal, within in self._signals:
            if ended.get("exitCode") not in signal.codes or (signal.reason and ended.get("reason") != signal.reason):
                continue
            if at is not None and scene.now - at > timedelta(seconds=within):
                continue
            facts = {"container": str(container.get("name", "")), "exit_code": str(ended.get("exitCode"))}
            cite = lambda: scene.snapshot.cite_object(pod, ("status.containerStatuses", "status.initContainerStatuses"))  # noqa: E731
            hit = Hit(scene.snapshot.reference(pod), pod, facts, at, (cite,))
            table.add(number, hit.settle(scene))


def _last_end(container: Json) -> Json:
    """How the container ended last: its state when it is down, else its last state."""
    state, last = container.get("state") or {}, container.get("lastState") or {}
    ended: Json = state.get("terminated") or last.get("terminated") or {}
    return ended


class AlertWatcher:
    def __init__(self, signals: Sequence[tuple[int, AlertNameSignal]]) -> None:
        self._signals = [(number, signal, re2.compile(signal.match).search) for number, signal in signals]

    def watch(self, scene: Scene, table: HitTable) -> None:
        for alert in scene.snapshot.alerts:
            if alert.status != "firing":
                continue
            for number, signal, search in self._signals:
                fits = all(re2.search(value, alert.labels.get(name, "")) for name, value in signal.labels.items())
                if not fits or search(alert.name) is None:
                    continue
                labels = {"namespace": alert.namespace, **alert.labels}
                if alert.service:
                    labels.setdefault("service", alert.service)
                reference = reference_from_labels(scene.snapshot.cluster, labels) or named_reference(
                    scene.snapshot.cluster, signal.otherwise
                )
                if reference is None:
                    continue
                facts = {"alert": alert.name, "alert_summary": redact_text(alert.summary)[:300]}
                cite = lambda alert=alert: scene.snapshot.cite_alert(alert)  # noqa: E731
                hit = Hit(reference, scene.find(reference), facts, alert.starts_at, (cite,))
                table.add(number, hit.settle(scene))


__all__ = [
    "AlertWatcher", "EventWatcher", "ExitCodeWatcher", "Indexed", "event_time", "name_of",
    "namespace_of", "still_matters",
]  # fmt: skip
