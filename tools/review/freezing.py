"""Targets resolved to a frozen list, and each step frozen to its requests."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from knowledge.errors import AccessDenied, BadInput, ObjectNotFound
from knowledge.vocabulary import FrozenStep, ReversalKind, RuleVerdict, Ruling, Step, Text
from tools.actions.contract import Frozen, Look
from tools.actions.load import action_of
from tools.review.plan import action_name
from tools.script.command import Command, ParsedScript, Target
from tools.script.translate import single_commands, step_of

MOST_TARGETS = 100
_PICKS = frozenset({"selector", "field-selector", "all", "all-namespaces"})


@dataclass(slots=True)
class Prepared:
    """One step on its way through the review. ``whole`` is the command as written, when a selector was resolved from it."""

    step: Step
    command: Command
    whole: Command
    frozen: Frozen | None = None
    depends_on: tuple[int, ...] = ()
    verdicts: list[RuleVerdict] = field(default_factory=list)

    def as_step(self) -> FrozenStep:
        frozen = self.frozen or Frozen(None, (), ReversalKind.SELF_HEALS if self.step.is_read else ReversalKind.NONE)
        return FrozenStep(
            step=self.step, target=frozen.target, requests=frozen.requests, inverse=frozen.inverse, reversal=frozen.reversal,
            before=frozen.before, after=frozen.after, depends_on=self.depends_on, diff=frozen.diff,
        )  # fmt: skip


def refused(rule: str, step: int | None, en: str, zh: str, ruling: Ruling = Ruling.REFUSED) -> RuleVerdict:
    return RuleVerdict(rule=rule, ruling=ruling, message=Text(en=en, zh=zh), step=step)


async def prepare(script: ParsedScript, look: Look | None, is_hopeless: Callable[[Command], bool]) -> list[Prepared]:
    """Every step in order, selectors resolved and requests frozen when there is a cluster to look at. For a command that
    the rules forbid whatever the cluster holds nothing is read: its verdict is theirs."""
    found: list[Prepared] = []
    for whole in single_commands(script):
        stands = look is None or (not whole.is_read and is_hopeless(whole))
        for command in [whole] if stands else await _resolved(whole, look):
            index = len(found)
            prepared = Prepared(step_of(command, index, action_name(command)), command, whole)
            found.append(prepared)
            if look is None or stands:
                continue
            if _is_open(command):
                prepared.verdicts.append(
                    refused("targets", index, "the selector picks nothing", "选择器未选中任何对象")
                )
                continue
            await _freeze(prepared, look)
    return found


def _is_open(command: Command) -> bool:
    return not command.is_read and any(not target.name for target in command.targets)


async def _resolved(command: Command, look: Look | None) -> list[Command]:
    """The command once for each object that its selector picks; itself when it names its object or nothing is picked."""
    if look is None or not _is_open(command):
        return [command]
    named: list[Command] = []
    for target in command.targets:
        if target.kind.plural == "all" or command.is_all_namespaces:
            continue
        items = await look.list(
            target.kind,
            command.namespace,
            label_selector=command.selector,
            field_selector=command.value("field-selector"),
        )
        names = sorted(str(item["metadata"]["name"]) for item in items)
        named += [_named(command, Target(target.kind, name)) for name in names]
    return named[:MOST_TARGETS] if 0 < len(named) <= MOST_TARGETS else [command]


def _named(command: Command, target: Target) -> Command:
    flags = tuple((name, values) for name, values in command.flags if name not in _PICKS)
    return replace(command, targets=(target,), flags=flags)


async def _freeze(prepared: Prepared, look: Look) -> None:
    index, command = prepared.step.index, prepared.command
    action = action_of(command)
    if action is None:
        return
    try:
        frozen = await action.freeze(command, look)
    except (BadInput, ObjectNotFound, AccessDenied) as error:
        message = f"{error.message}; {error.next_step}" if error.next_step else error.message
        if command.is_read:
            # A read that finds nothing harms nothing: it is said when it runs.
            prepared.frozen = Frozen(None, (), notes=(message,))
        else:
            prepared.verdicts.append(refused("translation", index, message, message))
        return
    prepared.frozen = frozen
    prepared.depends_on = look.leave(frozen, index)


def notes_of(steps: Iterable[Prepared]) -> list[Text]:
    """What the actions found worth saying, one text for each."""
    return [
        Text(en=f"step {p.step.index + 1}: {note}", zh=f"第 {p.step.index + 1} 步：{note}")
        for p in steps
        if p.frozen is not None
        for note in p.frozen.notes
    ]  # fmt: skip
