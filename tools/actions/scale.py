"""Sets the number of replicas through the scale subresource, testing the number that was reviewed."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from knowledge.errors import BadInput
from knowledge.vocabulary import ApiRequest, FieldState, Json, ReversalKind, Ruling
from tools.actions.contract import Frozen, Look, Permission, reference
from tools.actions.edit import json_patch, single_target
from tools.actions.grant import Grant
from tools.script.command import Command

_SCALED = ("deployments.apps", "statefulsets.apps", "replicasets.apps")


def _request(cluster: str, path: str, uid: str, old: int, new: int) -> ApiRequest:
    # A Scale of 0 is served without the field, so the test of 0 is a test of an empty spec.
    test: Json = (
        {"op": "test", "path": "/spec/replicas", "value": old} if old else {"op": "test", "path": "/spec", "value": {}}
    )
    tests: list[Json] = [{"op": "test", "path": "/metadata/uid", "value": uid}] if uid else []
    return json_patch(cluster, path, [*tests, test, {"op": "add", "path": "/spec/replicas", "value": new}])


@dataclass(frozen=True, slots=True)
class _Scale:
    id: str = "scale"
    verbs: tuple[str, ...] = ("scale",)
    is_read: bool = False
    risk: Ruling = Ruling.ONE
    grants: tuple[Grant, ...] = (Grant("patch", _SCALED, "scale", ("/spec/replicas",), is_general=True),)

    def permissions(self, command: Command) -> tuple[Permission, ...]:
        kind, namespace, name = single_target(command)
        return (Permission("patch", kind, namespace, name, "scale"),)

    async def freeze(self, command: Command, look: Look) -> Frozen:
        kind, namespace, name = single_target(command)
        observed = await look.get(kind, namespace, name)
        old = int((observed.get("spec") or {}).get("replicas", 1))
        new = int(command.value("replicas"))
        if command.value("current-replicas") not in {"", str(old)}:
            raise BadInput(
                f"{name} has {old} replicas, not {command.value('current-replicas')}", next_step="look again"
            )
        target = reference(look.cluster, kind, namespace, name, observed)
        if old == new:
            note = f"{target.key} already has {new} replicas: nothing is sent"
            return Frozen(
                target, (), ReversalKind.RESTORES, observed=observed, desired=observed, kind=kind, notes=(note,)
            )
        desired = copy.deepcopy(observed)
        desired["spec"] = {**(desired.get("spec") or {}), "replicas": new}
        path = kind.path(namespace, name, "scale")
        return Frozen(
            target, (_request(look.cluster, path, target.uid, old, new),), ReversalKind.RESTORES,
            (_request(look.cluster, path, target.uid, new, old),),
            (FieldState(path="/spec/replicas", value=old),), (FieldState(path="/spec/replicas", value=new),),
            f"{target.key}\n@ /spec/replicas\n- {old}\n+ {new}", observed, desired, kind,
        )  # fmt: skip


ACTION = _Scale()
