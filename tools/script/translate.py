"""From commands to steps: one step for one object, in the order of the script."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from knowledge.vocabulary import Json, Step
from tools.script.command import Command, ParsedScript
from tools.script.render import render_command

ActionName = Callable[[Command], str]


def single_commands(script: ParsedScript) -> Iterable[Command]:
    """The same script with one object a command; reads and commands with a selector stay whole."""
    for command in script.commands:
        if command.is_read:
            yield command
        elif command.manifests:
            yield from (replace(command, manifests=(m,), line=m.line) for m in command.manifests)
        elif len(command.targets) > 1:
            yield from (replace(command, targets=(target,)) for target in command.targets)
        else:
            yield command


def step_of(command: Command, index: int, action: str) -> Step:
    """``text`` is the canonical line: parsed again it is this very command."""
    return Step(
        index=index, action=action, is_read=command.is_read, parameters=_parameters(command),
        text=render_command(command), line=command.line,
    )  # fmt: skip


def _parameters(command: Command) -> Json:
    target = command.targets[0] if command.targets else None
    manifest = command.manifests[0] if command.manifests else None
    kind = manifest.kind if manifest else target.kind if target else None
    found: Json = {
        "verb": command.verb,
        "kind": kind.resource if kind else "",
        "name": manifest.name if manifest else target.name if target else "",
        "namespace": manifest.namespace if manifest else command.namespace,
        "flags": {name: list(values) for name, values in command.flags},
        "arguments": list(command.arguments),
    }
    if command.is_read and len(command.targets) > 1:
        found["names"] = [f"{t.kind.resource}/{t.name}" if t.name else t.kind.resource for t in command.targets]
    return found
