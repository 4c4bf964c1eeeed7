"""Reads objects."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from knowledge.vocabulary import ApiRequest
from tools.actions.contract import Look
from tools.actions.reading import Reading, get_request, list_request
from tools.script.command import Command

_EVERYDAY = ("pods", "services", "daemonsets.apps", "deployments.apps", "replicasets.apps", "statefulsets.apps",
             "horizontalpodautoscalers.autoscaling", "cronjobs.batch", "jobs.batch")  # fmt: skip


async def _get(command: Command, look: Look) -> list[ApiRequest]:
    if raw := command.value("raw"):
        parts = urlsplit(raw)
        return [get_request(look.cluster, parts.path, **dict(parse_qsl(parts.query)))]
    found: list[ApiRequest] = []
    for target in command.targets:
        if target.name:
            path = target.kind.path(command.namespace, target.name, command.value("subresource"))
            found.append(get_request(look.cluster, path))
            continue
        kinds = [look.kind(name) for name in _EVERYDAY] if target.kind.plural == "all" else [target.kind]
        found += [list_request(look.cluster, kind, command) for kind in kinds]
    return found


ACTION = Reading("get", ("get",), _get)
