"""Resumes a paused Deployment's rollout."""

from __future__ import annotations

from knowledge.errors import BadInput
from knowledge.vocabulary import Json
from tools.actions.contract import Look
from tools.actions.edit import ObjectEdit
from tools.actions.grant import patching
from tools.script.command import Command


async def _resume(command: Command, item: Json, look: Look) -> Json:  # noqa: ARG001 - the contract's signature
    if not item["spec"].pop("paused", False):
        raise BadInput(f"{command.targets[0].name} is not paused", next_step="leave the step out")
    return item


ACTION = ObjectEdit("rollout_resume", ("rollout resume",), _resume, (patching(("deployments.apps",), "/spec/paused"),))
