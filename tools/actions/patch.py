"""Applies an inline patch. The outcome is computed here; what is sent is a JSON Patch that tests what it replaces."""

from __future__ import annotations

from knowledge.errors import BadInput
from knowledge.vocabulary import Json
from tools.actions.contract import Look
from tools.actions.edit import ObjectEdit
from tools.actions.grant import CONTENT, EDITABLE, patching
from tools.actions.json_patch import apply_patch
from tools.actions.merge import merge_patch, strategic_merge, takes_strategic
from tools.script.command import Command
from tools.script.manifests import read_patch

_IDENTITY = ("apiVersion", "kind")


async def _patch(command: Command, item: Json, look: Look) -> Json:  # noqa: ARG001 - the contract's signature
    if command.value("subresource"):
        raise BadInput(
            "a subresource is not patched", next_step="kubectl scale for replicas; a status is its controller's"
        )
    patch = read_patch(command.value("patch"), command.line, command.column)
    kind = command.value("type", "strategic")
    if kind == "json":
        desired = apply_patch(item, patch)
    elif kind == "merge":
        desired = merge_patch(item, patch)
    elif not takes_strategic(command.targets[0].kind):
        raise BadInput("a custom resource takes no strategic patch", next_step="--type=merge or --type=json")
    else:
        desired = strategic_merge(item, patch)
    assert isinstance(desired, dict)
    metadata = desired.get("metadata", {})
    if any(desired.get(key) != item.get(key) for key in _IDENTITY) or metadata.get("name") != item["metadata"]["name"]:
        raise BadInput("a patch does not change what an object is", next_step="create another object")
    if metadata.get("namespace") != item["metadata"].get("namespace") or metadata.get("uid") != item["metadata"].get(
        "uid"
    ):
        raise BadInput("a patch does not change what an object is", next_step="create another object")
    return desired


ACTION = ObjectEdit("patch", ("patch",), _patch, (patching(EDITABLE, *CONTENT, is_general=True),))
