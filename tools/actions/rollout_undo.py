"""Rolls a workload back to a revision that is named at review: its template is frozen, not looked up later."""

from __future__ import annotations

import copy
from dataclasses import replace

from knowledge.errors import BadInput
from knowledge.vocabulary import Json
from tools.actions.contract import Frozen, Look
from tools.actions.edit import ObjectEdit
from tools.actions.grant import WORKLOADS, patching
from tools.script.command import Command

_REVISION = "deployment.kubernetes.io/revision"


async def _undo(command: Command, item: Json, look: Look) -> Json:
    if item["spec"].get("paused"):
        raise BadInput(f"{command.targets[0].name} is paused: it cannot be rolled back", next_step="resume it first")
    revisions = await _revisions(item, look)
    _, template = _chosen(revisions, int(command.value("to-revision", "0")), item)
    item["spec"]["template"] = template
    return item


async def _revisions(item: Json, look: Look) -> dict[int, Json]:
    """Revision -> pod template, of what this very object owns."""
    namespace, uid = item["metadata"]["namespace"], item["metadata"].get("uid")
    is_deployment = item.get("kind") == "Deployment"
    kind = look.kind("replicasets.apps" if is_deployment else "controllerrevisions.apps")
    found: dict[int, Json] = {}
    for owned in await look.list(kind, namespace):
        metadata = owned["metadata"]
        if not any(owner.get("uid") == uid for owner in metadata.get("ownerReferences", [])):
            continue
        if is_deployment:
            revision = int(metadata.get("annotations", {}).get(_REVISION, "0"))
            template = copy.deepcopy(owned["spec"]["template"])
            template.get("metadata", {}).get("labels", {}).pop("pod-template-hash", None)
        else:
            revision = int(owned.get("revision", 0))
            template = copy.deepcopy(owned.get("data", {}).get("spec", {}).get("template", {}))
            template.pop("$patch", None)
        if revision and template:
            found[revision] = template
    return found


def _chosen(revisions: dict[int, Json], wanted: int, item: Json) -> tuple[int, Json]:
    name = item["metadata"]["name"]
    if wanted:
        if wanted not in revisions:
            known = ", ".join(str(revision) for revision in sorted(revisions)) or "none"
            raise BadInput(f"{name} has no revision {wanted}", next_step=f"one of: {known}")
        return wanted, revisions[wanted]
    if len(revisions) < 2:
        raise BadInput(f"{name} has no earlier revision to go back to", next_step="correct the template itself")
    previous = sorted(revisions)[-2]
    return previous, revisions[previous]


class _RolloutUndo(ObjectEdit):
    """Says in the difference which revision it goes to."""

    async def freeze(self, command: Command, look: Look) -> Frozen:
        frozen = await ObjectEdit.freeze(self, command, look)
        assert frozen.observed is not None
        revision, _ = _chosen(
            await _revisions(frozen.observed, look), int(command.value("to-revision", "0")), frozen.observed
        )
        return replace(
            frozen,
            notes=(*frozen.notes, f"goes to revision {revision}"),
            diff=f"{frozen.diff}\n# goes to revision {revision}",
        )


ACTION = _RolloutUndo("rollout_undo", ("rollout undo",), _undo, (patching(WORKLOADS, "{template}"),))
