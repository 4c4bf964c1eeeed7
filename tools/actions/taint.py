"""Adds and removes taints of one node."""

from __future__ import annotations

from knowledge.errors import BadInput
from knowledge.vocabulary import Json
from tools.actions.contract import Look
from tools.actions.edit import ObjectEdit
from tools.actions.grant import patching
from tools.script.command import Command


async def _taint(command: Command, item: Json, look: Look) -> Json:  # noqa: ARG001 - the contract's signature
    taints: list[Json] = list(item.get("spec", {}).get("taints") or [])
    added: list[Json] = []  # kubectl puts new taints first
    for word in command.arguments:
        key, _, effect = word.removesuffix("-").partition(":")
        key, _, value = key.partition("=")
        same = [taint for taint in taints if taint["key"] == key and effect in {"", taint["effect"]}]
        if word.endswith("-"):
            if not same:
                raise BadInput(f"the node has no taint {word[:-1]}", next_step="leave the step out")
            taints = [taint for taint in taints if taint not in same]
            continue
        if same and not command.has("overwrite"):
            raise BadInput(f"the node already has the taint {key}:{effect}", next_step="--overwrite when that is meant")
        fresh = {"key": key, "effect": effect, **({"value": value} if value else {})}
        taints = [taint for taint in taints if taint not in same]
        added.append(fresh)
    taints = [*added, *taints]
    spec = {key: value for key, value in (item.get("spec") or {}).items() if key != "taints"}
    item["spec"] = {**spec, "taints": taints} if taints else spec
    return item


ACTION = ObjectEdit("taint", ("taint",), _taint, (patching(("nodes",), "/spec/taints"),))
