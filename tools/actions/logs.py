"""Reads logs, bounded: following ends at once, and no more than a million bytes of at most five pods are read."""

from __future__ import annotations

import re

from knowledge.errors import BadInput
from knowledge.vocabulary import ApiRequest, Json
from tools.actions.contract import Look
from tools.actions.reading import Reading, get_request
from tools.script.command import Command

MOST_LINES, MOST_BYTES, MOST_PODS = 5_000, 1_000_000, 5
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def seconds_of(duration: str) -> int:
    """``1h30m`` in whole seconds, at least one."""
    return max(1, int(sum(float(n) * _UNITS[u] for n, u in re.findall(r"([0-9.]+)(ms|h|m|s)", duration))))


async def _pods(command: Command, look: Look) -> list[Json]:
    pods = look.kind("pods")
    if not command.targets:
        return list(await look.list(pods, command.namespace, label_selector=command.selector))
    target = command.targets[0]
    item = await look.get(target.kind, command.namespace, target.name)
    if target.kind.kind == "Pod":
        return [item]
    labels = item.get("spec", {}).get("selector", {})
    labels = labels.get("matchLabels", labels)
    if not labels or not all(isinstance(value, str) for value in labels.values()):
        raise BadInput(f"{target.name} selects no pods", next_step="name a pod")
    selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    return list(await look.list(pods, command.namespace, label_selector=selector))


def _request(command: Command, look: Look, pod: Json, container: str) -> ApiRequest:
    metadata, tail = pod["metadata"], int(command.value("tail", "-1"))
    return get_request(
        look.cluster, look.kind("pods").path(metadata["namespace"], metadata["name"], "log"), container=container,
        tailLines=str(MOST_LINES if tail < 0 else min(tail, MOST_LINES)), timestamps="true",
        limitBytes=str(min(int(command.value("limit-bytes", "0")) or MOST_BYTES, MOST_BYTES)),
        previous="true" if command.has("previous") else "", sinceTime=command.value("since-time"),
        sinceSeconds=str(seconds_of(command.value("since"))) if command.value("since") else "",
    )  # fmt: skip


async def _logs(command: Command, look: Look) -> list[ApiRequest]:
    most = MOST_PODS if not command.targets or command.has("all-pods") else 1
    found: list[ApiRequest] = []
    for pod in (await _pods(command, look))[:most]:
        containers = [container["name"] for container in pod["spec"].get("containers", [])]
        wanted = containers if command.has("all-containers") else [command.value("container") or containers[0]]
        found += [_request(command, look, pod, container) for container in wanted]
    return found


ACTION = Reading("logs", ("logs",), _logs)
