"""The life of a namespace: what it begins with, and how its content goes before it does."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

from evals.practice.clock import Clock, Timer, timestamp
from evals.practice.errors import ApiError
from evals.practice.kinds import BY_RESOURCE
from evals.practice.store import Change, Store, copy_of, name_of, namespace_of

Object = dict[str, Any]
_LOG = logging.getLogger(__name__)
ROOT_CA = "kube-root-ca.crt"
_DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal "
    "service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters."
)
_CERTIFICATE = (
    "-----BEGIN CERTIFICATE-----\n"
    "bm8gY2VydGlmaWNhdGU6IHByYWN0aWNlIGNsdXN0ZXJzIHNwZWFrIHBsYWluIEhUVFA=\n"
    "-----END CERTIFICATE-----\n"
)
_DELAY_SECONDS = 0.01
_RESOURCES = sorted(key for key, row in BY_RESOURCE.items() if row.namespaced and not row.virtual and not row.stored_as)


class NamespaceController:
    """Gives every namespace its default ServiceAccount and root certificate, and empties it when it is deleted."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._leaving: set[str] = set()
        self._timer: Timer | None = None
        self._subscription = store.subscribe(self._follow)
        for namespace in store.list("namespaces"):
            self._look_after(namespace)

    def stop(self) -> None:
        """No change is made to the store afterwards."""
        self._subscription.cancel()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _follow(self, change: Change) -> None:
        if change.resource == "namespaces":
            if change.type == "DELETED":
                self._leaving.discard(name_of(change.object))
            else:
                self._look_after(change.object)
        elif change.type == "DELETED":
            namespace = namespace_of(change.object)
            if namespace in self._leaving:
                self._wake()
            elif change.key[0] in ("serviceaccounts", "configmaps") and namespace:
                found = self._store.find("namespaces", None, namespace)
                if found is not None:
                    self._look_after(found)

    def _look_after(self, namespace: Object) -> None:
        name = name_of(namespace)
        if "deletionTimestamp" in namespace["metadata"]:
            self._leaving.add(name)
            self._wake()
            return
        if self._store.find("serviceaccounts", name, "default") is None:
            self._store.create("serviceaccounts", {"metadata": {"name": "default", "namespace": name}})
        if self._store.find("configmaps", name, ROOT_CA) is None:
            meta = {"name": ROOT_CA, "namespace": name, "annotations": {"kubernetes.io/description": _DESCRIPTION}}
            self._store.create("configmaps", {"metadata": meta, "data": {"ca.crt": _CERTIFICATE}})

    def _wake(self) -> None:
        if self._timer is None:
            self._timer = self._clock.call_later(_DELAY_SECONDS, self._work)

    def _work(self) -> None:
        self._timer = None
        for name in sorted(self._leaving):
            try:
                self._empty(name)
            except ApiError as error:  # a concurrent write; the next deletion in the namespace asks again
                _LOG.debug("emptying the namespace %s: %s", name, error)

    def _empty(self, name: str) -> None:
        """Delete all content; the namespace itself when nothing is left."""
        for resource in _RESOURCES:
            for obj in self._store.list(resource, name):
                if "deletionTimestamp" not in obj["metadata"]:
                    self._store.mark_deleted(resource, name, name_of(obj))
        remaining = {r: rows for r in _RESOURCES if (rows := self._store.list(r, name))}
        namespace = self._store.find("namespaces", None, name)
        if namespace is None:
            return
        if remaining:
            self._tell(namespace, remaining)
            return
        fresh = copy_of(namespace)
        fresh["spec"].pop("finalizers", None)
        self._store.update("namespaces", fresh, subresource="finalize")

    def _tell(self, namespace: Object, remaining: dict[str, list[Object]]) -> None:
        status = copy_of(namespace).get("status", {})
        had = {row["type"]: row for row in status.get("conditions") or ()}
        now = timestamp(self._clock.now())
        rows = _conditions(remaining)
        for row in rows:
            before = had.get(row["type"])
            row["lastTransitionTime"] = (
                before["lastTransitionTime"] if before and before["status"] == row["status"] else now
            )
        status.update(phase="Terminating", conditions=rows)
        self._store.set_status("namespaces", namespace, status)


def _conditions(remaining: dict[str, list[Object]]) -> list[Object]:
    """What a namespace says of its end, in the server's words."""
    counts = ", ".join(f"{_dotted(one)} has {len(rows)} resource instances" for one, rows in sorted(remaining.items()))
    held = Counter(
        one for rows in remaining.values() for obj in rows for one in obj["metadata"].get("finalizers") or ()
    )
    found = [
        _row(
            "NamespaceDeletionDiscoveryFailure", False, "ResourcesDiscovered", "All resources successfully discovered"
        ),
        _row(
            "NamespaceDeletionGroupVersionParsingFailure",
            False,
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
        ),
        _row(
            "NamespaceDeletionContentFailure",
            False,
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization",
        ),
        _row("NamespaceContentRemaining", True, "SomeResourcesRemain", f"Some resources are remaining: {counts}"),
    ]
    if held:
        names = ", ".join(f"{name} in {number} resource instances" for name, number in sorted(held.items()))
        text = f"Some content in the namespace has finalizers remaining: {names}"
        found.append(_row("NamespaceFinalizersRemaining", True, "SomeFinalizersRemain", text))
    else:
        text = "All content-preserving finalizers finished"
        found.append(_row("NamespaceFinalizersRemaining", False, "ContentHasNoFinalizers", text))
    return found


def _dotted(resource: str) -> str:
    """`configmaps` reads `configmaps.`: plural, dot, group."""
    return resource if "." in resource else resource + "."


def _row(kind: str, is_true: bool, reason: str, message: str) -> Object:
    return {"type": kind, "status": "True" if is_true else "False", "reason": reason, "message": message}
