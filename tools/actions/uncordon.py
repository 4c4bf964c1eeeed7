"""Marks a node schedulable again."""

from __future__ import annotations

from knowledge.vocabulary import Json
from tools.actions.contract import Look
from tools.actions.edit import ObjectEdit
from tools.actions.grant import patching
from tools.script.command import Command


async def _uncordon(command: Command, item: Json, look: Look) -> Json:  # noqa: ARG001 - the contract's signature
    item.get("spec", {}).pop("unschedulable", None)
    return item


ACTION = ObjectEdit("uncordon", ("uncordon",), _uncordon, (patching(("nodes",), "/spec/unschedulable"),))
