"""The policy by which the API server itself binds the executor: a wall behind the desk's own review.

RBAC says on which resources the executor may write; a ValidatingAdmissionPolicy says which fields, in which namespaces, by
whom approved. One policy is the scope of everything the executor sends; the others hold each family of objects to the fields
that the enabled actions write. All fail closed, and concern nobody but the executor.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from knowledge.vocabulary import Json
from tools.actions.contract import FIELD_MANAGER
from tools.actions.grant import RESTART
from tools.execution.mark import BY, STEP
from tools.rbac import guards
from tools.rbac.cel import Tree, at, matching, shortest, text, texts, tree_of, unchanged
from tools.rbac.grants import Right
from tools.rbac.guards import TEMPLATES, Check
from tools.rbac.roles import Accounts
from tools.safety.policy import Policy

_OPERATIONS = {"create": "CREATE", "patch": "UPDATE", "delete": "DELETE"}
_SERVER_WRITES = ("/metadata/managedFields", "/metadata/generation", "/metadata/resourceVersion")
_WHAT = """request.operation + ' ' + request.resource.group + '/' + request.resource.resource +
(request.?subResource.orValue('') == '' ? '' : '/' + request.subResource)"""
_NAMED = """request.?namespace.orValue('') + '/' + request.resource.resource +
(request.resource.group == '' ? '' : '.' + request.resource.group) + '/' + request.?name.orValue('')"""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Whom the policy binds, and to what. ``namespaces`` empty: every one that is not protected."""

    accounts: Accounts
    policy: Policy
    namespaces: tuple[str, ...] = ()


@dataclass(slots=True)
class _Family:
    """Resources that are held to the same checks by one policy."""

    name: str
    rights: list[Right]
    checks: list[Check]
    variables: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)


def admission_policies(rights: Sequence[Right], bounds: Bounds) -> list[Json]:
    """ValidatingAdmissionPolicies and their bindings (admissionregistration.k8s.io/v1, Kubernetes 1.30 and later)."""
    found = _scope(rights, bounds)
    for family in _families(rights, bounds.policy):
        found += _pair(
            family.name, bounds, [_rule(right) for right in family.rights], family.checks, family.variables,
            family.notes,
        )  # fmt: skip
    return found


def _what(right: Right) -> str:
    return f"{_OPERATIONS[right.verb]} {right.group}/{right.resource}"


def _scope(rights: Sequence[Right], bounds: Bounds) -> list[Json]:
    """Everything that the executor sends: only the operations of enabled actions, only where it may act."""
    policy = bounds.policy
    operations = sorted({_what(right) for right in rights})
    restart = guards.restartable(policy)
    variables = [
        ("what", _WHAT),
        ("named", _NAMED),
    ]
    checks = [
        Check(f"variables.what in {texts(operations)}", "no enabled action of opsdesk does that"),
        Check(
            f"!request.?namespace.orValue('').matches({matching(policy.protected_namespaces)}) ||\n"
            "(request.operation == 'CREATE' && request.?subResource.orValue('') == 'eviction' &&\n"
            f"(request.namespace + '/' + request.?name.orValue('')).matches({guards.evictable(policy)})) ||\n"
            "(request.operation == 'UPDATE' && request.?subResource.orValue('') == '' &&\n"
            f"variables.named.matches({restart}))",
            "nothing is written in a protected namespace",
        ),
        Check(
            "request.operation != 'DELETE' || request.?name.orValue('') != ''",
            "objects are deleted one by one, by name",
        ),
        Check(
            "request.operation != 'DELETE' || dyn(request).?options.?preconditions.?uid.orValue('') != ''",
            "a delete names the uid of the object that was reviewed",
        ),
        Check(
            "request.operation in ['DELETE', 'CONNECT'] || request.?subResource.orValue('') == 'eviction' ||\n"
            f"dyn(request).?options.?fieldManager.orValue('') == '{FIELD_MANAGER}'",
            f"the executor writes as the field manager {FIELD_MANAGER}",
        ),
    ]
    if bounds.namespaces:
        checks.append(
            Check(
                f"request.?namespace.orValue('') in {texts(('', *bounds.namespaces))}",
                "the executor does not act in this namespace",
            )
        )
    everything: Json = {
        "apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"], "scope": "*",
    }  # fmt: skip
    return _pair("scope", bounds, [everything], checks, variables)


def _families(rights: Sequence[Right], policy: Policy) -> Iterable[_Family]:
    """Resources whose writes are held to fields, grouped by what is checked."""
    written: dict[tuple[str, str], list[Right]] = {}
    for right in rights:
        if right.verb in {"create", "patch"} and right.subresource != "eviction":
            written.setdefault((right.kind.resource, right.subresource), []).append(right)
    grouped: dict[str, list[_Family]] = {}
    for (resource, subresource), held in sorted(written.items()):
        kind_of_family, family = _family(resource, subresource, held, policy)
        same = next((one for one in grouped.get(kind_of_family, ()) if one.checks == family.checks), None)
        if same is None:
            grouped.setdefault(kind_of_family, []).append(family)
        else:
            same.rights += held
    for name, families in grouped.items():
        for family in families:
            family.name = name if len(families) == 1 else f"{name}-{family.rights[0].kind.plural}"
            yield family


