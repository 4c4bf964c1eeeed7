"""Sets requests and limits; what is not named stays."""

from __future__ import annotations

from knowledge.vocabulary import Json
from tools.actions.contract import Look
from tools.actions.edit import ObjectEdit, containers_of
from tools.actions.grant import TEMPLATED, in_containers, patching
from tools.script.command import Command


async def _set_resources(command: Command, item: Json, look: Look) -> Json:  # noqa: ARG001 - the contract's signature
    for container in containers_of(item, command.value("containers", "*")):
        for side in ("limits", "requests"):
            if not command.value(side):
                continue
            resources = container.get("resources") or {}
            wanted = dict(part.split("=", 1) for part in command.value(side).split(","))
            container["resources"] = {**resources, side: {**(resources.get(side) or {}), **wanted}}
    return item


ACTION = ObjectEdit(
    "set_resources", ("set resources",), _set_resources, (patching(TEMPLATED, *in_containers("resources")),)
)
