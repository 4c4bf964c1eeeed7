"""Restarts a workload as kubectl does: a stamp in the pod template, so that its controller replaces every pod."""

from __future__ import annotations

from knowledge.errors import BadInput
from knowledge.vocabulary import Json, ReversalKind
from tools.actions.contract import Look
from tools.actions.edit import ObjectEdit, pod_template
from tools.actions.grant import RESTART, WORKLOADS, patching
from tools.script.command import Command


async def _restart(command: Command, item: Json, look: Look) -> Json:
    if item.get("spec", {}).get("paused"):
        raise BadInput(f"{command.targets[0].name} is paused: a restart would not begin", next_step="resume it first")
    metadata = pod_template(item).setdefault("metadata", {})
    if not isinstance(metadata.get("annotations"), dict):
        metadata["annotations"] = {}
    metadata["annotations"]["kubectl.kubernetes.io/restartedAt"] = look.now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return item


# Taking the stamp back would restart everything a second time: the controller is what puts a restart right.
ACTION = ObjectEdit(
    "rollout_restart", ("rollout restart",), _restart, (patching(WORKLOADS, RESTART),), reversal=ReversalKind.SELF_HEALS
)
