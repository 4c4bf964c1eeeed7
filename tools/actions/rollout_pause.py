"""Pauses a Deployment's rollout."""

from __future__ import annotations

from knowledge.errors import BadInput
from knowledge.vocabulary import Json
from tools.actions.contract import Look
from tools.actions.edit import ObjectEdit
from tools.actions.grant import patching
from tools.script.command import Command


async def _pause(command: Command, item: Json, look: Look) -> Json:  # noqa: ARG001 - the contract's signature
    if item["spec"].get("paused"):
        raise BadInput(f"{command.targets[0].name} is already paused", next_step="leave the step out")
    item["spec"]["paused"] = True
    return item


ACTION = ObjectEdit("rollout_pause", ("rollout pause",), _pause, (patching(("deployments.apps",), "/spec/paused"),))
