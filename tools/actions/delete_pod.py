"""Deletes one pod; its controller makes another. A pod without a controller is gone for good, and the review says so."""

from __future__ import annotations

from dataclasses import dataclass

from knowledge.vocabulary import FieldState, Json, ReversalKind, Ruling
from tools.actions.contract import Frozen, Look, Permission, reference
from tools.actions.creation import delete_request
from tools.actions.edit import single_target
from tools.actions.grant import Grant
from tools.script.command import Command


def delete_options(command: Command) -> Json:
    """The command's flags as DeleteOptions."""
    options: Json = {}
    if command.has("now"):
        options["gracePeriodSeconds"] = 1
    elif command.value("grace-period", "-1") != "-1":
        options["gracePeriodSeconds"] = int(command.value("grace-period"))
    return options


@dataclass(frozen=True, slots=True)
class _DeletePod:
    id: str = "delete_pod"
    verbs: tuple[str, ...] = ("delete pods",)
    is_read: bool = False
    risk: Ruling = Ruling.ONE
    grants: tuple[Grant, ...] = (Grant("delete", ("pods",)),)

    def permissions(self, command: Command) -> tuple[Permission, ...]:
        kind, namespace, name = single_target(command)
        return (Permission("delete", kind, namespace, name),)

    async def freeze(self, command: Command, look: Look) -> Frozen:
        kind, namespace, name = single_target(command)
        observed = await look.get(kind, namespace, name)
        target = reference(look.cluster, kind, namespace, name, observed)
        is_controlled = any(owner.get("controller") for owner in observed["metadata"].get("ownerReferences", []))
        request = delete_request(
            look.cluster,
            kind.path(namespace, name),
            target.uid,
            propagationPolicy="Background",
            **delete_options(command),
        )
        return Frozen(
            target, (request,), ReversalKind.SELF_HEALS if is_controlled else ReversalKind.NONE, (),
            (FieldState(path="/metadata/uid", value=target.uid),), (FieldState(path="", is_absent=True),),
            f"{target.key} (deleted)", observed, None, kind,
        )  # fmt: skip


ACTION = _DeletePod()
