"""Reads objects with what happened to them."""

from __future__ import annotations

from knowledge.vocabulary import ApiRequest
from tools.actions.contract import Look
from tools.actions.reading import PAGE, Reading, get_request, list_request
from tools.script.command import Command


async def _describe(command: Command, look: Look) -> list[ApiRequest]:
    events = look.kind("events")
    found: list[ApiRequest] = []
    for target in command.targets:
        if not target.name:
            found.append(list_request(look.cluster, target.kind, command))
            continue
        about = f"involvedObject.name={target.name},involvedObject.kind={target.kind.kind}"
        found.append(get_request(look.cluster, target.kind.path(command.namespace, target.name)))
        if command.value("show-events", "true") == "true":
            found.append(get_request(look.cluster, events.path(command.namespace), fieldSelector=about, limit=PAGE))
    return found


ACTION = Reading("describe", ("describe",), _describe)
