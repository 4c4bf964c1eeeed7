"""One watcher per kind of signal: each goes over its part of the snapshot once, for all detectors together."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import re2

from knowledge.vocabulary import Json, ObjectRef
from tools.detectors.format import AlertNameSignal, ExitCodeSignal
from tools.detectors.hits import Hit, HitTable, named_reference, reference_from_labels
from tools.detectors.scanner import read_duration
from tools.detectors.scene import Scene, name_of, namespace_of, read_time
from tools.redaction import redact_text

Indexed = Sequence[tuple[int, Any]]
"""(number of the signal in the library, the signal)."""


def still_matters(scene: Scene, reference: ObjectRef) -> bool:
    """Whether the past of an object may still be a fault of now: it exists (as far as we know) and is not well."""
    return past_matters(scene, reference.kind, scene.find(reference))


def past_matters(scene: Scene, kind: str, item: Json | None) -> bool:
    return not scene.is_well(item) if item is not None else not scene.snapshot.of_kind(kind)


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
                facts = {name: text.strip('"') for name, text in signal.facts.items()}
                facts |= {"alert": alert.name, "alert_summary": redact_text(alert.summary)[:300]}
                cite = lambda alert=alert: scene.snapshot.cite_alert(alert)  # noqa: E731
                hit = Hit(reference, scene.find(reference), facts, alert.starts_at, (cite,))
                table.add(number, hit.settle(scene))


__all__ = [
    "AlertWatcher", "ExitCodeWatcher", "Indexed", "event_time", "name_of",
    "namespace_of", "past_matters", "still_matters",
]  # fmt: skip
