"""The objects of the practice cluster: plain dicts, one version counter, changes that watchers and controllers follow.

Rules for everyone who uses it:

* Single loop, synchronous: call it from the server's event loop only. A call is atomic, there are no locks.
* What `get` and `list` return is the stored value itself, shared with caches and watchers: never change it. Take
  `copy_of(obj)`, change that, and hand it to `update`.
* A write that changes nothing makes no new version and no change event, as on a real server.
* Every write (a controller's as well as a client's) runs the `admission` steps: defaulting, quota, validation. A refusal
  is an `ApiError` whose `str()` is what a controller quotes in its FailedCreate event.
* Subscribers are told after the write, one change at a time, in order of version, also when a subscriber itself writes.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from evals.practice.clock import Clock, timestamp
from evals.practice.errors import OBJECT_MODIFIED, ApiError, already_exists, conflict, not_found
from evals.practice.hooks import Admission, Object, Operation
from evals.practice.kinds import BY_RESOURCE
from evals.practice.objects import (
    Change,
    Changes,
    ChangeType,
    Key,
    Names,
    Objects,
    Stamp,
    Subscriber,
    copy_of,
    counts_generation,
    encode_item,
    is_released,
    name_of,
    namespace_content_holds,
    namespace_of,
    random_suffix,
)

__all__ = [
    "Change", "Contents", "Key", "Stamp", "Store", "Subscription", "copy_of", "name_of", "namespace_of", "random_suffix",
]  # fmt: skip


@dataclass(slots=True)
class _Entry:
    object: Object
    encoded: bytes | None = None


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything that a store held at one moment, to fill other stores with. The objects are shared: nobody changes them."""

    version: int
    objects: dict[str, tuple[Object, ...]]


@dataclass(slots=True)
class Subscription:
    """A subscriber and the resources it asked for (None: all). `cancel()` ends it."""

    callback: Subscriber
    resources: frozenset[str] | None
    store: Store = field(repr=False)

    def cancel(self) -> None:
        self.store.unsubscribe(self)


