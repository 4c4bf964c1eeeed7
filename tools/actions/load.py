"""The actions of this folder by the verbs that they carry out."""

from __future__ import annotations

from functools import cache

from tools.actions.contract import Action
from tools.discovery import load_values
from tools.script.command import Command


@cache
def actions() -> dict[str, Action]:
    """Verb (``rollout restart``, ``delete pods``) -> action. A verb that two files claim is an error of ours."""
    found: dict[str, Action] = {}
    for action in load_values("tools.actions", Action).values():
        taken = [verb for verb in action.verbs if verb in found]
        if taken:
            raise RuntimeError(f"two actions claim {', '.join(taken)}")
        found.update(dict.fromkeys(action.verbs, action))
    return found


def action_of(command: Command) -> Action | None:
    """The action that carries out a command, None for a verb that is read only to be forbidden."""
    action = action_of_verb(command)
    is_only_tried = command.is_read and action is not None and not action.is_read
    return actions()["rehearsal"] if is_only_tried else action


def action_of_verb(command: Command) -> Action | None:
    """The action of a command's verb, tried or not."""
    table = actions()
    plural = command.targets[0].kind.resource if command.targets else ""
    return table.get(f"{command.verb} {plural}") or table.get(command.verb)
