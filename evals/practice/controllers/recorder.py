"""Events as client-go writes them: repeated ones counted, similar ones combined, floods cut."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

from evals.practice.clock import Clock, micro_timestamp, timestamp
from evals.practice.errors import ApiError
from evals.practice.store import Store, copy_of, name_of, namespace_of

Object = dict[str, Any]
_SIMILAR_MAX = 10
_BURST = 25
_REFILL_SECONDS = 300.0


@dataclass(slots=True)
class _Group:
    """Events of one source about one object with one reason."""

    messages: set[str] = field(default_factory=set)
    tokens: float = float(_BURST)
    since: float = 0.0


class Recorder:
    """Writes core/v1 events for one component; the scheduler's differ and have a method of their own."""

    def __init__(self, store: Store, clock: Clock, component: str, host: str = "", *, is_muted: bool = False) -> None:
        self._store = store
        self._clock = clock
        self._component = component
        self._host = host
        self._is_muted = is_muted
        self._names: dict[tuple[str, ...], tuple[str, str]] = {}
        self._groups: dict[tuple[str, ...], _Group] = {}

    def normal(self, obj: Object, reason: str, message: str, field_path: str = "") -> None:
        self._record(obj, "Normal", reason, message, field_path)

    def warning(self, obj: Object, reason: str, message: str, field_path: str = "") -> None:
        self._record(obj, "Warning", reason, message, field_path)

    def _record(self, obj: Object, kind: str, reason: str, message: str, field_path: str) -> None:
        if self._is_muted:
            return
        uid = str(obj["metadata"].get("uid", ""))
        group = self._groups.setdefault((uid, field_path, kind, reason), _Group(since=self._clock.monotonic()))
        if not self._takes(group):
            return
        if message not in group.messages and len(group.messages) >= _SIMILAR_MAX - 1:
            message = f"(combined from similar events): {message}"
            key = (uid, field_path, kind, reason, "combined")
        else:
            group.messages.add(message)
            key = (uid, field_path, kind, reason, message)
        try:
            if not self._count_up(key, message):
                self._names[key] = self._write(obj, kind, reason, message, field_path)
        except ApiError:
            return  # the namespace goes away; a real recorder drops the event too

    def _takes(self, group: _Group) -> bool:
        now = self._clock.monotonic()
        group.tokens = min(float(_BURST), group.tokens + (now - group.since) / _REFILL_SECONDS)
        group.since = now
        if group.tokens < 1:
            return False
        group.tokens -= 1
        return True

    def _count_up(self, key: tuple[str, ...], message: str) -> bool:
        known = self._names.get(key)
        found = None if known is None else self._store.find("events", *known)
        if found is None:
            return False
        event = copy_of(found)
        event["count"] = int(event.get("count") or 1) + 1
        event["message"] = message
        event["lastTimestamp"] = timestamp(self._clock.now())
        self._store.update("events", event)
        return True

    def _write(self, obj: Object, kind: str, reason: str, message: str, field_path: str) -> tuple[str, str]:
        now = timestamp(self._clock.now())
        involved = reference_to(obj, self._component)
        if field_path:
            involved["fieldPath"] = field_path
        source = {"component": self._component}
        if self._host:
            source["host"] = self._host
        event = {
            "metadata": {"name": event_name(obj, self._clock), "namespace": namespace_of(obj) or "default"},
            "involvedObject": involved,
            "reason": reason,
            "message": message,
            "source": source,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
            "type": kind,
            "eventTime": None,
            "reportingComponent": self._component,
            "reportingInstance": self._host,
        }
        written = self._store.create("events", event)
        return namespace_of(written), name_of(written)


class SchedulerRecorder:
    """Events in the newer form: eventTime instead of first and last, a series instead of a count."""

    def __init__(self, store: Store, clock: Clock, *, is_muted: bool = False) -> None:
        self._store = store
        self._clock = clock
        self._is_muted = is_muted
        self._last: dict[tuple[str, ...], tuple[str, str]] = {}

    def record(self, pod: Object, kind: str, reason: str, action: str, note: str) -> None:
        if self._is_muted:
            return
        key = (str(pod["metadata"]["uid"]), str(pod["metadata"].get("resourceVersion", "")), reason, note)
        try:
            known = self._last.get(key)
            found = None if known is None else self._store.find("events", *known)
            if found is not None:
                self._repeat(found)
            else:
                self._last[key] = self._write(pod, kind, reason, action, note)
        except ApiError:
            return  # the namespace goes away; a real recorder drops the event too

    def _repeat(self, found: Object) -> None:
        event = copy_of(found)
        series = event.get("series") or {"count": 1}
        now = micro_timestamp(self._clock.now())
        event["series"] = {"count": int(series["count"]) + 1, "lastObservedTime": now}
        self._store.update("events", event)

    def _write(self, pod: Object, kind: str, reason: str, action: str, note: str) -> tuple[str, str]:
        event = {
            "metadata": {"name": event_name(pod, self._clock), "namespace": namespace_of(pod)},
            "involvedObject": reference_to(pod, "default-scheduler"),
            "reason": reason,
            "message": note,
            "source": {},
            "firstTimestamp": None,
            "lastTimestamp": None,
            "type": kind,
            "eventTime": micro_timestamp(self._clock.now()),
            "action": action,
            "reportingComponent": "default-scheduler",
            "reportingInstance": "default-scheduler-vm",
        }
        written = self._store.create("events", event)
        return namespace_of(written), name_of(written)


_SERIAL = itertools.count()


def event_name(obj: Object, clock: Clock) -> str:
    """`<object>.<hexadecimal nanoseconds>`; a serial keeps two events of one instant apart."""
    nanoseconds = int(clock.now().timestamp() * 1e6) * 1000
    return f"{name_of(obj)}.{nanoseconds + next(_SERIAL) % 0x100000:016x}"


def reference_to(obj: Object, component: str = "") -> Object:
    """The involvedObject. A kubelet names its node by name where others give a uid, and without an API version."""
    meta = obj["metadata"]
    if obj["kind"] == "Node":
        if component == "kubelet":
            return {"kind": "Node", "name": meta["name"], "uid": meta["name"]}
        return {"kind": "Node", "name": meta["name"], "uid": meta["uid"], "apiVersion": "v1"}
    found: Object = {"kind": obj["kind"]}
    if meta.get("namespace"):
        found["namespace"] = meta["namespace"]
    found.update(name=meta["name"], uid=meta["uid"], apiVersion=obj["apiVersion"])
    if meta.get("resourceVersion"):
        found["resourceVersion"] = meta["resourceVersion"]
    return found
