"""The names that there are: workloads, Services, nodes and namespaces of every cluster, read now and then, kept for a moment.

Read with the desk's own reader and unnarrowed; ``Known.within`` narrows it to an asker's scope before anything is compared.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from agent.chat.names import WORKLOAD_KINDS, Known, Thing
from knowledge.errors import OpsdeskError
from knowledge.vocabulary import Gap, Json
from tools.collectors.reading import gap_of, kind_of
from tools.ports import Cluster, ResourceKind

KEPT_SECONDS = 30.0
READ_SECONDS = 8.0
MOST_OBJECTS = 5_000
_KINDS = (
    kind_of("", "v1", "namespaces", "Namespace", is_namespaced=False),
    kind_of("", "v1", "nodes", "Node", is_namespaced=False),
    kind_of("", "v1", "services", "Service"),
    kind_of("apps", "v1", "deployments", "Deployment"),
    kind_of("apps", "v1", "statefulsets", "StatefulSet"),
    kind_of("apps", "v1", "daemonsets", "DaemonSet"),
)
_NAME_LABELS = ("app.kubernetes.io/name", "app", "serving.kserve.io/inferenceservice")
_SERVED = re.compile(r"^--(?:served-model-name|model-name)(?:=(.+))?$")
_USUAL = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._/-]{1,80}$")


@dataclass
class _Kept:
    things: tuple[Thing, ...] = ()
    gaps: tuple[Gap, ...] = ()
    until: float = 0.0
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class Inventory:
    """One for a process. ``known`` never raises: what could not be read is a gap, and the names of last time stand in."""

    def __init__(self, clusters: Mapping[str, Cluster], *, kept_seconds: float = KEPT_SECONDS) -> None:
        self._clusters = clusters
        self._kept_seconds = kept_seconds
        self._kept = {name: _Kept() for name in clusters}

    async def known(self, names: Iterable[str]) -> tuple[Known, tuple[Gap, ...]]:
        wanted = [name for name in names if name in self._kept]
        await asyncio.gather(*(self._read(name) for name in wanted))
        things = [thing for name in wanted for thing in self._kept[name].things]
        return Known.of(things, wanted), tuple(gap for name in wanted for gap in self._kept[name].gaps)

    async def _read(self, name: str) -> None:
        kept = self._kept[name]
        async with kept.turn:
            if time.monotonic() < kept.until:
                return
            found: list[Thing] = []
            gaps: list[Gap] = []
            cluster = self._clusters[name]
            for things, gap in await asyncio.gather(*(_listed(cluster, kind) for kind in _KINDS)):
                found += things
                gaps += [gap] if gap is not None else []
            if not found and gaps:
                found = list(kept.things)
                gaps = gaps[:1]
            kept.things, kept.gaps = tuple(found), tuple(gaps)
            kept.until = time.monotonic() + (self._kept_seconds if not gaps else self._kept_seconds / 6)


async def _listed(cluster: Cluster, kind: ResourceKind) -> tuple[list[Thing], Gap | None]:
    try:
        async with asyncio.timeout(READ_SECONDS):
            listing = await cluster.reader.list(kind, limit=MOST_OBJECTS)
    except (OpsdeskError, TimeoutError) as error:
        return [], gap_of("names", f"list {kind.resource}", error)
    return [_thing(cluster.name, kind.kind, item) for item in listing.items], None


def _thing(cluster: str, kind: str, item: Json) -> Thing:
    metadata = item.get("metadata") or {}
    name = str(metadata.get("name", ""))
    aliases = _aliases(item) if kind in WORKLOAD_KINDS else ()
    return Thing(
        cluster, kind, str(metadata.get("namespace") or ""), name, tuple(one for one in aliases if one.lower() != name)
    )


def _aliases(item: Json) -> tuple[str, ...]:
    """What the workload calls itself: its name label, and the model names that it serves."""
    labels = (item.get("metadata") or {}).get("labels") or {}
    found = [str(labels[label]) for label in _NAME_LABELS if labels.get(label)]
    spec = ((item.get("spec") or {}).get("template") or {}).get("spec") or {}
    found += served_names(spec.get("containers") or ())
    return tuple(dict.fromkeys(one for one in found if _USUAL.match(one)))


def served_names(containers: Iterable[Json]) -> list[str]:
    """Model names that the containers' commands say they serve. Nothing else of a command line is ever told."""
    found = []
    for container in containers:
        words = [str(one) for one in (*(container.get("command") or ()), *(container.get("args") or ()))]
        for number, word in enumerate(words):
            served = _SERVED.match(word)
            if served:
                value = served.group(1) or (words[number + 1] if number + 1 < len(words) else "")
                found.append(value.rsplit("/", 1)[-1])
    return [one for one in dict.fromkeys(found) if _USUAL.match(one)]
