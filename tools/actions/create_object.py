"""Creates one object: one of a heredoc, or the one that ``kubectl create KIND`` and ``kubectl expose`` make of their flags."""

from __future__ import annotations

import json
from dataclasses import dataclass

from knowledge.errors import BadInput
from knowledge.vocabulary import Json, Ruling
from tools.actions.contract import Frozen, Look, Permission
from tools.actions.creation import created
from tools.actions.grant import EDITABLE, Grant
from tools.actions.new_objects import checked, exposed, job_of, new_object
from tools.ports import ResourceKind
from tools.script.command import Command
from tools.script.kinds import known_kinds


def _made(command: Command) -> tuple[ResourceKind, str, str]:
    """Kind, namespace and name of what comes into being."""
    if command.manifests:
        manifest = command.manifests[0]
        return manifest.kind, manifest.namespace, manifest.name
    target = command.targets[0]
    if command.verb != "expose":
        return target.kind, command.namespace, target.name
    service = known_kinds().find("services")
    assert service is not None
    return service, command.namespace, command.value("name", target.name)


@dataclass(frozen=True, slots=True)
class _CreateObject:
    id: str = "create_object"
    verbs: tuple[str, ...] = (
        "create", "create deployment", "create job", "create cronjob", "create quota", "create poddisruptionbudget",
        "create service clusterip", "expose",
    )  # fmt: skip
    is_read: bool = False
    risk: Ruling = Ruling.ONE
    grants: tuple[Grant, ...] = (
        Grant("create", EDITABLE, is_general=True), Grant("delete", EDITABLE, is_general=True),
    )  # fmt: skip

    def permissions(self, command: Command) -> tuple[Permission, ...]:
        kind, namespace, name = _made(command)
        return (Permission("create", kind, namespace), Permission("delete", kind, namespace, name))

    async def freeze(self, command: Command, look: Look) -> Frozen:
        kind, namespace, _ = _made(command)
        if command.manifests:
            body: Json = json.loads(command.manifests[0].text)
        elif command.verb == "expose":
            target = command.targets[0]
            body = exposed(command, await look.get(target.kind, namespace, target.name))
        elif source := command.value("from"):
            cronjob = await look.get(look.kind("cronjobs.batch"), namespace, source.rpartition("/")[2])
            body = job_of(command, cronjob)
        else:
            checked(command)
            made = new_object(command)
            if made is None:
                raise BadInput(f"nothing is known of kubectl {command.verb}", next_step="say it as an apply")
            body = made
        return await created(look, kind, namespace, body)


ACTION = _CreateObject()
"""What is made is deleted again by its uid."""
