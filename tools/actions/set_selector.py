"""Sets the selector of a Service, as a whole."""

from __future__ import annotations

from knowledge.errors import BadInput
from knowledge.vocabulary import Json
from tools.actions.contract import Look
from tools.actions.edit import ObjectEdit
from tools.actions.grant import patching
from tools.actions.metadata_words import selector_of
from tools.script.command import Command


async def _selector(command: Command, item: Json, look: Look) -> Json:  # noqa: ARG001 - the contract's signature
    if command.value("resource-version") not in {"", str(item["metadata"].get("resourceVersion", ""))}:
        raise BadInput("the object is at another resourceVersion", next_step="leave --resource-version out")
    item["spec"]["selector"] = selector_of(command)
    return item


ACTION = ObjectEdit("set_selector", ("set selector",), _selector, (patching(("services",), "/spec/selector"),))
