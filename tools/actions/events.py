"""Reads events."""

from __future__ import annotations

from knowledge.errors import BadInput
from knowledge.vocabulary import ApiRequest
from tools.actions.contract import Look
from tools.actions.reading import PAGE, Reading, get_request
from tools.script.command import Command


async def _events(command: Command, look: Look) -> list[ApiRequest]:
    parts: list[str] = []
    if about := command.value("for"):
        spelled, _, name = about.partition("/")
        kind = look.kinds.find(spelled)
        if kind is None:
            raise BadInput(f"unknown kind {spelled}", next_step="a kind that the cluster serves")
        parts = [f"involvedObject.kind={kind.kind}", f"involvedObject.name={name}"]
    if command.value("types") in {"Normal", "Warning"}:
        parts.append(f"type={command.value('types')}")
    path = look.kind("events").path(command.namespace)
    return [get_request(look.cluster, path, fieldSelector=",".join(parts), limit=PAGE)]


ACTION = Reading("events", ("events",), _events)
