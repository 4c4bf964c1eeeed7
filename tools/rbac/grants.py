"""The grants of the actions that a site has enabled, with its own custom kinds, as one list of rights."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from knowledge.errors import BadInput
from tools.actions.contract import Action
from tools.actions.grant import Grant
from tools.discovery import load_values
from tools.ports import ResourceKind
from tools.script.kinds import known_kinds

EVERY = "*"


@dataclass(frozen=True, slots=True)
class Right:
    """One verb on one resource (``deployments.apps``) or its subresource, and the fields that it may write."""

    verb: str
    kind: ResourceKind
    subresource: str = ""
    fields: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        return self.kind.group

    @property
    def resource(self) -> str:
        """As RBAC names it: ``deployments/scale``."""
        return f"{self.kind.plural}/{self.subresource}" if self.subresource else self.kind.plural


def enabled_actions(names: Sequence[str] = (EVERY,)) -> tuple[Action, ...]:
    """The actions by name, ``*`` for all. Raises BadInput naming those that exist."""
    known = load_values("tools.actions", Action)
    unknown = sorted(set(names) - {EVERY} - set(known))
    if unknown:
        changing = ", ".join(name for name, action in known.items() if not action.is_read)
        raise BadInput(f"there is no action {', '.join(unknown)}", next_step=f"one of: {changing}")
    return tuple(action for name, action in known.items() if EVERY in names or name in names)


def rights_of_actions(actions: Iterable[Action], custom: Sequence[str] = ()) -> tuple[Right, ...]:
    """Every right that these actions may need. ``custom`` are API groups whose kinds general actions may change too."""
    return tuple(
        dict.fromkeys(
            Right(grant.verb, kind, grant.subresource, grant.fields)
            for action in actions
            for grant in action.grants
            for kind in _kinds(grant, custom)
        )
    )


def _kinds(grant: Grant, custom: Sequence[str]) -> Iterable[ResourceKind]:
    table = known_kinds()
    for resource in grant.resources:
        kind = table.find(resource)
        assert kind is not None, resource
        yield kind
    if grant.is_general:
        yield from (kind for kind in custom_kinds(custom))


def custom_kinds(groups: Sequence[str]) -> tuple[ResourceKind, ...]:
    """The namespaced kinds of custom groups that the desk knows. Raises BadInput for a group that it does not know, and for
    the cluster's own: those are not opened by name."""
    rows = [row for row in known_kinds().rows if row.is_namespaced and _is_custom(row.group)]
    for group in groups:
        if group not in {row.group for row in rows}:
            known = ", ".join(sorted({row.group for row in rows}))
            raise BadInput(f"{group!r} is no custom group that opsdesk knows", next_step=f"one of: {known}")
    return tuple(row for row in rows if row.group in groups)


_CLOSED = ("kyverno.io", "external-secrets.io", "metrics.k8s.io")


def _is_custom(group: str) -> bool:
    is_own = group.endswith(".k8s.io") and not group.endswith(
        ("x-k8s.io", "gateway.networking.k8s.io", "inference.networking.k8s.io")
    )
    return "." in group and group not in _CLOSED and (not is_own or group == "autoscaling.k8s.io")