class Store:
    """All objects of one cluster."""

    def __init__(self, clock: Clock, *, history_size: int = 20_000, first_version: int = 1000) -> None:
        self.clock = clock
        self.version = first_version
        self.oldest_version = first_version
        """Changes after this version are still in the history; an older one is `410 Gone` for a watch."""
        self.admission: list[Admission] = []
        self._entries: dict[str, dict[tuple[str, str], _Entry]] = {}
        self._history: deque[Change] = deque()
        self._history_size = history_size
        self._subscriptions: list[Subscription] = []
        self._pending: deque[Change] = deque()
        self._delivering = False

    # -- reading -----------------------------------------------------------------------------------------------------

    def get(self, resource: str, namespace: str | None, name: str) -> Object:
        """The stored object; `ApiError` 404 when absent. `namespace` is None or "" for cluster-scoped resources."""
        found = self.find(resource, namespace, name)
        if found is None:
            raise self._not_found(resource, name)
        return found

    def find(self, resource: str, namespace: str | None, name: str) -> Object | None:
        """Like `get`, None when absent."""
        entry = self._entries.get(resource, {}).get((namespace or "", name))
        return None if entry is None else entry.object

    def list(self, resource: str, namespace: str | None = None) -> Objects:
        """Objects by namespace and name; every namespace when `namespace` is None or ""."""
        rows = self._entries.get(resource, {})
        keys = sorted(key for key in rows if not namespace or key[0] == namespace)
        return [rows[key].object for key in keys]

    def each(self, resource: str, namespace: str | None = None) -> Iterator[Object]:
        """Like `list`, unsorted: for counting and searching."""
        for key, entry in list(self._entries.get(resource, {}).items()):
            if not namespace or key[0] == namespace:
                yield entry.object

    def encoded_item(self, resource: str, obj: Object) -> bytes:
        """The object as JSON bytes without kind and apiVersion, as lists carry it; cached for the current version."""
        entry = self._entries.get(resource, {}).get((namespace_of(obj), name_of(obj)))
        if entry is None or entry.object is not obj:
            return encode_item(obj)
        if entry.encoded is None:
            entry.encoded = encode_item(obj)
        return entry.encoded

    # -- writing -----------------------------------------------------------------------------------------------------

    def create(self, resource: str, obj: Object, *, dry_run: bool = False, stamp: Stamp | None = None) -> Object:
        """Store a new object and return it as stored. Takes `obj` over: do not use it afterwards.

        Fills apiVersion, kind, uid, version, creationTimestamp, generation; `metadata.generateName` gets its suffix.
        409 when the name is taken, 404 when the namespace is missing, 403/422 from the admission steps. `stamp` is called
        with (object, None) last, to record who owns which field.
        """
        row = BY_RESOURCE[resource]
        meta = obj.setdefault("metadata", {})
        obj["apiVersion"], obj["kind"] = row.api_version, row.kind
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = self._generated(resource, meta)
        if not row.namespaced:
            meta.pop("namespace", None)
        meta.update(uid=str(uuid.uuid4()), creationTimestamp=timestamp(self.clock.now()))
        for owned in ("resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"):
            meta.pop(owned, None)
        if row.has_generation:
            meta["generation"] = 1
        self._admit("CREATE", resource, obj, None)
        key = (namespace_of(obj), name_of(obj))
        taken = self.find(resource, *key)
        if taken is not None:
            raise already_exists(row.plural, row.group, key[1], being_deleted="deletionTimestamp" in taken["metadata"])
        if stamp is not None:
            stamp(obj, None)
        if not dry_run:
            self._commit("ADDED", resource, obj, None)
        return obj

    def update(
        self, resource: str, obj: Object, *, subresource: str = "", dry_run: bool = False, stamp: Stamp | None = None
    ) -> Object:
        """Replace an object and return it as stored; takes `obj` over.

        With `metadata.resourceVersion` set it must be the stored one (409 Conflict); delete it to write regardless.
        `subresource="status"` keeps everything but the status, otherwise the status is kept for kinds that have a status
        subresource (a plain update of the spec cannot change the status, as on a real server).
        Removing the last finalizer of an object that is being deleted deletes it.
        """
        row = BY_RESOURCE[resource]
        old = self.get(resource, namespace_of(obj), name_of(obj))
        meta, was = obj["metadata"], old["metadata"]
        if meta.get("resourceVersion") not in (None, "", was["resourceVersion"]):
            raise conflict(row.plural, row.group, name_of(obj), OBJECT_MODIFIED)
        obj = self._merged(resource, obj, old, subresource)
        self._admit("UPDATE", resource, obj, old, subresource)
        if row.has_generation and subresource != "status" and counts_generation(resource, obj, old):
            obj["metadata"]["generation"] = was.get("generation", 0) + 1
        if stamp is not None:
            stamp(obj, old)
        if obj == old:
            return old
        if dry_run:
            return obj
        if is_released(resource, obj):
            return self._drop(resource, obj)
        self._commit("MODIFIED", resource, obj, old)
        return obj

    def set_status(self, resource: str, obj: Object, status: Object) -> Object:
        """A controller's usual write: the newest object with this status (no version check)."""
        fresh = copy_of(self.get(resource, namespace_of(obj), name_of(obj)))
        fresh["status"] = status
        return self.update(resource, fresh, subresource="status")

    def mark_deleted(
        self,
        resource: str,
        namespace: str | None,
        name: str,
        *,
        grace_seconds: int | None = None,
        finalizers: Names | None = None,
    ) -> Object:
        """Begin a deletion: gone at once, or deletionTimestamp set while finalizers or a grace period hold it.

        A pod that runs on a node is held for its grace period (None: its terminationGracePeriodSeconds); the kubelet ends
        it with `remove`. Deleting again can only shorten the grace period; 0 removes at once. `finalizers` replaces the
        object's in the same write (foregroundDeletion, orphan).
        """
        old = self.get(resource, namespace, name)
        self._admit("DELETE", resource, None, old)
        grace = self._grace(resource, old, grace_seconds)
        wanted = list(old["metadata"].get("finalizers") or []) if finalizers is None else finalizers
        held = bool(wanted) or namespace_content_holds(resource, old)
        if not held and grace == 0 and resource != "pods":
            gone = self._drop(resource, copy_of(old))
            gone["metadata"]["resourceVersion"] = str(self.version)
            return gone
        obj = copy_of(old)
        meta = obj["metadata"]
        if wanted:
            meta["finalizers"] = wanted
        else:
            meta.pop("finalizers", None)
        begun = "deletionTimestamp" in meta
        unchanged = wanted == (old["metadata"].get("finalizers") or [])
        if begun and unchanged and (held or grace > 0) and grace >= int(meta.get("deletionGracePeriodSeconds") or 0):
            return old
        if not begun or resource == "pods":
            meta["deletionTimestamp"] = self._deletion_time(grace)
        if resource == "namespaces":
            obj.setdefault("status", {})["phase"] = "Terminating"
        else:
            meta["deletionGracePeriodSeconds"] = grace
        if "generation" in meta and not begun:
            meta["generation"] += 1
        self._commit("MODIFIED", resource, obj, old)
        return self._drop(resource, copy_of(obj)) if not held and grace == 0 else obj

    def remove(self, resource: str, namespace: str | None, name: str) -> Object:
        """Take an object out whatever its grace period (finalizers still hold it); the last state is returned."""
        return self.mark_deleted(resource, namespace, name, grace_seconds=0)

    # -- following ---------------------------------------------------------------------------------------------------

    def subscribe(self, callback: Subscriber, *resources: str) -> Subscription:
        """Call `callback(change)` after each write to these resources (none named: all). It may write; it must not block."""
        subscription = Subscription(callback, frozenset(resources) or None, self)
        self._subscriptions.append(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """What `Subscription.cancel` does."""
        self._subscriptions = [one for one in self._subscriptions if one is not subscription]

    def changes_since(self, version: int, resource: str, namespace: str | None = None) -> Changes:
        """Changes after `version`, oldest first. The caller checks `oldest_version` before."""
        found: Changes = []
        for change in reversed(self._history):
            if change.version <= version:
                break
            if change.resource == resource and (not namespace or namespace_of(change.object) == namespace):
                found.append(change)
        found.reverse()
        return found

    def list_at(self, version: int, resource: str, namespace: str | None = None) -> Objects:
        """The list as it was at `version`, by taking later changes back. The caller checks `oldest_version` before."""
        rows = {(namespace_of(o), name_of(o)): o for o in self.each(resource, namespace)}
        for change in reversed(self.changes_since(version, resource, namespace)):
            key = (namespace_of(change.object), name_of(change.object))
            if change.previous is None:
                rows.pop(key, None)
            else:
                rows[key] = change.previous
        return [rows[key] for key in sorted(rows)]

    def forget_history(self) -> None:
        """Drop the history, so that every older version is `410 Gone`: what a compaction of etcd does."""
        self._history.clear()
        self.oldest_version = self.version

    def contents(self) -> Contents:
        """What is in the store now."""
        rows = {name: tuple(entry.object for entry in found.values()) for name, found in self._entries.items()}
        return Contents(self.version, rows)

    def fill(self, contents: Contents) -> None:
        """Hold exactly this from now on. Nobody is told and no admission runs: call it before anyone subscribes."""
        self._entries = {
            name: {(namespace_of(obj), name_of(obj)): _Entry(obj) for obj in rows}
            for name, rows in contents.objects.items()
        }
        self.version = contents.version
        self.forget_history()

    # -- inside ------------------------------------------------------------------------------------------------------

    def _not_found(self, resource: str, name: str) -> ApiError:
        row = BY_RESOURCE[resource]
        return not_found(row.plural, row.group, name)

    def _generated(self, resource: str, meta: Object) -> str:
        taken = self._entries.get(resource, {})
        while True:
            name = str(meta["generateName"])[:58] + random_suffix()
            if (meta.get("namespace") or "", name) not in taken:
                return name

    def _admit(
        self, operation: Operation, resource: str, new: Object | None, old: Object | None, sub: str = ""
    ) -> None:
        for step in self.admission:
            step(operation, resource, new, old, sub)

    def _merged(self, resource: str, obj: Object, old: Object, subresource: str) -> Object:
        """What of `obj` this write may change: all but the status, or only the status (and labels of metadata)."""
        row = BY_RESOURCE[resource]
        obj["apiVersion"], obj["kind"] = row.api_version, row.kind
        if subresource == "status":
            merged = copy_of(old)
            merged.pop("status", None)
            if "status" in obj:
                merged["status"] = obj["status"]
            for key in ("managedFields", "annotations", "labels"):
                if key in obj["metadata"]:
                    merged["metadata"][key] = obj["metadata"][key]
            obj = merged
        elif "status" in row.by_name:
            obj.pop("status", None)
            if "status" in old:
                obj["status"] = old["status"]
        meta, was = obj["metadata"], old["metadata"]
        for owned in ("uid", "creationTimestamp", "generation", "deletionTimestamp", "deletionGracePeriodSeconds",
                      "resourceVersion", "generateName"):  # fmt: skip
            if owned in was:
                meta[owned] = was[owned]
            else:
                meta.pop(owned, None)
        return obj

    def _grace(self, resource: str, old: Object, asked: int | None) -> int:
        if resource != "pods" or not old["spec"].get("nodeName"):
            return 0
        if old.get("status", {}).get("phase") in ("Succeeded", "Failed"):
            return 0
        return int(old["spec"].get("terminationGracePeriodSeconds", 30)) if asked is None else asked

    def _deletion_time(self, grace_seconds: int) -> str:
        return timestamp(self.clock.now() + timedelta(seconds=grace_seconds))

    def _drop(self, resource: str, obj: Object) -> Object:
        # watchers see the last stored state with the version of the deletion; the caller sees what it wrote
        previous = self.get(resource, namespace_of(obj), name_of(obj))
        self._commit("DELETED", resource, copy_of(previous), previous)
        return obj

    def _commit(self, change_type: ChangeType, resource: str, obj: Object, previous: Object | None) -> None:
        self.version += 1
        obj["metadata"]["resourceVersion"] = str(self.version)
        rows = self._entries.setdefault(resource, {})
        key = (namespace_of(obj), name_of(obj))
        if change_type == "DELETED":
            del rows[key]
        else:
            rows[key] = _Entry(obj)
        change = Change(change_type, resource, obj, previous, self.version)
        self._history.append(change)
        while len(self._history) > self._history_size:
            self.oldest_version = self._history.popleft().version
        self._pending.append(change)
        self._deliver()

    def _deliver(self) -> None:
        if self._delivering:
            return
        self._delivering = True
        try:
            while self._pending:
                change = self._pending.popleft()
                for one in list(self._subscriptions):
                    if one.resources is None or change.resource in one.resources:
                        one.callback(change)
        finally:
            self._delivering = False
