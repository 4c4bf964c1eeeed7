"""What every controller stands on: the store, the clock, the timing and the shared indexes over the objects."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from evals.practice.clock import Clock, Timer
from evals.practice.controllers.recorder import Recorder
from evals.practice.controllers.timing import Timing
from evals.practice.errors import ApiError
from evals.practice.store import Change, Store, name_of, namespace_of

Object = dict[str, Any]
Name = tuple[str, str]
"""(namespace or "", name)"""
K = TypeVar("K", bound=Hashable)
log = logging.getLogger(__name__)

_DRAIN_AT_ONCE = 200
"""Keys handled in one turn of the loop, so that the HTTP server stays responsive under a storm."""


class WorkQueue(Generic[K]):
    """Keys to reconcile: each is handled once, soon, however often it was added. A failed key is tried again, later."""

    def __init__(self, clock: Clock, reconcile: Callable[[K], None]) -> None:
        self._clock = clock
        self._reconcile = reconcile
        self._ready: deque[K] = deque()
        self._queued: set[K] = set()
        self._later: dict[K, tuple[float, Timer]] = {}
        self._failures: dict[K, int] = {}
        self._wake: Timer | None = None
        self._stopped = False

    def add(self, key: K) -> None:
        if self._stopped or key in self._queued:
            return
        self._queued.add(key)
        self._ready.append(key)
        if self._wake is None:
            self._wake = self._clock.call_later(0, self._drain)

    def add_after(self, key: K, delay_seconds: float) -> None:
        """Add later; of several the earliest counts."""
        if self._stopped:
            return
        due = self._clock.monotonic() + delay_seconds
        pending = self._later.get(key)
        if pending is not None:
            if pending[0] <= due:
                return
            pending[1].cancel()
        self._later[key] = (due, self._clock.call_later(delay_seconds, lambda: self._due(key)))

    def stop(self) -> None:
        self._stopped = True
        self._ready.clear()
        for _, timer in self._later.values():
            timer.cancel()
        self._later.clear()
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None

    def _due(self, key: K) -> None:
        self._later.pop(key, None)
        self.add(key)

    def _drain(self) -> None:
        self._wake = None
        for _ in range(_DRAIN_AT_ONCE):
            if not self._ready or self._stopped:
                break
            key = self._ready.popleft()
            self._queued.discard(key)
            self._handle(key)
        if self._ready and not self._stopped:
            self._wake = self._clock.call_later(0, self._drain)

    def _handle(self, key: K) -> None:
        try:
            self._reconcile(key)
        except ApiError as refused:
            failures = self._failures[key] = self._failures.get(key, 0) + 1
            log.debug("reconcile of %s refused: %s", key, refused)
            self.add_after(key, min(0.05 * 2 ** min(failures, 12), 10.0))
        except Exception:  # one broken object must not stop a whole controller; the log names it
            log.exception("reconcile of %s failed", key)
            self.add_after(key, 5.0)
        else:
            self._failures.pop(key, None)


class Index(Generic[K]):
    """Objects of one resource grouped by a key, kept up to date by the store's changes."""

    def __init__(self, store: Store, resource: str, keys_of: Callable[[Object], Iterable[K]]) -> None:
        self._keys_of = keys_of
        self._groups: dict[K, dict[Name, Object]] = {}
        for obj in store.each(resource):
            self._put(obj)
        self._subscription = store.subscribe(self._follow, resource)

    def of(self, key: K) -> list[Object]:
        return list(self._groups.get(key, {}).values())

    def count(self, key: K) -> int:
        return len(self._groups.get(key, ()))

    def stop(self) -> None:
        self._subscription.cancel()

    def _follow(self, change: Change) -> None:
        if change.previous is not None:
            self._take(change.previous)
        if change.type != "DELETED":
            self._put(change.object)

    def _put(self, obj: Object) -> None:
        for key in self._keys_of(obj):
            self._groups.setdefault(key, {})[key_of(obj)] = obj

    def _take(self, obj: Object) -> None:
        for key in self._keys_of(obj):
            group = self._groups.get(key)
            if group is not None:
                group.pop(key_of(obj), None)
                if not group:
                    del self._groups[key]


def key_of(obj: Object) -> Name:
    return namespace_of(obj), name_of(obj)


def controller_of(obj: Object) -> Object | None:
    """The owner reference with `controller: true`."""
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            found: Object = reference
            return found
    return None


def _controller_uid(obj: Object) -> tuple[str, ...]:
    owner = controller_of(obj)
    return (str(owner["uid"]),) if owner else ()


def _owner_uids(obj: Object) -> tuple[str, ...]:
    return tuple(str(reference["uid"]) for reference in obj["metadata"].get("ownerReferences") or ())


def _node_of(pod: Object) -> tuple[str, ...]:
    node = pod["spec"].get("nodeName")
    return (str(node),) if node else ()


@dataclass(slots=True)
class Parts:
    """Shared by all controllers, the scheduler and the kubelet."""

    store: Store
    clock: Clock
    timing: Timing
    pods_by_controller: Index[str] = field(init=False)
    pods_by_node: Index[str] = field(init=False)
    pods_by_namespace: Index[str] = field(init=False)
    sets_by_controller: Index[str] = field(init=False)
    jobs_by_controller: Index[str] = field(init=False)

    def __post_init__(self) -> None:
        self.pods_by_controller = Index(self.store, "pods", _controller_uid)
        self.pods_by_node = Index(self.store, "pods", _node_of)
        self.pods_by_namespace = Index(self.store, "pods", lambda pod: (namespace_of(pod),))
        self.sets_by_controller = Index(self.store, "replicasets.apps", _controller_uid)
        self.jobs_by_controller = Index(self.store, "jobs.batch", _controller_uid)

    def stop(self) -> None:
        for index in (self.pods_by_controller, self.pods_by_node, self.pods_by_namespace, self.sets_by_controller,
                      self.jobs_by_controller):  # fmt: skip
            index.stop()

    def recorder(self, component: str, host: str = "") -> Recorder:
        return Recorder(self.store, self.clock, component, host, is_muted=not self.timing.keeps_events)

    def scaled(self, seconds: float) -> float:
        """A duration that an object's spec asks for, shortened as the timing says."""
        return seconds * self.timing.scale


def parse_time(text: str) -> datetime:
    """metav1.Time or MicroTime to an aware datetime."""
    return datetime.fromisoformat(text).astimezone(UTC)


def owner_reference(owner: Object) -> Object:
    """The controller reference that a real controller writes into what it creates."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": name_of(owner),
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


owner_uids = _owner_uids
