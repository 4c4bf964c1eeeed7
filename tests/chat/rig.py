"""A desk with a chat over a cluster in memory, a real ledger and library, and people of several scopes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from agent.chat.reply import Answered, Begun, Block, Chart, Delta, Ended, Offers, Part, ProposedScript, Rows, Said
from api.bootstrap import Desk
from api.chat import Chat
from api.settings import ClusterSettings, Settings
from knowledge.errors import MetricsUnreachable
from knowledge.ledger.ledger import Ledger
from knowledge.library import Library
from knowledge.vocabulary import Json, Mode, Principal, Role, Scope
from tests.agent.small_desk import RunningClock, empty_ledger, shop
from tests.fakes.memory_cluster import MemoryCluster
from tests.library.stand_ins import WordEmbedder
from tests.shared_library import shared_library
from tools.ports import ChatModel, Cluster, Series
from tools.redaction import redact_text
from tools.safety.policy import Policy

CASES = ("gpu-xid-79-off-the-bus", "vllm-out-of-memory-at-start", "disk-pressure-evictions")
EVERYTHING = (Role.VIEWER, Role.RESPONDER)


@dataclass
class ScriptedMetrics:
    """Answers every range query with the same series, moved to its window; remembers what it was asked."""

    series: Sequence[Series] = ()
    asked: list[str] = field(default_factory=list)
    windows: list[tuple[datetime, datetime]] = field(default_factory=list)
    is_dead: bool = False

    async def instant(self, query: str, at: datetime | None = None) -> Sequence[Series]:
        del at
        if self.is_dead:
            raise MetricsUnreachable("connection refused", next_step="check the cluster's prometheus_url")
        self.asked.append(query)
        return []

    async def range(self, query: str, start: datetime, end: datetime, step_seconds: float) -> Sequence[Series]:
        del step_seconds
        if self.is_dead:
            raise MetricsUnreachable("connection refused", next_step="check the cluster's prometheus_url")
        self.asked.append(query)
        self.windows.append((start, end))
        return [
            Series(one.labels, [(start.timestamp() + at, value) for at, value in one.points]) for one in self.series
        ]

    async def ready(self) -> str:
        return "3.0"


@dataclass
class Talk:
    """Everything that one message was answered with."""

    parts: list[Part]

    @property
    def blocks(self) -> list[Block]:
        return [part.answer for part in self.parts if isinstance(part, Answered)]

    @property
    def text(self) -> str:
        return "\n".join(block.text for block in self.blocks if isinstance(block, Said))

    @property
    def intent(self) -> str:
        return next(part.understood_as for part in self.parts if isinstance(part, Ended))

    @property
    def conversation_id(self) -> str:
        return next(part.conversation_id for part in self.parts if isinstance(part, Begun))

    @property
    def message_id(self) -> str:
        return next(part.message_id for part in self.parts if isinstance(part, Ended))

    @property
    def rows(self) -> list[Rows]:
        return [block for block in self.blocks if isinstance(block, Rows)]

    @property
    def charts(self) -> list[Chart]:
        return [block for block in self.blocks if isinstance(block, Chart)]

    @property
    def scripts(self) -> list[ProposedScript]:
        return [block for block in self.blocks if isinstance(block, ProposedScript)]

    @property
    def offers(self) -> list[str]:
        return [offer.text for block in self.blocks if isinstance(block, Offers) for offer in block.offers]

    @property
    def opening(self) -> list[str]:
        return [
            one.text for block in self.blocks if isinstance(block, Offers) for one in block.offers if one.does == "open"
        ]

    @property
    def streamed(self) -> str:
        return "".join(part.text for part in self.parts if isinstance(part, Delta))

    @property
    def citations(self) -> list[str]:
        return [one.id for block in self.blocks if isinstance(block, Said) for one in block.citations]


@dataclass
class ChatRig:
    desk: Desk
    chat: Chat
    cluster: MemoryCluster
    metrics: ScriptedMetrics
    people: dict[str, Principal] = field(default_factory=dict)

    @property
    def ledger(self) -> Ledger:
        return self.desk.ledger

    def person(self, name: str, *roles: Role, **scope: tuple[str, ...]) -> Principal:
        self.people[name] = self.ledger.principals.add(name, roles or EVERYTHING, Scope(**scope))
        return self.people[name]

    async def say(self, text: str, who: str = "rui", **options: Any) -> Talk:
        return Talk([part async for part in self.chat.say(self.people[who], text, **options)])

    async def follow(self, before: Talk, text: str, who: str = "rui", **options: Any) -> Talk:
        return await self.say(text, who, conversation_id=before.conversation_id, **options)

    async def first_part(self, text: str, who: str = "rui") -> Part:
        """As somebody who closes the connection at once."""
        stream: AsyncIterator[Part] = self.chat.say(self.people[who], text)
        return await anext(stream)


def teach(rig: ChatRig, folder: Path) -> None:
    """Three of the cases that come with the desk: enough to find one and to find none."""
    cases, documents = folder / "cases", folder / "documents"
    cases.mkdir()
    documents.mkdir()
    for name in CASES:
        source = next((Path(__file__).parents[2] / "knowledge" / "cases").rglob(f"{name}.md"))
        (cases / source.name).write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    rig.desk.library.load_bundled(cases, documents)


@contextmanager
def chat_rig(
    folder: Path,
    cluster: MemoryCluster | None = None,
    *,
    metrics: ScriptedMetrics | None = None,
    model: ChatModel | None = None,
    others: Sequence[Cluster] = (),
    library: Sequence[Json] = (),
) -> Iterator[ChatRig]:
    from agent.deps import Deps, Options
    from api.bootstrap import open_collectors

    del library
    cluster, metrics, clock = cluster or shop(), metrics or ScriptedMetrics(), RunningClock()
    path = folder / "ledger.db"
    path.write_bytes(empty_ledger())
    names = (cluster.name, *(one.name for one in others))
    settings = Settings(home=folder / "home", clusters=tuple(ClusterSettings(name=name) for name in names))
    with Ledger.open(f"sqlite:///{path}", clock.now, redact=redact_text) as ledger:
        shelf = Library.open(ledger.library_store, folder / "index", WordEmbedder())
        deps = Deps(
            ledger=ledger,
            library=shelf,
            clusters={
                cluster.name: Cluster(cluster.name, cluster, metrics, Mode.EXECUTE),
                **{one.name: one for one in others},
            },
            collectors=open_collectors(),
            detectors=shared_library(),
            policy=Policy.load(None),
            clock=clock,
            options=Options(),
            model=model,
        )
        desk = Desk(settings, ledger, deps)
        rig = ChatRig(desk, Chat(desk), cluster, metrics)
        rig.person("rui")
        yield rig
        shelf.close()
