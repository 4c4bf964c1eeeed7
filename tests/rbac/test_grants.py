"""Each action's declared grants against what it really asks for: over the corpus of ordinary changes, and as frozen requests."""

from __future__ import annotations

import pytest

from evals.safety.benign import changes
from tests.fakes.memory_cluster import MemoryCluster, StillClock, deployment, service
from tools.actions.contract import Permission
from tools.actions.json_patch import parts_of
from tools.actions.load import action_of
from tools.rbac.cel import Tree, tree_of
from tools.rbac.grants import Right, custom_kinds, rights_of_actions
from tools.rbac.guards import TEMPLATES
from tools.review import make_plan, review_plan
from tools.safety.offline import load_policy
from tools.script.command import ParsedScript
from tools.script.parser import parse
from tools.script.translate import each_object

CUSTOM = ("serving.kserve.io", "ray.io", "keda.sh")


def is_given(permission: Permission, rights: tuple[Right, ...]) -> bool:
    wanted = (permission.verb, permission.kind.resource, permission.subresource)
    return any((right.verb, right.kind.resource, right.subresource) == wanted for right in rights)


def each_change(script: ParsedScript) -> list[tuple[str, Permission, tuple[Right, ...]]]:
    found = []
    for command in (single for whole in script.commands for single in each_object(whole)):
        action = action_of(command)
        if action is None or action.is_read:
            continue
        rights = rights_of_actions((action,), CUSTOM)
        found += [(action.id, permission, rights) for permission in action.permissions(command)]
    return found


def test_every_ordinary_change_stays_within_the_grants_of_its_action() -> None:
    beyond = [
        f"{action}: {permission.verb} {permission.kind.resource} {permission.subresource}: {line.text}"
        for line in changes()
        for action, permission, rights in each_change(parse(line.text))
        if not is_given(permission, rights)
    ]
    assert beyond == []


def test_custom_kinds_are_never_identities_or_guards() -> None:
    groups = {kind.group for kind in custom_kinds(CUSTOM)}
    assert groups == set(CUSTOM)


SCRIPTS = [
    "kubectl rollout restart deploy/web -n shop",
    "kubectl set image deploy/web app=registry.example.com/shop/web:9 -n shop",
    "kubectl set env deploy/web MODE=b -n shop",
    "kubectl set resources deploy/web --limits=memory=3Gi -n shop",
    "kubectl scale deploy/web --replicas=3 -n shop",
    "kubectl rollout pause deploy/web -n shop",
    "kubectl label deploy/web tier=front -n shop",
    "kubectl annotate svc/web note=x -n shop",
    'kubectl patch svc web -n shop -p \'{"spec":{"selector":{"app":"other"}}}\'',
]


@pytest.mark.parametrize("script", SCRIPTS)
async def test_frozen_fields_stay_within_the_fields_that_the_action_declares(script: str) -> None:

    cluster = MemoryCluster(deployment(), service())
    plan = make_plan(script, incident_id="i", cluster="prod", written_by="desk", now=StillClock().now())
    review = await review_plan(plan, reader=cluster, writer=cluster, policy=load_policy(), clock=StillClock())
    (step,) = review.steps
    assert step.after
    action = action_of(next(iter(parse(script).commands)))
    assert action is not None
    assert step.target is not None
    kinds = {right.kind.kind: right for right in rights_of_actions((action,))}
    resource = kinds[step.target.kind].kind.resource
    pointers = {
        field.replace("{template}", TEMPLATES.get(resource, ""))
        for right in rights_of_actions((action,)) if right.kind.resource == resource
        for field in right.fields
    }  # fmt: skip
    outside = [state.path for state in step.after if not _within(tree_of(pointers), parts_of(state.path))]
    assert outside == []


def _within(tree: Tree, parts: tuple[str, ...]) -> bool:
    """Whether a changed path lies in, or opens a map on the way to, a declared field."""
    for part in parts:
        if not tree:
            return True
        if part not in tree and "*" not in tree:
            return False
        tree = tree.get(part, tree.get("*", {}))
    return True
