"""The utterances, and the small world that they speak of. Half of them are held out, by their words alone, and all of those that
were written when the rules were done. The independent ones, by an author who had read neither rules nor utterances, lie apart."""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml

from agent.chat.names import Known, Thing
from agent.chat.understanding import Setting, understand
from agent.chat.understood import Thread, Understood

FILE = Path(__file__).with_name("utterances.yaml")
INDEPENDENT = Path(__file__).with_name("independent.yaml")
NOW = datetime(2026, 3, 10, 10, 0, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
INCIDENT = "inc-000000000000000a"
SERVICES = ("qwen2-7b", "bge-m3", "llama3-70b", "chatglm3-6b", "reranker", "gateway", "whisper-large", "milvus", "redis", "embedding-api")  # fmt: skip
NODES = (*(f"gpu-{number:02d}" for number in range(1, 9)), "cpu-01", "cpu-02")
NAMESPACES = ("prod", "staging", "ml-serving", "monitoring")
_HAN = re.compile("[\u4e00-\u9fff]")


@dataclass(frozen=True)
class Utterance:
    """``after``: what was said before it in the thread."""

    ask: str
    intent: str
    parameters: dict[str, str | int] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    is_at_incident: bool = False
    is_fresh: bool = False
    """Written after the rules, held out as a whole."""

    @property
    def language(self) -> str:
        return "zh" if _HAN.search(self.ask) else "en"

    @property
    def is_held_out(self) -> bool:
        return self.is_fresh or zlib.crc32(self.ask.encode()) % 2 == 0


def read_utterances(path: Path = FILE) -> list[Utterance]:
    rows = yaml.safe_load(path.read_text(encoding="utf-8"))
    return [
        Utterance(
            row["ask"],
            row["intent"],
            row["with"],
            tuple(row.get("after", ())),
            row.get("at") == "incident",
            bool(row.get("fresh")),
        )
        for row in rows
    ]


def world() -> Known:
    things = [Thing("prod-cluster", "Deployment", "prod", name) for name in SERVICES]
    things += [Thing("prod-cluster", "Service", "prod", name) for name in SERVICES]
    things += [Thing("prod-cluster", "Node", "", name) for name in NODES]
    things += [Thing("prod-cluster", "Namespace", "", name) for name in NAMESPACES]
    return Known.of(things, ("prod-cluster",))


def said(utterance: Utterance, known: Known) -> Understood:
    """What the rules make of it, after whatever was said before it."""
    thread = Thread()
    incident = INCIDENT if utterance.is_at_incident else ""
    for earlier in utterance.after:
        thread = thread.after(understand(earlier, Setting(known, NOW, ZONE, thread, incident)))
    return understand(utterance.ask, Setting(known, NOW, ZONE, thread, incident))
