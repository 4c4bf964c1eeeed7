"""Applies one object of a heredoc: creates it when it is absent, else leaves what ``kubectl apply`` would leave, as a patch
that tests what it replaces; with --server-side as a server-side apply of our own field manager."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from knowledge.errors import BadInput
from knowledge.vocabulary import ApiRequest, Json, Ruling, canonical_json
from tools.actions.contract import FIELD_MANAGER, Frozen, Look, Permission
from tools.actions.creation import created
from tools.actions.edit import edited
from tools.actions.grant import CONTENT, EDITABLE, Grant, patching
from tools.actions.merge import takes_strategic, three_way
from tools.script.command import Command

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def _last_applied(observed: Json) -> Json | None:
    text = (observed["metadata"].get("annotations") or {}).get(_LAST_APPLIED)
    try:
        found = json.loads(text) if text else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _remembering(manifest: Json) -> Json:
    """The manifest with itself in the annotation by which the next apply knows what to take away, as kubectl writes it."""
    metadata = manifest["metadata"]
    annotations = {key: value for key, value in (metadata.get("annotations") or {}).items() if key != _LAST_APPLIED}
    text = canonical_json({**manifest, "metadata": {**metadata, "annotations": annotations}}) + "\n"
    return {**manifest, "metadata": {**metadata, "annotations": {**annotations, _LAST_APPLIED: text}}}


@dataclass(frozen=True, slots=True)
class _Apply:
    id: str = "apply"
    verbs: tuple[str, ...] = ("apply",)
    is_read: bool = False
    risk: Ruling = Ruling.ONE
    grants: tuple[Grant, ...] = (
        patching(EDITABLE, *CONTENT, is_general=True), Grant("create", EDITABLE, is_general=True),
        Grant("delete", EDITABLE, is_general=True),
    )  # fmt: skip

    def permissions(self, command: Command) -> tuple[Permission, ...]:
        manifest = command.manifests[0]
        return (
            Permission("patch", manifest.kind, manifest.namespace, manifest.name),
            Permission("create", manifest.kind, manifest.namespace),
            Permission("delete", manifest.kind, manifest.namespace, manifest.name),
        )

    async def freeze(self, command: Command, look: Look) -> Frozen:
        manifest = command.manifests[0]
        body: Json = json.loads(manifest.text)
        if command.has("force"):
            raise BadInput("--force deletes and creates again", next_step="delete and apply as two steps")
        observed = await look.find(manifest.kind, manifest.namespace, manifest.name)
        applied = body if command.has("server-side") else _remembering(body)
        if observed is None:
            return await created(look, manifest.kind, manifest.namespace, applied)
        last = None if command.has("server-side") else _last_applied(observed)
        desired = three_way(observed, last, applied, is_strategic=takes_strategic(manifest.kind))
        frozen = edited(look, manifest.kind, observed, desired)
        if not command.has("server-side") or not frozen.requests:
            return frozen
        request = ApiRequest(
            cluster=look.cluster, method="PATCH", path=manifest.kind.path(manifest.namespace, manifest.name),
            query={
                "fieldManager": FIELD_MANAGER, "fieldValidation": "Strict",
                "force": "true" if command.has("force-conflicts") else "false",
            },
            content_type="application/apply-patch+yaml", body=body,
        )  # fmt: skip
        return replace(frozen, requests=(request,))


ACTION = _Apply()
