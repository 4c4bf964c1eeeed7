"""Logs of the containers that matter: those of the focus and the unhealthy ones, current and previous, within a budget."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from knowledge.errors import BadInput, ObjectNotFound, OpsdeskError
from knowledge.vocabulary import Focus, Gap, Json, ObjectRef
from tools.collectors.pod_health import has_previous, has_started, health_of, owner_key, runs_to_an_end, serves
from tools.collectors.reading import READ_SECONDS, gap_of
from tools.contracts import Gathered, LogText
from tools.ports import Clock, Cluster

MAX_CONTAINERS = 30
MAX_HEALTHY = 6
PODS_PER_OWNER = 2
TAIL_LINES = 500
MAX_BYTES_EACH = 256_000
MAX_READS = 3
"""Of one log whose lines are longer than expected."""
CONCURRENCY = 6


@dataclass(frozen=True, slots=True)
class _Wanted:
    pod: Json
    container: str
    is_previous: bool


@dataclass(frozen=True, slots=True)
class LogsCollector:
    id: str = "logs"
    needs: tuple[str, ...] = ("pods",)

    async def collect(self, cluster: Cluster, focus: Focus, so_far: Sequence[Json], clock: Clock) -> Gathered:  # noqa: ARG002
        gathered = Gathered()
        slots = asyncio.Semaphore(CONCURRENCY)
        wanted = choose(so_far, focus)
        texts = await asyncio.gather(*(self._read(gathered, cluster, each, slots) for each in wanted))
        gathered.logs = [text for text in texts if text is not None and text.text]
        return gathered

    async def _read(
        self, gathered: Gathered, cluster: Cluster, wanted: _Wanted, slots: asyncio.Semaphore
    ) -> LogText | None:
        metadata = wanted.pod["metadata"]
        namespace, name = str(metadata.get("namespace", "")), str(metadata["name"])
        query = f"logs {namespace}/{name} {wanted.container}{' previous' if wanted.is_previous else ''}"
        try:
            async with slots, asyncio.timeout(READ_SECONDS):
                text, is_cut = await _newest(cluster, namespace, name, wanted)
        except (BadInput, ObjectNotFound) as error:
            # The container has not started, or its previous run is gone: the pod's own status says so already.
            if not wanted.is_previous and has_started(wanted.pod, wanted.container):
                gathered.gaps.append(gap_of(self.id, query, error))
            return None
        except (OpsdeskError, TimeoutError) as error:
            gathered.gaps.append(gap_of(self.id, query, error))
            return None
        if is_cut:
            reason = f"its lines are so long that the newest did not fit into {MAX_BYTES_EACH} bytes"
            gathered.gaps.append(Gap(source=self.id, query=query, reason=reason, next_step=f"read it with {query}"))
        pod = ObjectRef(
            cluster=cluster.name,
            kind="Pod",
            namespace=namespace,
            name=name,
            api_version="v1",
            uid=str(metadata.get("uid", "")),
        )
        return LogText(pod, wanted.container, text, wanted.is_previous)


async def _newest(cluster: Cluster, namespace: str, name: str, wanted: _Wanted) -> tuple[str, bool]:
    """The end of the log, and whether its newest lines are missing. The server counts lines from the end, but bytes from
    there on: where the bytes run out, it is the newest lines that are not told. Then fewer lines are asked for."""
    tail_lines = TAIL_LINES
    text = ""
    for _ in range(MAX_READS):
        text = await cluster.reader.logs(
            namespace,
            name,
            wanted.container,
            previous=wanted.is_previous,
            tail_lines=tail_lines,
            limit_bytes=MAX_BYTES_EACH,
        )
        if len(text.encode(errors="replace")) < MAX_BYTES_EACH:
            return text, False
        tail_lines = min(tail_lines - 1, text.count("\n") * 2 // 3)
        if tail_lines < 1:
            break
    return text, True


def choose(pods: Iterable[Json], focus: Focus) -> list[_Wanted]:
    """Named objects first, then unhealthy pods of the focus, unhealthy ones elsewhere, healthy ones of the focused services,
    and runs that are under way: that a training diverges or stands still is told by its log alone. Of one owner's alike
    pods only the first few."""
    ranked = sorted(((rank, index, pod) for index, pod in enumerate(pods) if (rank := _rank(pod, focus)) is not None))
    per_owner: Counter[str] = Counter()
    wanted: list[_Wanted] = []
    healthy = 0
    for rank, _, pod in ranked:
        owner = owner_key(pod)
        is_healthy = rank >= 3
        if len(wanted) >= MAX_CONTAINERS or (is_healthy and healthy >= MAX_HEALTHY):
            break
        if per_owner[owner] >= PODS_PER_OWNER and rank > 0:
            continue
        per_owner[owner] += 1
        for container in _containers(pod, is_all=rank in {0, 3}):
            healthy += is_healthy
            if has_previous(pod, container):
                wanted.append(_Wanted(pod, container, is_previous=True))
            if has_started(pod, container):
                wanted.append(_Wanted(pod, container, is_previous=False))
    return wanted[:MAX_CONTAINERS]


def _rank(pod: Json, focus: Focus) -> int | None:
    metadata = pod.get("metadata") or {}
    name, namespace = metadata.get("name"), metadata.get("namespace")
    if any(ref.kind == "Pod" and ref.name == name and ref.namespace == namespace for ref in focus.objects):
        return 0
    is_near = not focus.namespaces or namespace in focus.namespaces
    if health_of(pod, focus.since).is_unhealthy:
        return 1 if is_near else 2
    if is_near and any(serves(pod, service) for service in focus.services):
        return 3
    return 4 if is_near and runs_to_an_end(pod) else None


def _containers(pod: Json, *, is_all: bool) -> list[str]:
    """Names of the containers to read: all, or the troubled ones (all when none stands out)."""
    status = pod.get("status") or {}
    statuses = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    names = [str(each["name"]) for each in statuses]
    troubled = [
        str(each["name"])
        for each in statuses
        if each.get("restartCount") or (not each.get("ready", False) and "running" in (each.get("state") or {}))
        or ((each.get("state") or {}).get("terminated") or {}).get("exitCode")
    ]  # fmt: skip
    return names if is_all or not troubled else troubled


COLLECTOR = LogsCollector()
