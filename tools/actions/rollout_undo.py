"""Rolls a workload back to a revision that is named at review: its template is frozen, not looked up later."""

from __future__ import annotations

import copy
from dataclasses import replace

from knowledge.errors import BadInput
from knowledge.vocabulary import Json
from tools.actions.contract import Frozen, Look
from tools.actions.edit import ObjectEdit
from tools.actions.grant import ANNOTATIONS, WORKLOADS, patching
from tools.script.command import Command

_REVISION = "deployment.kubernetes.io/revision"
_STAYS = frozenset({
    _REVISION, "deployment.kubernetes.io/revision-history", "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas", "deprecated.deployment.rollback.to",
    "kubectl.kubernetes.io/last-applied-configuration",
})  # fmt: skip
_Revision = tuple[Json, Json | None]


async def _undo(command: Command, item: Json, look: Look) -> Json:
    if item["spec"].get("paused"):
        raise BadInput(f"{command.targets[0].name} is paused: it cannot be rolled back", next_step="resume it first")
    revisions = await _revisions(item, look)
    _, (template, annotations) = _chosen(revisions, int(command.value("to-revision", "0")), item)
    if template == item["spec"]["template"]:
        return item
    item["spec"]["template"] = template
    if annotations is not None:
        own = item["metadata"].get("annotations") or {}
        kept = {key: value for key, value in own.items() if _stays(key)}
        item["metadata"]["annotations"] = kept | {key: value for key, value in annotations.items() if not _stays(key)}
    return item


def _stays(key: str) -> bool:
    """Annotations that a rollback leaves alone, as kubectl does, and our own marks."""
    return key in _STAYS or key.startswith("opsdesk.io/")


async def _revisions(item: Json, look: Look) -> dict[int, _Revision]:
    """Revision -> pod template, of what this very object owns, and of a Deployment the annotations that it had then."""
    namespace, uid = item["metadata"]["namespace"], item["metadata"].get("uid")
    is_deployment = item.get("kind") == "Deployment"
    kind = look.kind("replicasets.apps" if is_deployment else "controllerrevisions.apps")
    found: dict[int, _Revision] = {}
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
            found[revision] = template, metadata.get("annotations", {}) if is_deployment else None
    return found


def _chosen(revisions: dict[int, _Revision], wanted: int, item: Json) -> tuple[int, _Revision]:
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


ACTION = _RolloutUndo("rollout_undo", ("rollout undo",), _undo, (patching(WORKLOADS, "{template}", *ANNOTATIONS),))
