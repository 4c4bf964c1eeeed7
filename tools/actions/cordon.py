"""Marks a node unschedulable; what runs on it stays."""

from __future__ import annotations

from knowledge.vocabulary import Json
from tools.actions.contract import Look
from tools.actions.edit import ObjectEdit
from tools.actions.grant import patching
from tools.script.command import Command


async def _cordon(command: Command, item: Json, look: Look) -> Json:  # noqa: ARG001 - the contract's signature
    item["spec"] = {**(item.get("spec") or {}), "unschedulable": True}
    return item


ACTION = ObjectEdit("cordon", ("cordon",), _cordon, (patching(("nodes",), "/spec/unschedulable"),))
