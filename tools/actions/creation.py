"""An object that a step creates, and how that is taken back: by the uid that the step itself saw come into being."""

from __future__ import annotations

from knowledge.errors import BadInput
from knowledge.vocabulary import ApiRequest, FieldState, Json, ReversalKind
from tools.actions.contract import CREATED_UID, FIELD_MANAGER, Frozen, Look, reference
from tools.actions.json_patch import ABSENT, Change, diff_text
from tools.ports import ResourceKind


def delete_request(cluster: str, path: str, uid: str, **options: object) -> ApiRequest:
    """A delete that only hits the object with this uid."""
    body: Json = {"apiVersion": "v1", "kind": "DeleteOptions", **options}
    if uid:
        body["preconditions"] = {"uid": uid}
    return ApiRequest(cluster=cluster, method="DELETE", path=path, content_type="application/json", body=body)


def create_request(cluster: str, kind: ResourceKind, namespace: str, body: Json) -> ApiRequest:
    return ApiRequest(
        cluster=cluster, method="POST", path=kind.path(namespace),
        query={"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}, content_type="application/json", body=body,
    )  # fmt: skip


async def created(look: Look, kind: ResourceKind, namespace: str, body: Json) -> Frozen:
    """The step that creates ``body``. Raises BadInput when an object of that name is there."""
    name = body["metadata"]["name"]
    if await look.find(kind, namespace, name) is not None:
        raise BadInput(f"{kind.resource} {name} already exists", next_step="change it with apply or patch")
    target = reference(look.cluster, kind, namespace, name)
    shown = [Change((key,), ABSENT, value) for key, value in sorted(body.items()) if key not in {"apiVersion", "kind"}]
    return Frozen(
        target, (create_request(look.cluster, kind, namespace, body),), ReversalKind.RESTORES,
        (delete_request(look.cluster, kind.path(namespace, name), CREATED_UID, propagationPolicy="Background"),),
        (FieldState(path="", is_absent=True),), (FieldState(path="", value=body),),
        diff_text(shown, f"{target.key} (new)"), None, body, kind,
    )  # fmt: skip
