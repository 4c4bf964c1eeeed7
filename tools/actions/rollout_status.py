"""Reads how far a rollout is; the runner reads it again until it is done or its time is up."""

from __future__ import annotations

from knowledge.vocabulary import ApiRequest
from tools.actions.contract import Look
from tools.actions.reading import Reading, get_request, list_request
from tools.script.command import Command


async def _status(command: Command, look: Look) -> list[ApiRequest]:
    target = command.targets[0]
    if not target.name:
        return [list_request(look.cluster, target.kind, command)]
    return [get_request(look.cluster, target.kind.path(command.namespace, target.name))]


ACTION = Reading("rollout_status", ("rollout status",), _status)
