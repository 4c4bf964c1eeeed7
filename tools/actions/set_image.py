"""Sets container images by container name."""

from __future__ import annotations

from knowledge.vocabulary import Json
from tools.actions.contract import Look
from tools.actions.edit import ObjectEdit, containers_of
from tools.actions.grant import TEMPLATED, in_containers, patching
from tools.script.command import Command


async def _set_image(command: Command, item: Json, look: Look) -> Json:  # noqa: ARG001 - the contract's signature
    for argument in command.arguments:
        container, _, image = argument.partition("=")
        for found in containers_of(item, container, with_init=True):
            found["image"] = image
    return item


ACTION = ObjectEdit("set_image", ("set image",), _set_image, (patching(TEMPLATED, *in_containers("image")),))
