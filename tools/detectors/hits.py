"""What one signal saw on one object: who, since when, with which facts, and how to cite it (only when it is used)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from knowledge.vocabulary import Json, ObjectRef
from tools.detectors.scene import Scene
from tools.redaction import redact_text

Cite = Callable[[], str]


@dataclass(slots=True)
class Hit:
    """``item`` is the raw object when it was gathered."""

    reference: ObjectRef
    item: Json | None
    facts: dict[str, str]
    began_at: datetime | None
    cites: tuple[Cite, ...]
    family: str = ""

    def settle(self, scene: Scene) -> Hit:
        """Fills in the family: the workload whose template made the object."""
        if not self.family:
            self.family = scene.workload_of(self.item).key if self.item is not None else self.reference.key
        return self


@dataclass(slots=True)
class HitTable:
    """Hits per signal, in the order of the library's list of signals."""

    by_signal: dict[int, list[Hit]] = field(default_factory=dict)

    def add(self, signal: int, hit: Hit) -> None:
        self.by_signal.setdefault(signal, []).append(hit)

    def of(self, signal: int) -> Sequence[Hit]:
        return self.by_signal.get(signal, ())


def joined(parts: Sequence[Sequence[Hit]]) -> list[Hit]:
    """Hits of every part on the same object, or on objects of one family when one of them is not a Pod; a container that
    both name must be the same one."""
    result = list(parts[0])
    for part in parts[1:]:
        by_family: dict[str, list[Hit]] = {}
        for hit in part:
            by_family.setdefault(hit.family, []).append(hit)
        result = [
            _merged(left, right) for left in result for right in by_family.get(left.family, ()) if _agree(left, right)
        ]
        if not result:
            return []
    return result


def _agree(left: Hit, right: Hit) -> bool:
    if left.reference.kind == right.reference.kind and left.reference.key != right.reference.key:
        return False
    return all(
        left.facts[name] == right.facts[name]
        for name in ("container",)
        if left.facts.keys() & right.facts.keys() & {name}
    )


def _merged(left: Hit, right: Hit) -> Hit:
    """The hit on the more specific object (a Pod before its workload), with both one's facts and citations."""
    main, other = (right, left) if right.reference.kind == "Pod" and left.reference.kind != "Pod" else (left, right)
    return Hit(
        reference=main.reference,
        item=main.item,
        facts={**other.facts, **{name: value for name, value in main.facts.items() if value}},
        began_at=earliest([left.began_at, right.began_at]),
        cites=(*left.cites, *right.cites),
        family=main.family,
    )


def named_groups(groups: Mapping[str, str | None] | Mapping[bytes, bytes | None]) -> dict[str, str]:
    """The named groups that took part in a match, redacted. ``host2`` is another spelling of where ``host`` stands."""
    found: dict[str, str] = {}
    for name, value in groups.items():
        if value:
            text = value.decode(errors="replace") if isinstance(value, bytes) else value
            word = name.decode() if isinstance(name, bytes) else name
            found.setdefault(word.rstrip("0123456789"), redact_text(text))
    return found


def earliest(times: Iterable[datetime | None]) -> datetime | None:
    known = [time for time in times if time is not None]
    return min(known) if known else None


def reference_from_labels(cluster: str, labels: Mapping[str, str], about: str = "any") -> ObjectRef | None:
    """The object that a series' or an alert's labels speak of: the most specific one they name, or of the kind asked for.

    ``instance`` is whoever was scraped: it names a node only where a node was asked for."""
    namespace = labels.get("namespace") or labels.get("exported_namespace") or ""
    for kind, names in LABELS_OF_KIND.items():
        if about not in ("any", kind):
            continue
        usable = [label for label in names if about != "any" or label != "instance"]
        name = next((labels[label] for label in usable if labels.get(label)), "")
        if name:
            is_global = kind in ("Node", "GPU")
            if kind == "Node":
                name = name.rsplit(":", 1)[0]
            return ObjectRef(cluster=cluster, kind=kind, namespace="" if is_global else namespace, name=name)
    return None


def named_reference(cluster: str, text: str) -> ObjectRef | None:
    """``Service/default/kubernetes``, written in a detector for what has no labels; None for an empty text."""
    kind, _, rest = text.partition("/")
    namespace, _, name = rest.partition("/")
    return ObjectRef(cluster=cluster, kind=kind, namespace=namespace, name=name) if name else None


LABELS_OF_KIND: dict[str, tuple[str, ...]] = {
    "Pod": ("pod", "exported_pod", "pod_name"),
    "PersistentVolumeClaim": ("persistentvolumeclaim",),
    "Deployment": ("deployment",),
    "StatefulSet": ("statefulset",),
    "DaemonSet": ("daemonset",),
    "Job": ("job_name",),
    "HorizontalPodAutoscaler": ("horizontalpodautoscaler", "hpa"),
    "Ingress": ("ingress",),
    "Certificate": ("certificate",),
    "Node": ("node", "Hostname", "kubernetes_node", "nodename", "instance"),
    "Service": ("service", "destination_service_name", "model_name", "litellm_model_name", "job", "app", "model"),
}
