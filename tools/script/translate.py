"""From commands to steps: one step for one object, in the order of the script."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from knowledge.vocabulary import Json, Step
from tools.script.command import Command, ParsedScript, Target
from tools.script.render import render_command
from tools.script.verbs import VERBS

ActionName = Callable[[Command], str]


def single_commands(script: ParsedScript) -> Iterable[Command]:
    """The same script with one object a command; reads and commands with a selector stay whole."""
    for command in script.commands:
        if command.is_read:
            yield command
        else:
            yield from each_object(command)


def each_object(command: Command) -> Iterable[Command]:
    """One command for each object that this one names."""
    if command.manifests:
        yield from (replace(command, manifests=(m,), line=m.line) for m in command.manifests)
    elif len(command.targets) > 1:
        yield from (replace(command, targets=(target,)) for target in command.targets)
    else:
        yield command


def change_of(command: Command) -> Command | None:
    """The change that a command only tries (``--dry-run``, ``diff``); None for one that only lists or reads."""
    if command.has("list"):
        return None
    if command.verb == "diff":
        kept = tuple((name, values) for name, values in command.flags if name in {"server-side", "force-conflicts"})
        return replace(command, verb="apply", flags=kept, is_read=False)
    flags = tuple((name, values) for name, values in command.flags if name != "dry-run")
    return replace(command, flags=flags, is_read=False) if flags != command.flags else None


def as_read(command: Command) -> Command:
    """A read as the rules judge it: a change that is only tried is a ``get`` of what it names."""
    if not command.is_read or (VERBS[command.verb].is_read and command.verb != "diff"):
        return command
    targets = command.targets or tuple(Target(m.kind, m.name) for m in command.manifests)
    places = {m.namespace for m in command.manifests}
    namespace = places.pop() if len(places) == 1 else command.namespace
    return replace(command, verb="get", targets=targets, namespace=namespace, arguments=(), manifests=())


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
