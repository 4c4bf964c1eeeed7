"""System logs of the nodes that matter, where the site ships them: kernel, kubelet, container runtime."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from knowledge.errors import OpsdeskError
from knowledge.vocabulary import Focus, Gap, Json, ObjectRef
from tools.collectors.pod_health import health_of, serves
from tools.collectors.reading import READ_SECONDS, gap_of
from tools.contracts import Gathered, LogText
from tools.ports import Clock, Cluster, LogAnswer, Logs

BEFORE = timedelta(minutes=30)
MAX_NODES = 8
MAX_LINES = 5_000
MAX_BYTES_EACH = 1_000_000
CONCURRENCY = 4


@dataclass(frozen=True, slots=True)
class NodeLogsCollector:
    """Without such logs configured it reads nothing and says nothing. A node's log tells of every namespace's pods, so only
    those whose reach is every namespace are shown it."""

    id: str = "node_logs"
    needs: tuple[str, ...] = ("nodes", "pods")

    async def collect(self, cluster: Cluster, focus: Focus, so_far: Sequence[Json], clock: Clock) -> Gathered:  # noqa: ARG002
        gathered = Gathered()
        if cluster.logs is None or "*" not in focus.reach.namespaces:
            return gathered
        slots = asyncio.Semaphore(CONCURRENCY)
        nodes = choose(so_far, focus)
        texts = await asyncio.gather(
            *(self._read(gathered, cluster, cluster.logs, node, focus, slots) for node in nodes)
        )
        gathered.logs = [text for text in texts if text is not None]
        return gathered

    async def _read(
        self, gathered: Gathered, cluster: Cluster, logs: Logs, node: Json, focus: Focus, slots: asyncio.Semaphore
    ) -> LogText | None:
        name = str(node["metadata"]["name"])
        query = f"system log of node {name}"
        try:
            async with slots, asyncio.timeout(READ_SECONDS):
                answer = await logs.of_node(name, focus.since - BEFORE, focus.until, max_lines=MAX_LINES)
        except (OpsdeskError, TimeoutError) as error:
            gathered.gaps.append(gap_of(self.id, query, error))
            return None
        text, left_out = _text_of(answer)
        if left_out:
            gathered.gaps.append(
                Gap(source=self.id, query=query, reason=f"{left_out} were left out", next_step="look at a shorter time")
            )
        if not text:
            return None
        uid = str(node["metadata"].get("uid", ""))
        return LogText(ObjectRef(cluster=cluster.name, kind="Node", name=name, api_version="v1", uid=uid), "", text)


def _text_of(answer: LogAnswer) -> tuple[str, str]:
    """Lines as the reader of containers gives them, a time before each; the newest that fit."""
    lines: list[str] = []
    size = 0
    for number, line in enumerate(reversed(answer.lines)):
        told = f"{line.at.isoformat().replace('+00:00', 'Z')} {line.text}"
        size += len(told.encode(errors="replace")) + 1
        if size > MAX_BYTES_EACH:
            return "\n".join(reversed(lines)), f"the oldest {len(answer.lines) - number} lines"
        lines.append(told)
    return "\n".join(reversed(lines)), answer.left_out


def choose(objects: Sequence[Json], focus: Focus) -> list[Json]:
    """Nodes that are named, then those in trouble, then those that carry troubled pods of the focus, then its services'."""
    carrying: dict[str, int] = {}
    for item in objects:
        if item.get("kind") == "Pod" and (node := (item.get("spec") or {}).get("nodeName")):
            carrying[node] = min(_rank(item, focus), carrying.get(node, 9))
    ranked: list[tuple[int, int, Json]] = []
    for number, item in enumerate(objects):
        if item.get("kind") != "Node":
            continue
        name = str(item["metadata"]["name"])
        is_named = any(one.kind == "Node" and one.name == name for one in focus.objects)
        rank = 0 if is_named else 1 if _is_troubled(item) else carrying.get(name, 9)
        if rank < 9:
            ranked.append((rank, number, item))
    return [item for _, _, item in sorted(ranked, key=lambda one: one[:2])[:MAX_NODES]]


def _rank(pod: Json, focus: Focus) -> int:
    namespace = (pod.get("metadata") or {}).get("namespace")
    is_near = not focus.namespaces or namespace in focus.namespaces
    if health_of(pod, focus.since).is_unhealthy:
        return 2 if is_near else 4
    return 3 if is_near and any(serves(pod, service) for service in focus.services) else 9


def _is_troubled(node: Json) -> bool:
    return any(
        one.get("status") != ("True" if one.get("type") == "Ready" else "False")
        for one in (node.get("status") or {}).get("conditions") or ()
    )


COLLECTOR = NodeLogsCollector()
