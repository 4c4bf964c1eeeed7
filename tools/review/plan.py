"""From a script to a plan."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from knowledge.vocabulary import ManualStep, ObjectRef, Plan, Step, Text
from tools.actions.load import action_of
from tools.ports import ResourceKind
from tools.script.command import Command, ParsedScript
from tools.script.parser import parse
from tools.script.render import canonical
from tools.script.translate import single_commands, step_of


def action_name(command: Command) -> str:
    """The id of the action, or the verb itself for one that is read only to be forbidden."""
    action = action_of(command)
    return action.id if action is not None else command.verb.replace(" ", "_")


def steps_of(script: ParsedScript) -> tuple[Step, ...]:
    """One step for one object, numbered from 0."""
    return tuple(step_of(command, i, action_name(command)) for i, command in enumerate(single_commands(script)))


def make_plan(
    script: str,
    *,
    incident_id: str,
    cluster: str,
    written_by: str,
    now: datetime,
    requester: str = "",
    reason: str = "",
    diagnosed_object: ObjectRef | None = None,
    manual: Sequence[Text] = (),
    kinds: Sequence[ResourceKind] | None = None,
) -> Plan:
    """A plan with its canonical script (empty when there are only manual steps). Raises ScriptRefused."""
    text = ""
    steps: tuple[Step, ...] = ()
    if script.strip() or not manual:
        parsed = parse(script, kinds=kinds)
        text = canonical(parsed)
        steps = steps_of(parse(text, kinds=kinds))
    return Plan(
        id=f"plan-{uuid.uuid4().hex[:16]}", incident_id=incident_id, cluster=cluster, script=text, steps=steps,
        manual_steps=tuple(ManualStep(index=i, instruction=instruction) for i, instruction in enumerate(manual)),
        written_by=written_by, requester=requester, reason=reason, diagnosed_object=diagnosed_object, created_at=now,
    )  # fmt: skip
