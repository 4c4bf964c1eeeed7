"""Reads objects until a condition holds or the time is up; the runner does the waiting."""

from __future__ import annotations

from knowledge.vocabulary import ApiRequest
from tools.actions.contract import Look
from tools.actions.reading import Reading, get_request, list_request
from tools.script.command import Command


async def _wait(command: Command, look: Look) -> list[ApiRequest]:
    return [
        get_request(look.cluster, target.kind.path(command.namespace, target.name))
        if target.name
        else list_request(look.cluster, target.kind, command)
        for target in command.targets
    ]


ACTION = Reading("wait", ("wait",), _wait)
