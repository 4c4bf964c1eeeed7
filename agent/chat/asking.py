"""What an answer is made with: the ports, who asks, and what was read for it. Every read goes through here, within the asker's scope."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol

from agent.chat.names import WORKLOAD_KINDS, Known, Thing
from agent.chat.reply import Answered, Block, Citation, Offer, Offers, Progress, Said
from agent.chat.understood import Understood
from agent.deps import Deps
from agent.reasoning.topology import Topology, build_topology
from agent.state import JsonObject
from knowledge.library_answers import Found
from knowledge.vocabulary import Evidence, Focus, Gap, Json, Language, ObjectRef, RecalledCase, Scope, Text
from tools.collectors.gather import gather
from tools.contracts import Collector
from tools.ports import Cluster
from tools.redaction import redact_text
from tools.snapshot import ClusterSnapshot

WINDOW = timedelta(hours=1)
EVERYWHERE = "*"
MOST_GAPS = 4


class Shelf(Protocol):
    """The library, as the chat reads it: within a reach."""

    def find(self, text: str, *, limit: int = 10, reach: Scope | None = None) -> Found: ...

    def recall(
        self,
        faults: Sequence[str],
        alerts: Sequence[str] = (),
        services: Sequence[str] = (),
        *,
        reach: Scope | None = None,
        limit: int = 20,
    ) -> list[RecalledCase]: ...


@dataclass
class Asking:
    """One message being answered. ``evidence`` are the facts that the answer cites, ``places`` the namespaces that it tells of
    (``*``: all that the asker's scope covers): both are kept with the answer."""

    deps: Deps
    shelf: Shelf
    cluster: Cluster
    scope: Scope
    language: Language
    known: Known
    zone: tzinfo = UTC
    asker: str = ""
    evidence: dict[str, Evidence] = field(default_factory=dict)
    places: set[str] = field(default_factory=set)
    model_use: JsonObject | None = None
    slow_model_seconds: float = 30.0

    @property
    def now(self) -> datetime:
        return self.deps.clock.now()

    def text(self, en: str, zh: str) -> str:
        return zh if self.language is Language.ZH else en

    def of(self, text: Text) -> str:
        return text.within(self.language)

    def at(self, moment: datetime) -> str:
        """Absolute, in the asker's zone, to the minute; with the day where it is not today."""
        local, today = moment.astimezone(self.zone), self.now.astimezone(self.zone).date()
        return local.strftime("%H:%M" if local.date() == today else "%Y-%m-%d %H:%M")

    def allows(self, namespace: str = "", service: str = "") -> bool:
        return self.scope.allows(cluster=self.cluster.name, namespace=namespace, service=service)

    def may_hear_of(self, namespace: str, name: str) -> bool:
        """Whether an object of that name may be told of. Where the scope names services, an object is one of a service when it
        is called so, or begins with it as pods and revisions do."""
        if not namespace:
            return True
        if not self.allows(namespace) or "*" in self.scope.services:
            return self.allows(namespace)
        own = {one.name for one in self.known.things if one.namespace == namespace and one.cluster == self.cluster.name}
        return any(name == one or name.startswith(f"{one}-") for one in own)

    # --- reading ----------------------------------------------------------------------------------------------------

    def focus_on(self, asked: Understood, *, since: datetime | None = None) -> Focus:
        namespace = asked.namespace or (asked.target.namespace if asked.target else "")
        return Focus(
            cluster=self.cluster.name,
            namespaces=(namespace,) if namespace else (),
            services=(asked.target.name,) if asked.target else (),
            objects=(asked.node.ref,) if asked.node else (),
            since=since or self.now - WINDOW,
            until=self.now,
            reach=self.scope,
        )

    async def see(self, *collectors: str, namespace: str = "") -> ClusterSnapshot:
        """What these collectors read, of one namespace where one is named. Never raises for what could not be read."""
        reach = self.scope if not namespace else self.scope.model_copy(update={"namespaces": (namespace,)})
        if namespace and not self.allows(namespace):
            reach = self.scope
        focus = Focus(
            cluster=self.cluster.name, namespaces=(namespace,) if namespace else (), since=self.now - WINDOW,
            until=self.now, reach=reach,
        )  # fmt: skip
        self.places.add(namespace or EVERYWHERE)
        return await gather(
            self.cluster, focus, self.deps.clock, self._with_needs(collectors), self.deps.options.limits
        )

    def _with_needs(self, wanted: Sequence[str]) -> list[Collector]:
        by_id = {one.id: one for one in self.deps.collectors}
        names = [*(need for name in wanted if name in by_id for need in by_id[name].needs), *wanted]
        return [by_id[name] for name in dict.fromkeys(names) if name in by_id]

    async def topology(self, snapshot: ClusterSnapshot) -> Topology:
        return await asyncio.to_thread(build_topology, snapshot)

    def cite(self, snapshot: ClusterSnapshot) -> None:
        """Keeps what was cited of the snapshot, as far as the asker may see it."""
        for fact in snapshot.cited():
            if self.scope.allows(cluster=fact.cluster, namespace=fact.object.namespace if fact.object else ""):
                self.evidence[fact.id] = fact

    def cited(self, ids: Sequence[str]) -> tuple[Citation, ...]:
        """Citations of facts that are kept, in order, once each."""
        return tuple(
            Citation(kind="evidence", id=one, title=headline(self.evidence[one].text))
            for one in dict.fromkeys(ids)
            if one in self.evidence
        )


def headline(text: str, most: int = 120) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def marks(count: int, first: int = 1) -> str:
    return "".join(f"[{number}]" for number in range(first, first + count))


def counted(count: int, word: str) -> str:
    """``1 pod``, ``2 pods``."""
    return f"{count} {word}" + ("" if count == 1 else "s")


def said(text: str, citations: Sequence[Citation] = (), tone: str = "plain") -> Answered:
    return Answered(answer=Said(text=redact_text(text), citations=tuple(citations), tone=tone))  # type: ignore[arg-type]


def answered(block: Block) -> Answered:
    return Answered(answer=block)


def progress(asking: Asking, en: str, zh: str) -> Progress:
    return Progress(text=asking.text(en, zh))


def offers(*made: Offer) -> Answered:
    return Answered(answer=Offers(offers=made))


def gaps_told(asking: Asking, gaps: Sequence[Gap]) -> list[Answered]:
    """What could not be read, and what would help; nothing when all could."""
    if not gaps:
        return []
    told = [
        f"{gap.source}: {gap.reason}" + (f" ({gap.next_step})" if gap.next_step else "") for gap in gaps[:MOST_GAPS]
    ]
    more = len(gaps) - len(told)
    joined = "; ".join(told) + (asking.text(f"; and {more} more", f"；另有 {more} 处") if more > 0 else "")
    return [said(asking.text(f"Could not be read: {joined}", f"未能读取：{joined}"), tone="warning")]


def name_of(item: Json) -> str:
    return str((item.get("metadata") or {}).get("name", ""))


def namespace_of(item: Json) -> str:
    return str((item.get("metadata") or {}).get("namespace") or "")


def workload_key(thing: Thing) -> str:
    return thing.ref.key


def is_workload(thing: Thing) -> bool:
    return thing.kind in WORKLOAD_KINDS


def reference(asking: Asking, kind: str, namespace: str, name: str) -> ObjectRef:
    return ObjectRef(cluster=asking.cluster.name, kind=kind, namespace=namespace, name=name)
