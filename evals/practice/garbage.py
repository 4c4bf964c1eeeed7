"""The garbage collector: what is owned goes with its owner, in the background, in the foreground, or is set free."""

from __future__ import annotations

import logging
from typing import Any

from evals.practice.clock import Clock, Timer
from evals.practice.errors import ApiError
from evals.practice.kinds import BY_RESOURCE, resource_of
from evals.practice.store import Change, Key, Store, copy_of

Object = dict[str, Any]
_LOG = logging.getLogger(__name__)
_FOREGROUND, _ORPHAN = "foregroundDeletion", "orphan"
_DELAY_SECONDS = 0.01


class GarbageCollector:
    """Follows every change; works a moment later, as the real one does, so that a client sees the steps."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._dependents: dict[str, set[Key]] = {}
        self._live: set[str] = set()
        self._waiting: dict[str, Key] = {}
        """uid -> key of the owners that are deleted in the foreground"""
        self._todo: dict[Key, None] = {}
        self._timer: Timer | None = None
        for resource in BY_RESOURCE:
            for obj in store.each(resource):
                self._learn(resource, obj)
        self._subscription = store.subscribe(self._follow)

    def stop(self) -> None:
        """No change is made to the store afterwards."""
        self._subscription.cancel()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _learn(self, resource: str, obj: Object) -> None:
        meta = obj["metadata"]
        self._live.add(meta["uid"])
        key = (resource, meta.get("namespace") or "", meta["name"])
        for reference in meta.get("ownerReferences") or ():
            self._dependents.setdefault(reference["uid"], set()).add(key)

    def _follow(self, change: Change) -> None:
        if change.resource == "events":
            return
        meta = change.object["metadata"]
        key, uid = change.key, meta["uid"]
        before = {one["uid"] for one in ((change.previous or {}).get("metadata") or {}).get("ownerReferences") or ()}
        if change.type == "DELETED":
            self._live.discard(uid)
            self._waiting.pop(uid, None)
            for owner in before:
                self._forget(owner, key)
                self._recheck_owner(owner)
            for dependent in self._dependents.get(uid, ()):
                self._queue(dependent)
            return
        self._learn(change.resource, change.object)
        after = {one["uid"] for one in meta.get("ownerReferences") or ()}
        for owner in before - after:
            self._forget(owner, key)
            self._recheck_owner(owner)
        if after and (after != before or meta.get("deletionTimestamp")):
            self._queue(key)
            if meta.get("deletionTimestamp"):
                for owner in after:
                    self._recheck_owner(owner)
        if meta.get("deletionTimestamp") and {_FOREGROUND, _ORPHAN} & set(meta.get("finalizers") or ()):
            self._queue(key)

    def _forget(self, owner: str, key: Key) -> None:
        rows = self._dependents.get(owner)
        if rows is not None:
            rows.discard(key)
            if not rows:
                del self._dependents[owner]

    def _recheck_owner(self, uid: str) -> None:
        """An owner that is deleted in the foreground waits for its dependents."""
        key = self._waiting.get(uid)
        if key is not None:
            self._queue(key)

    def _queue(self, key: Key) -> None:
        self._todo[key] = None
        if self._timer is None:
            self._timer = self._clock.call_later(_DELAY_SECONDS, self._work)

    def _work(self) -> None:
        self._timer = None
        todo, self._todo = self._todo, {}
        for key in todo:
            obj = self._store.find(*key)
            if obj is None:
                continue
            try:
                self._collect(key, obj)
            except ApiError as error:  # a concurrent write or a protected object; the next change asks again
                _LOG.debug("collecting %s: %s", key, error)

    def _collect(self, key: Key, obj: Object) -> None:
        meta = obj["metadata"]
        finalizers = meta.get("finalizers") or []
        if meta.get("deletionTimestamp"):
            if _ORPHAN in finalizers:
                self._set_free(key, obj)
            elif _FOREGROUND in finalizers:
                self._delete_dependents(key, obj)
            return
        self._check_owners(key, obj)

    def _set_free(self, key: Key, obj: Object) -> None:
        uid = obj["metadata"]["uid"]
        for dependent in sorted(self._dependents.get(uid, ())):
            found = self._store.find(*dependent)
            if found is not None:
                self._drop_references(dependent, found, {uid})
        self._drop_finalizer(key, _ORPHAN)

    def _delete_dependents(self, key: Key, obj: Object) -> None:
        uid = obj["metadata"]["uid"]
        self._waiting[uid] = key
        for dependent in sorted(self._dependents.get(uid, ())):
            found = self._store.find(*dependent)
            if found is not None and not found["metadata"].get("deletionTimestamp"):
                self._check_owners(dependent, found)
        if not any(self._blocks(one, uid) for one in self._dependents.get(uid, ())):
            self._waiting.pop(uid, None)
            self._drop_finalizer(key, _FOREGROUND)

    def _blocks(self, key: Key, uid: str) -> bool:
        found = self._store.find(*key)
        references = found["metadata"].get("ownerReferences") or () if found else ()
        return any(one["uid"] == uid and one.get("blockOwnerDeletion") for one in references)

    def _check_owners(self, key: Key, obj: Object) -> None:
        """Delete what has no owner left; take references to owners that are gone out of what has others."""
        references = obj["metadata"].get("ownerReferences") or []
        if not references:
            return
        solid, gone, leaving = [], set(), set()
        for one in references:
            owner = self._owner(one, obj)
            if owner is None:
                gone.add(one["uid"])
            elif _FOREGROUND in (owner["metadata"].get("finalizers") or []) and owner["metadata"].get(
                "deletionTimestamp"
            ):
                leaving.add(one["uid"])
            else:
                solid.append(one)
        if solid:
            if gone | leaving:
                self._drop_references(key, obj, gone | leaving)
            return
        in_foreground = bool(leaving) and bool(self._dependents.get(obj["metadata"]["uid"]))
        self._delete(key, obj, in_foreground)

    def _owner(self, reference: Object, obj: Object) -> Object | None:
        if reference["uid"] not in self._live:
            return None
        resource = resource_of(reference.get("apiVersion", ""), reference.get("kind", ""))
        if resource is None:
            return None
        namespace = obj["metadata"].get("namespace") if BY_RESOURCE[resource].namespaced else None
        found = self._store.find(resource, namespace, reference["name"])
        return found if found is not None and found["metadata"]["uid"] == reference["uid"] else None

    def _delete(self, key: Key, obj: Object, in_foreground: bool) -> None:
        held = obj["metadata"].get("finalizers") or []
        if in_foreground and _FOREGROUND not in held:
            self._store.mark_deleted(*key, finalizers=[*[one for one in held if one != _ORPHAN], _FOREGROUND])
        else:
            self._store.mark_deleted(*key)

    def _drop_references(self, key: Key, obj: Object, uids: set[str]) -> None:
        fresh = copy_of(obj)
        kept = [one for one in fresh["metadata"].get("ownerReferences") or [] if one["uid"] not in uids]
        if kept:
            fresh["metadata"]["ownerReferences"] = kept
        else:
            fresh["metadata"].pop("ownerReferences", None)
        self._store.update(key[0], fresh)

    def _drop_finalizer(self, key: Key, name: str) -> None:
        found = self._store.find(*key)
        if found is None:
            return
        fresh = copy_of(found)
        kept = [one for one in fresh["metadata"].get("finalizers") or [] if one != name]
        if kept:
            fresh["metadata"]["finalizers"] = kept
        else:
            fresh["metadata"].pop("finalizers", None)
        self._store.update(key[0], fresh)
