"""A snapshot as the detectors look at it: who is well, who owns whom, who is selected. Computed once, asked often."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from operator import itemgetter
from typing import Any

from knowledge.vocabulary import Json, ObjectRef
from tools.contracts import Snapshot
from tools.detectors.wellness import condition_of, is_well, read_time

WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job")
"""Where a climb over ownerReferences ends: the object whose template a fault is in."""

UNREADABLE = frozenset({"Secret"})
"""Kinds that the reader has no right to: nothing can be concluded from not seeing one."""


class Scene:
    """Everything is lazy: a snapshot in which no detector asks for Services never indexes them."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.now = snapshot.taken_at
        self._well: dict[int, bool] = {}
        self._owners: dict[int, Json | None] = {}
        # The item stands beside its answer, so that no other object can come to bear its id.
        self._references: dict[int, tuple[Json, ObjectRef]] = {}
        self._workloads: dict[int, tuple[Json, ObjectRef]] = {}
        self._labelled: dict[str, dict[tuple[str, str], list[Json]]] = {}
        self._families: dict[str, Mapping[str, Sequence[tuple[int, Json]]]] = {}
        self._values: dict[tuple[str, str], dict[str, set[Any]]] = {}
        self._selected: dict[tuple[str, frozenset[tuple[str, str]]], list[Json]] = {}
        self.memo: dict[Any, Any] = {}
        """What judgements of this folder found out once and ask for again, each under a key that begins with its own name."""

    def is_well(self, item: Json) -> bool:
        known = self._well.get(id(item))
        if known is None:
            known = self._well[id(item)] = is_well(item, self.now) or self._is_attempt_of_finished_job(item)
        return known

    def _is_attempt_of_finished_job(self, item: Json) -> bool:
        """A failed attempt at what succeeded at last: the Job is complete, and its past is over."""
        if item.get("kind") != "Pod":
            return False
        owner = self.owner_of(item)
        return (
            owner is not None and owner.get("kind") == "Job" and condition_of(owner, "Complete").get("status") == "True"
        )

    def find(self, reference: ObjectRef) -> Json | None:
        return self.snapshot.find(reference.kind, reference.namespace, reference.name)

    def owner_of(self, item: Json) -> Json | None:
        """The controlling owner that was gathered."""
        if id(item) not in self._owners:
            metadata = item.get("metadata") or {}
            owners = metadata.get("ownerReferences") or ()
            chosen = next((one for one in owners if one.get("controller")), owners[0] if owners else None)
            namespace = metadata.get("namespace", "")
            found = self.snapshot.find(chosen["kind"], namespace, chosen["name"]) if chosen else None
            self._owners[id(item)] = found
        return self._owners[id(item)]

    def reference(self, item: Json) -> ObjectRef:
        known = self._references.get(id(item))
        if known is None:
            known = self._references[id(item)] = item, self.snapshot.reference(item)
        return known[1]

    def workload_of(self, item: Json) -> ObjectRef:
        """The workload whose template made the object; the object itself when it has none. An owner that was not gathered
        is still named, except a ReplicaSet, whose Deployment nobody could tell."""
        known = self._workloads.get(id(item))
        if known is None:
            owner = self.owner_of(item) if item.get("kind") == "Pod" else None
            # Replicas climb from their common owner on, which is done once.
            is_shared = owner is not None and owner.get("kind") != "Pod"
            climbed = self.workload_of(owner) if owner is not None and is_shared else self._climbed(item)
            known = self._workloads[id(item)] = item, climbed
        return known[1]

    def _climbed(self, item: Json) -> ObjectRef:
        here = item
        for _ in range(4):
            if here.get("kind") in WORKLOADS:
                break
            owner = self.owner_of(here)
            if owner is None:
                return self._named_owner(here)
            here = owner
        return self.reference(here)

    def _named_owner(self, item: Json) -> ObjectRef:
        metadata = item.get("metadata") or {}
        for owner in metadata.get("ownerReferences") or ():
            if owner.get("controller", True) and owner.get("kind") in WORKLOADS:
                return ObjectRef(
                    cluster=self.snapshot.cluster,
                    kind=owner["kind"],
                    namespace=metadata.get("namespace", ""),
                    name=owner["name"],
                    api_version=owner.get("apiVersion", ""),
                    uid=owner.get("uid", ""),
                )
        return self.reference(item)

    def of_families(self, kind: str, families: Collection[str]) -> Sequence[Json]:
        """Objects of a kind whose workload (or who themselves) bear one of these keys, in the snapshot's order."""
        known = self._families.get(kind)
        if known is None:
            by_family: dict[str, list[tuple[int, Json]]] = defaultdict(list)
            for place, item in enumerate(self.snapshot.of_kind(kind)):
                by_family[self.workload_of(item).key].append((place, item))
            known = self._families[kind] = by_family
        found = [placed for family in set(families) for placed in known.get(family, ())]
        return [item for _, item in sorted(found, key=itemgetter(0))]

    @cached_property
    def pods_by_workload(self) -> Mapping[str, Sequence[Json]]:
        found: dict[str, list[Json]] = defaultdict(list)
        for pod in self.snapshot.of_kind("Pod"):
            found[self.workload_of(pod).key].append(pod)
        return found

    @cached_property
    def nodes_of_unwell_gpu_pods(self) -> frozenset[str]:
        return frozenset(
            str((pod.get("spec") or {}).get("nodeName", ""))
            for pod in self.snapshot.of_kind("Pod")
            if not self.is_well(pod) and _uses_gpu(pod)
        )

    @cached_property
    def replica_sets(self) -> Mapping[tuple[str, str], Sequence[Json]]:
        """By namespace and name of the Deployment that owns them."""
        found: dict[tuple[str, str], list[Json]] = defaultdict(list)
        for item in self.snapshot.of_kind("ReplicaSet"):
            metadata = item.get("metadata") or {}
            owners = metadata.get("ownerReferences") or ()
            for name in {owner.get("name", "") for owner in owners if owner.get("kind") == "Deployment"}:
                found[metadata.get("namespace", ""), name].append(item)
        return found

    @cached_property
    def _services_with_selectors(self) -> Mapping[str, Sequence[tuple[Mapping[str, str], Json]]]:
        found: dict[str, list[tuple[Mapping[str, str], Json]]] = defaultdict(list)
        for item in self.snapshot.of_kind("Service"):
            if selector := (item.get("spec") or {}).get("selector"):
                found[namespace_of(item)].append((selector, item))
        return found

    def services_of(self, pod: Json) -> Sequence[Json]:
        """The Services whose selector the pod's labels fulfil."""
        labels = ((pod.get("metadata") or {}).get("labels") or {}).items()
        here = self._services_with_selectors.get(namespace_of(pod), ())
        return [service for selector, service in here if selector.items() <= labels]

    def _pods_by_label(self, label: str) -> Mapping[tuple[str, str], list[Json]]:
        """By namespace and value of one label: selectors of a cluster use few of the many that pods carry."""
        known = self._labelled.get(label)
        if known is None:
            known = self._labelled[label] = defaultdict(list)
            for pod in self.snapshot.of_kind("Pod"):
                metadata = pod.get("metadata") or {}
                value = (metadata.get("labels") or {}).get(label)
                if value is not None:
                    known[metadata.get("namespace", ""), value].append(pod)
        return known

    def selected_pods(self, namespace: str, selector: Mapping[str, str]) -> list[Json]:
        """Pods of the namespace that carry every label of the selector; an empty selector selects nothing here."""
        if not selector:
            return []
        key = namespace, frozenset(selector.items())
        known = self._selected.get(key)
        if known is None:
            known = self._selected[key] = self._fulfilling(namespace, selector)
        return known

    def _fulfilling(self, namespace: str, selector: Mapping[str, str]) -> list[Json]:
        sets = [self._pods_by_label(key).get((namespace, value), []) for key, value in selector.items()]
        smallest = min(sets, key=len)
        return [
            pod
            for pod in smallest
            if all((pod["metadata"].get("labels") or {}).get(key) == value for key, value in selector.items())
        ]

    def wanted_replicas(self, namespace: str, selector: Mapping[str, str]) -> int | None:
        """How many pods the workloads want whose templates carry the selector's labels; None when there is no such one."""
        here = self._templates.get(namespace, ())
        wanted = [replicas for labels, replicas in here if selector.items() <= labels.items()]
        return sum(wanted) if wanted else None

    @cached_property
    def _templates(self) -> Mapping[str, Sequence[tuple[Mapping[str, str], int]]]:
        """By namespace: the labels of each workload's template, and how many pods it wants."""
        found: dict[str, list[tuple[Mapping[str, str], int]]] = defaultdict(list)
        for kind in WORKLOADS:
            for item in self.snapshot.of_kind(kind):
                found[namespace_of(item)].append((_template_labels(item), (item.get("spec") or {}).get("replicas", 1)))
        return found

    @cached_property
    def pods_with_logs(self) -> frozenset[tuple[str, str]]:
        return frozenset((log.object.namespace, log.object.name) for log in self.snapshot.logs)

    def names_unknown(self, kind: str) -> bool:
        """Whether "not there" cannot be told from "not read": unreadable kinds, kinds with a gap, kinds never gathered."""
        if kind in UNREADABLE or not self.snapshot.of_kind(kind):
            return True
        plural = kind.lower() + ("es" if kind.endswith("s") else "s")
        return f"list {plural}" in self._gap_words

    @cached_property
    def _gap_words(self) -> str:
        return " ".join(f"{gap.source} {gap.query}".lower() for gap in self.snapshot.gaps)

    def values(self, kind: str, path: Any, namespace: str) -> set[Any]:
        """All values at a path among the objects of a kind in one namespace (cluster-scoped: namespace empty)."""
        by_namespace = self._values.get((kind, path.text))
        if by_namespace is None:
            by_namespace = defaultdict(set)
            for item in self.snapshot.of_kind(kind):
                found = (value for value in path.values(item, item) if isinstance(value, (str, int)))
                by_namespace[(item.get("metadata") or {}).get("namespace", "")].update(found)
            self._values[kind, path.text] = by_namespace
        return by_namespace.get(namespace, set()) | (by_namespace.get("", set()) if namespace else set())


def _template_labels(item: Json) -> dict[str, str]:
    template = (item.get("spec") or {}).get("template") or {}
    return (template.get("metadata") or {}).get("labels") or {}


def _uses_gpu(pod: Json) -> bool:
    spec = pod.get("spec") or {}
    if "nvidia" in str(spec.get("runtimeClassName", "")):
        return True
    return any(
        name.endswith("/gpu") or "/mig-" in name or "/gpu." in name
        for container in spec.get("containers") or ()
        for amounts in (container.get("resources") or {}).values()
        if isinstance(amounts, dict)
        for name in amounts
    )


def namespace_of(item: Json) -> str:
    return str((item.get("metadata") or {}).get("namespace", ""))


def name_of(item: Json) -> str:
    return str((item.get("metadata") or {}).get("name", ""))


__all__ = ["WORKLOADS", "Scene", "name_of", "namespace_of", "read_time"]