def _family(resource: str, subresource: str, held: list[Right], policy: Policy) -> tuple[str, _Family]:
    template = TEMPLATES.get(resource, "")
    fields = shortest(pointer.replace("{template}", template) for right in held for pointer in right.fields)
    if subresource:
        return subresource, _Family("", held, [_same(fields), *_replicas(policy)])
    marks = [f"/metadata/annotations/{mark.replace('/', '~1')}" for mark in (STEP, BY)]
    places = ("", "Pod") if template else ("",)
    checks = [_same({*fields, *marks}), guards.marked(STEP, BY), guards.label_check(policy, places)]
    variables = _metadata_variables("", ())
    name = "nodes" if resource == "nodes" else "pods" if resource == "pods" else "objects"
    if template:
        name = "cronjobs" if resource == "cronjobs.batch" else "workloads"
        checks += guards.template_checks(policy)
        variables += _metadata_variables("Pod", template.strip("/").split("/")) + _pod_variables(template)
        restart = {RESTART.replace("{template}", template), *marks}
        protected = matching(policy.protected_namespaces)
        checks.append(
            Check(
                f"!request.?namespace.orValue('').matches({protected}) ||\n(request.operation == 'UPDATE' &&\n{_unchanged(restart)})",
                "in a protected namespace nothing but a restart is written",
            )
        )
    if resource == "services":
        name = "services"
        checks += guards.service_checks()
    notes = [("approved-by", f"newNotes[?'{BY}'].orValue('')"), ("step", f"newNotes[?'{STEP}'].orValue('')")]
    return name, _Family("", list(held), checks, variables, notes)


def _unchanged(fields: Iterable[str]) -> str:
    tree: Tree = tree_of({*fields, *_SERVER_WRITES})
    return unchanged("dyn(object)", "dyn(oldObject)", tree)


def _same(fields: Iterable[str]) -> Check:
    named = (pointer.replace("~1", "/") for pointer in fields if "/opsdesk.io~1" not in pointer)
    shown = ", ".join(sorted(named))
    return Check(
        f"request.operation == 'CREATE' || (\n{_unchanged(fields)})",
        f"the enabled actions write only {shown or 'no field of this kind'}",
    )


def _replicas(policy: Policy) -> list[Check]:
    new, old = at("dyn(object)", ("spec", "replicas"), "0"), at("dyn(oldObject)", ("spec", "replicas"), "0")
    return [Check(f"{new} <= {policy.max_replicas} || {new} <= {old}", f"no more than {policy.max_replicas} replicas")]


def _metadata_variables(place: str, above: Sequence[str]) -> list[tuple[str, str]]:
    """Labels and annotations, before and after, of the object itself or of its pod template."""
    new, old = "dyn(object)", "dyn(oldObject)"
    found: list[tuple[str, str]] = []
    for short, long in (("Labels", "labels"), ("Notes", "annotations")):
        path = (*above, "metadata", long)
        found.append((f"new{place}{short}", at(new, path, "{}")))
        found.append((f"old{place}{short}", _before(at(old, path, "{}"), "{}")))
    return found


def _pod_variables(template: str) -> list[tuple[str, str]]:
    path = (*template.strip("/").split("/"), "spec")
    containers = "{pod}.?containers.orValue([]) + {pod}.?initContainers.orValue([])"
    return [
        ("newPod", at("dyn(object)", path, "{}")),
        ("oldPod", _before(at("dyn(oldObject)", path, "{}"), "{}")),
        ("newContainers", containers.format(pod="variables.newPod")),
        ("oldContainers", containers.format(pod="variables.oldPod")),
    ]


def _before(expression: str, empty: str) -> str:
    """What was there before; a create has no before."""
    return f"request.operation == 'CREATE' ? dyn({empty}) : dyn({expression})"


def _rule(right: Right) -> Json:
    return {
        "apiGroups": [right.group], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"],
        "resources": [right.resource], "scope": "*",
    }  # fmt: skip


def _pair(
    family: str,
    bounds: Bounds,
    rules: Sequence[Json],
    checks: Sequence[Check],
    variables: Sequence[tuple[str, str]] = (),
    notes: Sequence[tuple[str, str]] = (),
) -> list[Json]:
    name = f"{bounds.accounts.executor}-{family}"
    known = [variable for variable, _ in variables]
    spec: Json = {
        "failurePolicy": "Fail",
        "matchConstraints": {"matchPolicy": "Equivalent", "resourceRules": _merged(rules)},
        "matchConditions": [
            {"name": "executor", "expression": f"request.userInfo.username == {text(bounds.accounts.executor_user)}"}
        ],
        "variables": [
            {"name": variable, "expression": _named(expression, known)} for variable, expression in variables
        ],
        "validations": [
            {
                "expression": _named(check.expression, known),
                "message": f"opsdesk: {check.message}",
                "reason": "Forbidden",
            }
            for check in checks
        ],
    }
    if notes:
        spec["auditAnnotations"] = [
            {"key": key, "valueExpression": _named(expression, known)} for key, expression in notes
        ]
    if not variables:
        del spec["variables"]
    kind = {"apiVersion": "admissionregistration.k8s.io/v1"}
    return [
        {**kind, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name}, "spec": spec},
        {
            **kind, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name},
            "spec": {"policyName": name, "validationActions": ["Deny", "Audit"]},
        },
    ]  # fmt: skip


def _named(expression: str, variables: Sequence[str]) -> str:
    """Variables are written bare in the checks; CEL wants them under ``variables``."""
    for name in variables:
        expression = re.sub(rf"(?<![\w.]){name}\b", f"variables.{name}", expression)
    return expression


def _merged(rules: Sequence[Json]) -> list[Json]:
    """One rule per API group, resources together."""
    found: dict[str, Json] = {}
    for rule in rules:
        group = rule["apiGroups"][0]
        if group not in found:
            found[group] = {**rule, "resources": []}
        found[group]["resources"] = sorted({*found[group]["resources"], *rule["resources"]})
    return [found[group] for group in sorted(found)]
