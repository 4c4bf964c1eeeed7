"""What containers have printed, and the kubelet's answers when there is nothing to show."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from evals.practice.clock import Clock
from evals.practice.controllers.parts import parse_time
from evals.practice.errors import ApiError, bad_request
from evals.practice.hooks import LogLine, LogRequest
from evals.practice.kubelet.behaviour import Behaviour

if TYPE_CHECKING:
    from evals.practice.kubelet.kubelet import Kubelets

Object = dict[str, Any]
_CHATTER_WINDOW = timedelta(minutes=10)
_CHATTER_MAX = 300
_SETTLED = 1e6


@dataclass(slots=True)
class Run:
    """One life of a container."""

    behaviour: Behaviour
    started_at: datetime
    started: float
    """On the monotonic clock."""
    scale: float
    ended: datetime | None = None
    extra: list[LogLine] = field(default_factory=list)

    @classmethod
    def adopted(cls, behaviour: Behaviour, row: Object, clock: Clock, scale: float) -> Run:
        """A run that began before this kubelet: a ready one counts as long settled."""
        at = parse_time(row["state"]["running"]["startedAt"])
        age = _SETTLED if row.get("ready") else (clock.now() - at).total_seconds()
        return cls(behaviour, at, clock.monotonic() - age, scale)

    def lines(self, now: datetime) -> list[LogLine]:
        """Everything printed until `now`, oldest first."""
        until = self.ended or now
        found = [LogLine(self.started_at + timedelta(seconds=after * self.scale), text)
                 for after, text in self.behaviour.output]  # fmt: skip
        found += self._chatter(until)
        found += self.extra
        found.sort(key=lambda line: line.at)
        return [line for line in found if line.at <= until]

    def _chatter(self, until: datetime) -> list[LogLine]:
        found: list[LogLine] = []
        begin = self.started_at + timedelta(seconds=self.behaviour.ready_after * self.scale)
        for one in self.behaviour.chatter:
            first = max(begin, until - _CHATTER_WINDOW)
            count = int((until - first).total_seconds() / one.every) if until > first else 0
            skipped = int((first - begin).total_seconds() / one.every)
            for step in range(max(1, count - _CHATTER_MAX), count + 1):
                number = skipped + step
                text = one.texts[number % len(one.texts)]
                at = begin + timedelta(seconds=number * one.every)
                found.append(
                    LogLine(at, text.replace("{n}", str(number)).replace("{at}", at.strftime("%m-%d %H:%M:%S")))
                )
        return found

    def tail(self, now: datetime) -> str:
        """The last lines, as FallbackToLogsOnError copies them into the termination message."""
        return "".join(f"{line.text}\n" for line in self.lines(now)[-80:])[-2048:]


class Logbook:
    """The LogSource of the HTTP server."""

    def __init__(self, kubelets: Kubelets) -> None:
        self._kubelets = kubelets

    def lines(self, request: LogRequest) -> list[LogLine]:
        pod, name = request.pod, request.container
        worker = self._kubelets.worker_of(pod)
        if worker is None:
            return []
        if not self._kubelets.is_up(worker.node):
            raise ApiError(500, "InternalError", self._unreachable(pod, worker.node, name))
        container = next((one for one in worker.everything() if one.spec["name"] == name), None)
        if container is None:
            raise bad_request(f"container {name} is not valid for pod {pod['metadata']['name']}")
        state = container.view.state
        run = self._last_ended(container.run, container.previous) if request.previous else container.run
        if request.previous and run is None:
            raise bad_request(f'previous terminated container "{name}" in pod "{pod["metadata"]["name"]}" not found')
        if run is None:
            raise bad_request(
                f'container "{name}" in pod "{pod["metadata"]["name"]}" is waiting to start: {_why(state)}'
            )
        now = self._kubelets.parts.clock.now()
        lines = run.lines(now)
        if run is container.run and run.ended is None:
            lines += self._kubelets.live_lines(pod, name, now)
        return lines

    def _unreachable(self, pod: Object, node: str, container: str) -> str:
        meta = pod["metadata"]
        address = self._kubelets.address_of(node)
        url = f"https://{address}:10250/containerLogs/{meta['namespace']}/{meta['name']}/{container}"
        return f'Get "{url}": dial tcp {address}:10250: connect: no route to host'

    def _last_ended(self, run: Run | None, previous: Run | None) -> Run | None:
        return run if run is not None and run.ended is not None else previous


def _why(state: Object) -> str:
    reason = str(state.get("waiting", {}).get("reason", "ContainerCreating"))
    return "trying and failing to pull image" if reason in ("ErrImagePull", "ImagePullBackOff") else reason
