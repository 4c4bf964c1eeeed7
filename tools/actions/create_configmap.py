"""Creates a ConfigMap from literals."""

from __future__ import annotations

from dataclasses import dataclass

from knowledge.errors import BadInput
from knowledge.vocabulary import Json, Ruling
from tools.actions.contract import Frozen, Look, Permission
from tools.actions.creation import created
from tools.actions.edit import single_target
from tools.actions.grant import Grant
from tools.script.command import Command


def configmap_of(command: Command) -> Json:
    """The object that the command describes. Raises BadInput for a key given twice."""
    pairs = [literal.split("=", 1) for literal in command.values("from-literal")]
    if len({key for key, _ in pairs}) != len(pairs):
        raise BadInput("a key is given twice", next_step="each key once")
    metadata = {"name": command.targets[0].name, "namespace": command.namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(pairs)}


@dataclass(frozen=True, slots=True)
class _CreateConfigMap:
    id: str = "create_configmap"
    verbs: tuple[str, ...] = ("create configmap",)
    is_read: bool = False
    risk: Ruling = Ruling.ONE
    grants: tuple[Grant, ...] = (Grant("create", ("configmaps",)), Grant("delete", ("configmaps",)))

    def permissions(self, command: Command) -> tuple[Permission, ...]:
        kind, namespace, name = single_target(command)
        return (Permission("create", kind, namespace), Permission("delete", kind, namespace, name))

    async def freeze(self, command: Command, look: Look) -> Frozen:
        return await created(look, command.targets[0].kind, command.namespace, configmap_of(command))


ACTION = _CreateConfigMap()
