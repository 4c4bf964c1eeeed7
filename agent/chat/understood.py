"""What a message means: its intent and everything that it names; and the thread that later messages lean on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from agent.chat.names import Thing
from agent.chat.times import Window
from knowledge.vocabulary import Json, Language

TAKES: dict[str, tuple[str, ...]] = {
    "diagnose": ("target", "node", "namespace"),
    "gpu_holders": ("node", "namespace", "target"),
    "changes": ("target", "node", "namespace", "minutes", "since", "until"),
    "status": ("target", "node", "namespace"),
    "list_objects": ("kind", "only", "target", "namespace", "node"),
    "capacity": ("node",),
    "events": ("target", "node", "namespace", "minutes", "since", "until"),
    "logs": ("target", "namespace", "node"),
    "where": ("target", "namespace"),
    "callers": ("target", "namespace"),
    "metric": ("metric", "quantile", "target", "node", "namespace", "minutes", "since", "until", "compare"),
    "change": ("verb", "target", "node", "namespace", "number", "step"),
    "about_incident": ("aspect", "incident"),
    "incidents": ("filter", "severity", "target", "namespace"),
    "steer": ("target", "node", "namespace"),
    "unclear": ("target", "node", "namespace"),
}
"""By intent, the parameters that it takes; what else a message names does not matter to it."""

NEEDS_TARGET = frozenset({"status", "logs", "where", "callers"})
"""Without a service these mean the one that the thread is about."""


@dataclass(frozen=True)
class Understood:
    """``doubtful``: words that may mean several things; ``unknown``: names of nothing that the asker can see. ``leans``: what was
    taken over from the thread."""

    intent: str
    words: str = ""
    language: Language = Language.EN
    cluster: str = ""
    target: Thing | None = None
    node: Thing | None = None
    namespace: str = ""
    kind: str = ""
    only: str = ""
    metric: str = ""
    quantile: int = 0
    window: Window = field(default_factory=Window)
    compare: int = 0
    verb: str = ""
    number: int | None = None
    step: str = ""
    script: str = ""
    aspect: str = ""
    filter: str = ""
    severity: str = ""
    incident: str = ""
    paste: str = ""
    nearest: tuple[str, ...] = ()
    doubtful: tuple[tuple[str, tuple[Thing, ...]], ...] = ()
    unknown: tuple[str, ...] = ()
    leans: tuple[str, ...] = ()
    read_by: str = "rules"

    def parameters(self) -> dict[str, str | int]:
        """Those that its intent takes and that are set, as plain values; times in the asker's zone, to the minute."""
        values: dict[str, Any] = {
            "target": self.target.name if self.target else "",
            "node": self.node.name if self.node else "",
            "minutes": self.window.minutes,
            "since": _minute(self.window.since),
            "until": _minute(self.window.until),
            "compare": f"{self.compare}d" if self.compare else "",
        }
        for name in ("namespace", "kind", "only", "metric", "quantile", "verb", "number", "step", "aspect", "filter", "severity", "incident"):  # fmt: skip
            values[name] = getattr(self, name)
        return {name: values[name] for name in TAKES.get(self.intent, ()) if values[name] not in ("", 0, None)} | (
            {"number": 0} if self.intent == "change" and self.number == 0 else {}
        )

    def as_json(self) -> Json:
        """What is kept with the message, enough to go on from it."""
        places = {
            name: {"cluster": one.cluster, "kind": one.kind, "namespace": one.namespace, "name": one.name}
            for name, one in (("target", self.target), ("node", self.node))
            if one is not None
        }
        plain = {
            name: getattr(self, name)
            for name in ("intent", "cluster", "namespace", "kind", "only", "metric", "quantile", "compare", "verb", "number", "step", "script", "aspect", "filter", "severity", "incident", "read_by")
            if getattr(self, name) not in ("", 0, None)
        }  # fmt: skip
        window = {
            "minutes": self.window.minutes,
            "since": self.window.since.isoformat() if self.window.since else "",
            "until": self.window.until.isoformat() if self.window.until else "",
        }
        return {**plain, **places, "window": window, "language": self.language.value}

    @classmethod
    def from_json(cls, data: Json) -> Understood:
        """The reverse of :meth:`as_json`; what an older desk wrote and this one does not know is left out."""
        window = data.get("window") or {}
        since, until = window.get("since") or "", window.get("until") or ""
        known = {name: data[name] for name in cls.__dataclass_fields__ if name in data and name not in {"window", "target", "node", "language"}}  # fmt: skip
        return cls(
            **{"intent": "unclear", **known},
            language=Language(data.get("language", "en")),
            target=Thing(**data["target"]) if data.get("target") else None,
            node=Thing(**data["node"]) if data.get("node") else None,
            window=Window(
                int(window.get("minutes") or 0),
                datetime.fromisoformat(since) if since else None,
                datetime.fromisoformat(until) if until else None,
            ),
        )


def _minute(moment: datetime | None) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M") if moment else ""


@dataclass(frozen=True)
class Thread:
    """What was talked about: the last message that was understood, and the last service, node and namespace that were named."""

    last: Understood | None = None
    target: Thing | None = None
    node: Thing | None = None
    namespace: str = ""

    def after(self, said: Understood) -> Thread:
        if said.intent in {"unclear", "help", "small_talk"}:
            return self if not said.target else replace(self, target=said.target)
        return Thread(
            last=said,
            target=said.target or (self.target if not said.node else None),
            node=said.node or (self.node if not said.target else None),
            namespace=said.namespace or self.namespace,
        )

    @property
    def has_focus(self) -> bool:
        return self.target is not None or self.node is not None
