"""An action that changes some fields of one object that exists: most of them."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from knowledge.errors import BadInput
from knowledge.vocabulary import ApiRequest, Json, ReversalKind, Ruling
from tools.actions.contract import FIELD_MANAGER, Frozen, Look, Permission, reference
from tools.actions.grant import Grant
from tools.actions.json_patch import changes, diff_text, patch_of, states
from tools.actions.quantity import with_canonical_quantities
from tools.ports import ResourceKind
from tools.script.command import Command

_SERVER_FIELDS = ("resourceVersion", "generation", "managedFields", "uid", "creationTimestamp", "selfLink")


def single_target(command: Command) -> tuple[ResourceKind, str, str]:
    """Kind, namespace and name of a command that was split to one named object."""
    target = command.targets[0]
    namespace = command.namespace if target.kind.is_namespaced else ""
    return target.kind, namespace, target.name


def edited(
    look: Look, kind: ResourceKind, observed: Json, desired: Json, *, reversal: ReversalKind = ReversalKind.RESTORES
) -> Frozen:
    """The step that turns ``observed`` into ``desired``: one JSON Patch that tests what it replaces, and its inverse."""
    metadata = observed["metadata"]
    namespace, name = metadata.get("namespace", ""), metadata["name"]
    desired = with_canonical_quantities(desired)
    found = changes(_comparable(observed), _comparable(desired))
    target = reference(look.cluster, kind, namespace, name, observed)
    if not found:
        note = f"{target.key} already is as the step would make it: nothing is sent"
        return Frozen(target, (), ReversalKind.RESTORES, observed=observed, desired=desired, kind=kind, notes=(note,))
    uid = str(metadata.get("uid", ""))
    back = [change.reversed() for change in reversed(found)]
    path = kind.path(namespace, name)
    return Frozen(
        target, (json_patch(look.cluster, path, patch_of(found, uid)),), reversal,
        (json_patch(look.cluster, path, patch_of(back, uid)),) if reversal is ReversalKind.RESTORES else (),
        states(found), states(found, is_after=True), diff_text(found, target.key), observed, desired, kind,
    )  # fmt: skip


def json_patch(cluster: str, path: str, operations: list[Json]) -> ApiRequest:
    return ApiRequest(
        cluster=cluster, method="PATCH", path=path, query={"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"},
        content_type="application/json-patch+json", body=operations,
    )  # fmt: skip


def _comparable(item: Json) -> Json:
    """An object without what the server alone writes."""
    metadata = {key: value for key, value in item.get("metadata", {}).items() if key not in _SERVER_FIELDS}
    kept = {key: value for key, value in item.items() if key not in {"status", "kind", "apiVersion"}}
    found: Json = _timeless({**kept, "metadata": metadata})
    return found


def _timeless(tree: Any) -> Any:
    """Templates carry ``creationTimestamp: null`` or not, as the server's own encoding has it: it says nothing."""
    if isinstance(tree, list):
        return [_timeless(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    return {k: _timeless(value) for k, value in tree.items() if not (k == "creationTimestamp" and value is None)}


Edit = Callable[[Command, Json, Look], Awaitable[Json]]
"""Gets a copy of the observed object and returns what it should be."""


@dataclass(frozen=True, slots=True)
class ObjectEdit:
    """An Action made of one pure edit."""

    id: str
    verbs: tuple[str, ...]
    edit: Edit
    grants: tuple[Grant, ...]
    reversal: ReversalKind = ReversalKind.RESTORES
    risk: Ruling = Ruling.ONE
    is_read: bool = False

    def permissions(self, command: Command) -> tuple[Permission, ...]:
        kind, namespace, name = single_target(command)
        return (Permission("patch", kind, namespace, name),)

    async def freeze(self, command: Command, look: Look) -> Frozen:
        kind, namespace, name = single_target(command)
        observed = await look.get(kind, namespace, name)
        desired = await self.edit(command, copy.deepcopy(observed), look)
        return edited(look, kind, observed, desired, reversal=self.reversal)


def pod_template(item: Json) -> Json:
    """The pod template of a workload (the object itself for a Pod). Raises BadInput when it has none."""
    spec: Any = item.get("spec", {})
    if item.get("kind") == "Pod":
        return item
    if item.get("kind") == "CronJob":
        spec = spec.get("jobTemplate", {}).get("spec", {})
    template = spec.get("template")
    if not isinstance(template, dict) or "spec" not in template:
        raise BadInput(
            f"{item.get('kind')} {item['metadata']['name']} has no pod template", next_step="name a workload"
        )
    return template


def containers_of(item: Json, pattern: str = "*", *, with_init: bool = False) -> list[Json]:
    """The containers named by ``pattern`` (a name or ``*``). Raises BadInput naming those that exist."""
    spec = pod_template(item)["spec"]
    everyone = [*spec.get("containers", []), *(spec.get("initContainers", []) if with_init else [])]
    found = [container for container in everyone if pattern in {"*", container["name"]}]
    if not found:
        names = ", ".join(container["name"] for container in everyone)
        raise BadInput(f"no container {pattern!r} in {item['metadata']['name']}", next_step=f"one of {names}")
    return found
