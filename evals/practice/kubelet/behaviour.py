"""How a container behaves, as data. A program looks at a container's situation and says what will happen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]
Lines = tuple[tuple[float, str], ...]
"""(seconds after the start, text) in order."""
MIB = 1024**2
GIB = 1024**3


@dataclass(frozen=True, slots=True)
class Exit:
    """The program ends by itself, so many seconds after its start (before scaling)."""

    after: float
    code: int
    message: str = ""
    """What it wrote to its termination log."""


@dataclass(frozen=True, slots=True)
class Chatter:
    """Lines that a running program writes again and again."""

    every: float
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """All durations in seconds after the start of the container, before the timing's scale."""

    output: tuple[tuple[float, str], ...] = ()
    """(seconds, line) in order."""
    exit: Exit | None = None
    ports: Mapping[int, float] = field(default_factory=dict)
    """Port -> when it begins to listen."""
    ready_after: float = 0.0
    """Until then health endpoints answer 503."""
    unready_status: int = 503
    """What health endpoints answer until then."""
    unready_paths: tuple[str, ...] | None = None
    """Which paths answer so; None: all."""
    is_hung: bool = False
    """It accepts connections and never answers."""
    paths: tuple[str, ...] | None = None
    """Paths that exist; None: every path."""
    memory_bytes: int = 16 * MIB
    memory_after: float = 0.5
    """When the working set is reached; above the limit, that is when the container is killed."""
    cpu_cores: float = 0.005
    start_error: str = ""
    """The runtime cannot start the process at all."""
    stop_code: int = 0
    """Exit code when asked to stop."""
    ignores_stop: bool = False
    """It goes on until it is killed at the end of the grace period."""
    chatter: tuple[Chatter, ...] = ()
    failing_commands: tuple[tuple[str, str], ...] = ()
    """(command line, output) of exec probes that fail."""

    def listens(self, port: int, elapsed: float, scale: float) -> bool:
        return port in self.ports and elapsed >= self.ports[port] * scale

    def changes(self, scale: float) -> list[float]:
        """Moments at which a probe may begin to answer differently."""
        return sorted({at * scale for at in self.ports.values()} | {self.ready_after * scale})


@dataclass(frozen=True, slots=True)
class Situation:
    """What a program can see when it starts."""

    pod: Object
    container: Object
    command: tuple[str, ...]
    """command and args, with $(VARIABLES) replaced; empty when the image's own is used."""
    env: Mapping[str, str]
    files: Mapping[str, str]
    """Absolute path -> text, from mounted ConfigMaps and Secrets."""
    node: Object | None
    find: Callable[[str, str | None, str], Object | None]
    """The store's find, for programs that look up other objects (DNS)."""

    @property
    def image(self) -> str:
        return str(self.container["image"])

    @property
    def namespace(self) -> str:
        return str(self.pod["metadata"].get("namespace", ""))

    @property
    def gpus(self) -> int:
        limits = (self.container.get("resources") or {}).get("limits") or {}
        return int(limits.get("nvidia.com/gpu", 0))

    def flag(self, name: str, default: str = "") -> str:
        """The value of `--name=value` or `--name value`."""
        for position, word in enumerate(self.command):
            if word == f"--{name}" and position + 1 < len(self.command):
                return self.command[position + 1]
            if word.startswith(f"--{name}="):
                return word.partition("=")[2]
        return default

    def node_condition(self, kind: str) -> Object | None:
        rows = (self.node or {}).get("status", {}).get("conditions") or ()
        return next((one for one in rows if one["type"] == kind), None)


Program = Callable[[Situation], Behaviour]
"""What runs in the images of one kind; see `programs`."""
