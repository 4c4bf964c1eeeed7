"""Sets and removes environment variables, or takes them from a ConfigMap by reference."""

from __future__ import annotations

import re

from knowledge.errors import BadInput
from knowledge.vocabulary import Json
from tools.actions.contract import Look
from tools.actions.edit import ObjectEdit, containers_of
from tools.actions.grant import TEMPLATED, in_containers, patching
from tools.script.command import Command


async def _set_env(command: Command, item: Json, look: Look) -> Json:
    wanted = await _wanted(command, look)
    removed = {argument[:-1] for argument in command.arguments if "=" not in argument}
    overwrites = command.value("overwrite", "true") == "true"
    for container in containers_of(item, command.value("containers", "*")):
        env = [entry for entry in container.get("env") or [] if entry["name"] not in removed]
        for entry in wanted:
            at = next((i for i, old in enumerate(env) if old["name"] == entry["name"]), None)
            if at is None:
                env.append(entry)
            elif not overwrites:
                raise BadInput(f"{entry['name']} is already set", next_step="leave --overwrite=false out")
            else:
                env[at] = entry
        if env or "env" in container:
            container["env"] = env
        if not env:
            container.pop("env", None)
    return item


async def _wanted(command: Command, look: Look) -> list[Json]:
    literal = [argument for argument in (*command.values("env"), *command.arguments) if "=" in argument]
    entries: list[Json] = [dict(zip(("name", "value"), argument.split("=", 1), strict=True)) for argument in literal]
    source = command.value("from")
    if not source:
        return entries
    kind, _, name = source.partition("/")
    if kind.startswith("secret"):
        raise BadInput("the reader has no right on Secrets", next_step="write the secretKeyRef as a patch")
    configmap = await look.get(look.kind("configmaps"), command.namespace, name)
    keys = command.value("keys").split(",") if command.value("keys") else sorted(configmap.get("data") or {})
    for key in keys:
        if key not in (configmap.get("data") or {}):
            raise BadInput(f"ConfigMap {name} has no key {key}", next_step="check --keys")
        variable = command.value("prefix") + re.sub(r"[^A-Za-z0-9_]", "_", key).upper()
        entries.append({"name": variable, "valueFrom": {"configMapKeyRef": {"name": name, "key": key}}})
    return entries


ACTION = ObjectEdit("set_env", ("set env",), _set_env, (patching(TEMPLATED, *in_containers("env")),))
