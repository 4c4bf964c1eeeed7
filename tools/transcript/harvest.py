"""What has been read so far: objects as told at different depths, events, logs, alerts and gaps."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from enum import IntEnum

from knowledge.vocabulary import Alert, Gap, Json, digest_of
from tools.ports import Series
from tools.transcript.changes import Move
from tools.transcript.kinds import Kind, kind_named
from tools.transcript.times import before, rfc3339

Key = tuple[str, str, str]
MAX_GAPS = 300
"""Where nothing can be read, three hundred times saying so is enough."""
_PLACE = re.compile(r"(spec\.\w+\{[^}]{1,80}\}): ")


class Depth(IntEnum):
    """How much of an object an output tells. A manifest tells what was meant, not what is there."""

    MENTION = 0
    MANIFEST = 1
    TABLE = 2
    DESCRIBE = 3
    FULL = 4


@dataclass(slots=True)
class Told:
    item: Json
    depth: Depth
    line: int


@dataclass(slots=True)
class Spoken:
    """Lines of a log before it is known whose: a pod's name, a selector (``app=web``), a workload, or a node."""

    text: str
    namespace: str = ""
    pod: str = ""
    workload: tuple[str, str] = ("", "")
    selector: dict[str, str] = field(default_factory=dict)
    container: str = ""
    node: str = ""
    is_previous: bool = False


@dataclass(slots=True)
class Harvest:
    cluster: str
    namespace: str
    zone: tzinfo
    now: datetime
    """The moment of the output that is being read."""
    line: int = 1
    has_commands: bool = False
    """Whether outputs stand between what people say: then words that cannot be read are theirs, and no gap."""
    objects: dict[Key, list[Told]] = field(default_factory=dict)
    events: dict[tuple[str, ...], Json] = field(default_factory=dict)
    logs: list[Spoken] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    _gaps_seen: set[Gap] = field(default_factory=set)
    usage: dict[str, list[Series]] = field(default_factory=dict)
    """Series by the metric collector's keys: ``container_memory``."""
    listed: set[tuple[str, str]] = field(default_factory=set)
    """(kind, namespace) that were listed whole; namespace ``*`` for all, or for kinds without one."""
    facts: int = 0
    changes: list[tuple[Move, str]] = field(default_factory=list)
    """Changes told in plain sentences, with the line: whom they are about is known when all objects are."""

    def put(self, item: Json, depth: Depth) -> Json:
        """Keeps an object; a namespaced one without a namespace is of the paste's own."""
        metadata = item.setdefault("metadata", {})
        row = kind_named(str(item.get("kind", "")), str(item.get("apiVersion", "")))
        item.setdefault("apiVersion", row.api_version)
        if row.is_namespaced and item["apiVersion"] != "opsdesk/v1":
            metadata["namespace"] = str(metadata.get("namespace") or self.namespace)
        elif not row.is_namespaced:
            metadata.pop("namespace", None)
        key = (str(item["kind"]), str(metadata.get("namespace") or ""), str(metadata.get("name") or ""))
        if key[2]:
            self.objects.setdefault(key, []).append(Told(item, depth, self.line))
            self.facts += 1
        return item

    def put_pseudo(self, kind: str, name: str, spec: Json, status: Json | None = None, namespace: str = "") -> None:
        """A fact that no API object tells, in the shape that detectors and topology know."""
        item: Json = {"apiVersion": "opsdesk/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}
        if namespace:
            item["metadata"]["namespace"] = namespace
        if status is not None:
            item["status"] = status
        self.put(item, Depth.FULL)

    def mark_listed(self, kind: Kind, namespace: str) -> None:
        self.listed.add((kind.kind, namespace if kind.is_namespaced else "*"))

    def gap(self, source: str, query: str, reason: str, next_step: str = "") -> None:
        gap = Gap(source=source, query=query[:300], reason=reason[:600], next_step=next_step[:300])
        if len(self._gaps_seen) < MAX_GAPS and gap not in self._gaps_seen:
            self._gaps_seen.add(gap)
            self.gaps.append(gap)

    def ago(self, age: str) -> str | None:
        return rfc3339(before(self.now, age))

    def put_event(
        self, kind: str, namespace: str, name: str, *, reason: str, message: str, type: str = "Normal",
        first: str | None = None, last: str | None = None, count: int = 1, source: str = "", uid: str = "",
    ) -> None:  # fmt: skip
        """An event told again (by ``describe`` and by ``get events``) is the same one, with the longer history."""
        place = ""
        if message.startswith("spec.") and (found := _PLACE.match(message)):
            # Newer kubectl puts the container before the message.
            place, message = found.group(1), message[found.end() :]
        key = (kind, namespace, name, reason, " ".join(message.split())[:400])
        self.facts += 1
        known = self.events.get(key)
        if known is not None:
            known["count"] = max(int(known.get("count", 1)), count)
            known["lastTimestamp"] = max(str(known.get("lastTimestamp") or ""), last or "") or None
            firsts = [each for each in (known.get("firstTimestamp"), first) if each]
            known["firstTimestamp"] = min(firsts) if firsts else None
            if source and not known["source"].get("component"):
                known["source"] = {"component": source}
            return
        about: Json = {"kind": kind, "name": name, "apiVersion": kind_named(kind).api_version}
        if namespace:
            about["namespace"] = namespace
        if uid:
            about["uid"] = uid
        if place:
            about["fieldPath"] = place
        self.events[key] = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{name}.{digest_of(list(key))[7:19]}", "namespace": namespace or "default"},
            "involvedObject": about,
            "type": type or "Normal",
            "reason": reason,
            "message": message,
            "count": count,
            "firstTimestamp": first or last,
            "lastTimestamp": last or first,
            "source": {"component": source} if source else {},
        }
