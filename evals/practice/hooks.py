"""How the parts plug into each other: protocols that the controllers, the kubelet and the metrics implement.

The server builds `store, clock`, installs admission, then calls `evals.practice.controllers.start(store, clock)`, which
returns a `Controllers`. Whatever attribute of it is not None is used to answer the request; until then the server answers
as a real one does whose kubelet or metrics server is away.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

Object = dict[str, Any]
Operation = Literal["CREATE", "UPDATE", "DELETE"]


@dataclass(frozen=True, slots=True)
class LogRequest:
    """A validated GET of pods/log. The API applies `tail_lines`, `limit_bytes`, `since*` and `timestamps` to the lines."""

    pod: Object
    container: str
    previous: bool
    follow: bool


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a container's log, without the line break."""

    at: datetime
    text: str


class LogSource(Protocol):
    """Who holds the logs of the containers (the kubelet)."""

    def lines(self, request: LogRequest) -> Iterator[LogLine] | list[LogLine]:
        """The lines so far, oldest first.

        Raises `ApiError` 400 when there is no log, worded by the implementer as the kubelet does, for instance
        `container "web" in pod "web-1" is waiting to start: ContainerCreating` or
        `previous terminated container "web" in pod "web-1" not found`. An unknown container name and a missing one with
        several containers are refused by the API before this is called.
        """


class MetricsSource(Protocol):
    """Who answers metrics.k8s.io (a metrics server): full PodMetrics and NodeMetrics objects, or None when not measured."""

    def pod(self, namespace: str, name: str) -> Object | None: ...

    def pods(self, namespace: str | None) -> list[Object]: ...

    def node(self, name: str) -> Object | None: ...

    def nodes(self) -> list[Object]: ...


class FaultSwitch(Protocol):
    """The faults that can be switched on, for `/practice/faults`."""

    def names(self) -> list[str]: ...

    def active(self) -> list[str]: ...

    def describe(self, name: str) -> Object:
        """At least {"name", "title", "title_zh"}; shown as it is."""

    def switch_on(self, name: str, **parameters: Any) -> Object:
        """Break something; what it returns (targets, expected cause) is shown to the caller. KeyError when unknown."""

    def switch_off(self, name: str) -> None: ...


class Admission(Protocol):
    """A step of every write, in order: defaulting, limit ranges, quota, validation. Also run for controllers' writes."""

    def __call__(
        self, operation: Operation, resource: str, new: Object | None, old: Object | None, subresource: str
    ) -> None:
        """Change `new` in place or raise `ApiError`; `old` must not be touched. `new` is None on DELETE."""


class Controllers(Protocol):
    """What `evals.practice.controllers.start(store, clock)` returns; any of the sources may be None."""

    logs: LogSource | None
    metrics: MetricsSource | None
    faults: FaultSwitch | None

    def stop(self) -> None:
        """Cancel every timer; no change is made to the store afterwards."""
