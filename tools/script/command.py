"""What a script is once it is read: typed commands. Positions are kept for messages and do not count in comparisons."""

from __future__ import annotations

from dataclasses import dataclass, field

from knowledge.vocabulary import Json, canonical_json
from tools.ports import ResourceKind


@dataclass(frozen=True, slots=True)
class Target:
    """One named object, or with an empty name every object of the kind that the command's selector picks."""

    kind: ResourceKind
    name: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One document of a heredoc; ``text`` is its canonical JSON, so that commands compare and hash."""

    kind: ResourceKind
    name: str
    namespace: str
    body: Json = field(compare=False)
    text: str = ""
    line: int = field(default=0, compare=False)

    @staticmethod
    def of(kind: ResourceKind, name: str, namespace: str, body: Json, line: int) -> Manifest:
        return Manifest(kind, name, namespace, body, canonical_json(body), line)


@dataclass(frozen=True, slots=True)
class Command:
    """One line. ``verb`` is the canonical one (``rollout restart``); ``flags`` are the long names that were given, sorted,
    with their values in the order given; ``arguments`` is what else the verb takes (``app=image:tag``, ``KEY=VALUE``)."""

    verb: str
    targets: tuple[Target, ...] = ()
    namespace: str = ""
    flags: tuple[tuple[str, tuple[str, ...]], ...] = ()
    arguments: tuple[str, ...] = ()
    manifests: tuple[Manifest, ...] = ()
    is_read: bool = False
    line: int = field(default=0, compare=False)
    column: int = field(default=1, compare=False)

    def values(self, flag: str) -> tuple[str, ...]:
        return next((values for name, values in self.flags if name == flag), ())

    def value(self, flag: str, default: str = "") -> str:
        values = self.values(flag)
        return values[-1] if values else default

    def has(self, flag: str) -> bool:
        """Whether a switch is on (``--wait=false`` is given but off)."""
        return self.value(flag, "false") != "false"

    @property
    def selector(self) -> str:
        return self.value("selector")

    @property
    def is_all_namespaces(self) -> bool:
        return self.has("all-namespaces")


@dataclass(frozen=True, slots=True)
class ParsedScript:
    """A whole script that was understood to the last character."""

    commands: tuple[Command, ...]

    @property
    def has_changes(self) -> bool:
        return any(not command.is_read for command in self.commands)
