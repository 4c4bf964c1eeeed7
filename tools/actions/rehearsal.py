"""A change that is only tried or shown (``--dry-run=client|server``, ``diff``, ``--list``): what it would do is worked out for
the review as for a real one, and what is sent is a read of what it names. Nothing of the change goes out."""

from __future__ import annotations

from dataclasses import dataclass

from knowledge.vocabulary import ApiRequest, ReversalKind, Ruling
from tools.actions.contract import Frozen, Look, Permission
from tools.actions.grant import Grant
from tools.actions.reading import get_request, list_request
from tools.script.command import Command
from tools.script.translate import change_of, each_object

REHEARSAL = "rehearsal"


def _requests(command: Command, look: Look) -> list[ApiRequest]:
    found = [get_request(look.cluster, m.kind.path(m.namespace, m.name)) for m in command.manifests]
    for target in command.targets:
        if target.name:
            found.append(get_request(look.cluster, target.kind.path(command.namespace, target.name)))
        elif target.kind.version:
            found.append(list_request(look.cluster, target.kind, command))
    return found


@dataclass(frozen=True, slots=True)
class _Rehearsal:
    id: str = REHEARSAL
    verbs: tuple[str, ...] = (REHEARSAL, "diff")
    is_read: bool = True
    risk: Ruling = Ruling.AUTO
    grants: tuple[Grant, ...] = ()

    def permissions(self, command: Command) -> tuple[Permission, ...]:  # noqa: ARG002 - reads go with the reader's identity
        return ()

    async def freeze(self, command: Command, look: Look) -> Frozen:
        """The reads, with the difference that the change would make. Raises what the change itself would raise."""
        from tools.actions.load import action_of_verb

        shown: list[str] = []
        notes: list[str] = []
        change = change_of(command)
        for single in [] if change is None else each_object(change):
            action = action_of_verb(single)
            if action is None or not (single.manifests or (single.targets and single.targets[0].name)):
                continue
            frozen = await action.freeze(single, look)
            shown.append(frozen.diff)
            notes += frozen.notes
        if change is not None:
            notes.append("only tried: nothing is changed")
        return Frozen(
            None, tuple(_requests(command, look)), ReversalKind.SELF_HEALS, diff="\n".join(shown), notes=tuple(notes)
        )


ACTION = _Rehearsal()
