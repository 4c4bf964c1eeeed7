"""Deletes one object that is not a pod. Taken back by creating it again as it was observed, where that restores it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass

from knowledge.vocabulary import FieldState, Json, ReversalKind, Ruling
from tools.actions.contract import Frozen, Look, Permission, reference
from tools.actions.creation import create_request, delete_request
from tools.actions.edit import single_target
from tools.actions.grant import EDITABLE, Grant
from tools.actions.json_patch import ABSENT, Change, diff_text
from tools.script.command import Command

_RESTORED = frozenset({
    "configmaps", "services", "ingresses.networking.k8s.io", "networkpolicies.networking.k8s.io",
    "poddisruptionbudgets.policy", "horizontalpodautoscalers.autoscaling", "resourcequotas", "limitranges",
})  # fmt: skip
"""Kinds that are nothing but their spec: created again, they are what they were."""
_SERVER_FIELDS = frozenset({
    "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink", "deletionTimestamp",
    "deletionGracePeriodSeconds",
})  # fmt: skip


def cleaned(item: Json) -> Json:
    """An observed object as it can be created again."""
    body = copy.deepcopy({key: value for key, value in item.items() if key != "status"})
    body["metadata"] = {key: value for key, value in body["metadata"].items() if key not in _SERVER_FIELDS}
    return body


def _content(observed: Json) -> Iterator[FieldState]:
    """Everything that the object says: what somebody wrote into it since the review is not deleted unseen, and its undo, which
    was frozen before, would not bring it back."""
    told = {"spec", "data", "binaryData", *observed} - {"apiVersion", "kind", "metadata", "status"}
    for name in sorted(told):
        yield FieldState(path=f"/{name}", value=observed.get(name), is_absent=name not in observed)


def _shown(observed: Json, title: str) -> str:
    """What goes, field by field: the reviewer sees what a restoring undo would have to bring back."""
    gone = {key: value for key, value in cleaned(observed).items() if key not in {"apiVersion", "kind"}}
    return diff_text([Change((key,), value, ABSENT) for key, value in sorted(gone.items())], title)


@dataclass(frozen=True, slots=True)
class _DeleteObject:
    id: str = "delete_object"
    verbs: tuple[str, ...] = ("delete",)
    is_read: bool = False
    risk: Ruling = Ruling.ONE
    grants: tuple[Grant, ...] = (Grant("delete", EDITABLE, is_general=True), Grant("create", tuple(sorted(_RESTORED))))

    def permissions(self, command: Command) -> tuple[Permission, ...]:
        kind, namespace, name = single_target(command)
        back = (Permission("create", kind, namespace),) if kind.resource in _RESTORED else ()
        return (Permission("delete", kind, namespace, name), *back)

    async def freeze(self, command: Command, look: Look) -> Frozen:
        kind, namespace, name = single_target(command)
        observed = await look.get(kind, namespace, name)
        target = reference(look.cluster, kind, namespace, name, observed)
        cascade = command.value("cascade", "background")
        policy = {"foreground": "Foreground", "orphan": "Orphan", "false": "Orphan"}.get(cascade, "Background")
        options: Json = {"propagationPolicy": policy}
        if command.value("grace-period", "-1") != "-1":
            options["gracePeriodSeconds"] = int(command.value("grace-period"))
        is_restored = kind.resource in _RESTORED
        inverse = (create_request(look.cluster, kind, namespace, cleaned(observed)),) if is_restored else ()
        return Frozen(
            target, (delete_request(look.cluster, kind.path(namespace, name), target.uid, **options),),
            ReversalKind.RESTORES if is_restored else ReversalKind.NONE, inverse,
            (FieldState(path="/metadata/uid", value=target.uid), *_content(observed)),
            (FieldState(path="", is_absent=True),), _shown(observed, f"{target.key} (deleted)"), observed, None, kind,
        )  # fmt: skip


ACTION = _DeleteObject()
