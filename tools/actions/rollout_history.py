"""Reads the revisions of a workload."""

from __future__ import annotations

from knowledge.vocabulary import ApiRequest
from tools.actions.contract import Look
from tools.actions.reading import Reading, list_request
from tools.script.command import Command


async def _history(command: Command, look: Look) -> list[ApiRequest]:
    is_deployment = command.targets[0].kind.kind == "Deployment"
    return [
        list_request(
            look.cluster, look.kind("replicasets.apps" if is_deployment else "controllerrevisions.apps"), command
        )
    ]


ACTION = Reading("rollout_history", ("rollout history",), _history)
