"""What an executor's identity may do, held against what it should: at start, and again before it executes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from api.settings import ClusterSettings
from knowledge.errors import AccessDenied, ObjectNotFound, OpsdeskError
from knowledge.vocabulary import Json, Text
from tools.ports import ClusterReader, ClusterWriter, ResourceKind
from tools.rbac.excess import FORBIDDEN, excess_of, shortened
from tools.rbac.manifests import Privileges
from tools.rbac.roles import Accounts
from tools.safety.policy import Policy

MAX_NAMESPACES = 5_000
AT_ONCE = 16
"""Questions on their way to the API server at a time."""
_ALWAYS = ("default", "kube-system")
_NAMESPACES = ResourceKind("", "v1", "namespaces", "Namespace", is_namespaced=False)
_ADMISSION = "admissionregistration.k8s.io"
_POLICY = ResourceKind(
    _ADMISSION, "v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy", is_namespaced=False
)
_BINDING = ResourceKind(
    _ADMISSION, "v1", "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", is_namespaced=False
)
PROJECTED = "give it a projected token (a pod's volume, or kubectl create token), and delete the Secret"
PRINT = "opsdesk rbac print --cluster {name} | kubectl apply -f -"


@dataclass(frozen=True, slots=True)
class Fitness:
    """Whether an identity may execute. ``excess`` are the rights beyond what the enabled actions need; ``because`` says in
    words why it may not execute, empty when it may. ``is_known`` False: the server did not answer."""

    user: str = ""
    excess: tuple[str, ...] = ()
    because: str = ""
    next_step: str = ""
    is_known: bool = True
    warning: Text | None = None


def privileges_of(cluster: ClusterSettings, policy: Policy) -> Privileges:
    """What this cluster's settings and policy give."""
    return Privileges(policy, actions=cluster.actions, mode=cluster.mode, custom=cluster.custom_groups or None)


async def fitness_of(cluster: ClusterSettings, reader: ClusterReader, writer: ClusterWriter, policy: Policy) -> Fitness:
    """Asks the API server what the executor's identity may do. In a pod, with its own service account, more than it should
    have refuses; elsewhere `accept_broad_rights` lets it through, and every review says so."""
    try:
        identity = await writer.identity()
        names, unseen = await _namespaces(reader)
        excess = await excess_rights(writer, privileges_of(cluster, policy).allowed, names)
    except OpsdeskError as error:
        return Fitness(because=error.message, next_step=error.next_step, is_known=False)
    printed = PRINT.format(name=cluster.name)
    if identity.is_legacy and identity.is_pods_own:
        said = f"{identity.user} holds a long-lived token out of a Secret, which never ends"
        return Fitness(identity.user, excess, said, PROJECTED)
    if not excess:
        legacy = _legacy(identity.user) if identity.is_legacy else None
        return Fitness(identity.user, next_step=PROJECTED if legacy else "", warning=legacy or unseen)
    held = shortened(excess)
    said = f"{identity.user or 'the executor'} may do more than the enabled actions need: {held}"
    if identity.is_pods_own:
        return Fitness(identity.user, excess, said, printed)
    if not cluster.accept_broad_rights:
        return Fitness(identity.user, excess, said, f"{printed}, or set accept_broad_rights: true")
    return Fitness(identity.user, excess, next_step=printed, warning=_accepted(held))


def _accepted(held: str) -> Text:
    return Text(
        en=f"The executor's identity may do more than the enabled actions need (accepted in the settings): {held}",
        zh=f"执行器身份的权限超出已启用操作所需（设置中已接受）：{held}",
    )


def _legacy(user: str) -> Text:
    return Text(
        en=f"The executor's identity {user} holds a long-lived token out of a Secret; a projected one ends by itself",
        zh=f"执行器身份 {user} 使用的是来自 Secret 的长期令牌；投射令牌会自行到期",
    )


async def excess_rights(writer: ClusterWriter, allowed: list[Json], namespaces: Sequence[str]) -> tuple[str, ...]:
    """Rights beyond ``allowed`` in these namespaces, and the forbidden ones that any authorizer gives. Raises Temporary."""
    answers = await asyncio.gather(*(writer.may(one.verb, one.kind, subresource=one.subresource) for one in FORBIDDEN))
    found = dict.fromkeys(str(one) for one, may in zip(FORBIDDEN, answers, strict=True) if may)
    judged: set[str] = set()
    for start in range(0, len(namespaces), AT_ONCE):
        for rules in await asyncio.gather(*(writer.rights(name) for name in namespaces[start : start + AT_ONCE])):
            told = repr(rules)
            if told not in judged:  # nearly every namespace gives the same rights: they are judged once
                judged.add(told)
                found |= dict.fromkeys(excess_of(rules, allowed))
    return tuple(found)


async def _namespaces(reader: ClusterReader) -> tuple[list[str], Text | None]:
    """Where rights are looked at, since those of one namespace show only there; and what has to be said where that is not
    everywhere."""
    try:
        listing = await reader.list(_NAMESPACES, limit=MAX_NAMESPACES)
    except OpsdeskError as error:
        return list(_ALWAYS), _unseen(", ".join(_ALWAYS), error.message)
    names = [str(item["metadata"]["name"]) for item in listing.items]
    cut = _unseen(f"the first {len(names)}", "there are more than are looked at") if listing.is_cut else None
    return list(dict.fromkeys([*_ALWAYS, *names])), cut


def _unseen(where: str, why: str) -> Text:
    return Text(
        en=f"The executor's rights were looked at in some namespaces only ({where}): {why}; what is bound elsewhere is not known",
        zh=f"仅检查了部分命名空间（{where}）中的执行器权限：{why}；其他命名空间中的绑定未知",
    )


async def policy_in_force(cluster: ClusterSettings, reader: ClusterReader, policy: Policy, user: str) -> str:
    """Whether the cluster holds the admission policies that are printed for it, for this very user; empty when it does,
    else what is missing or differs. Raises what the reader raises."""
    accounts = Accounts(user=user) if user and user != Accounts().executor_user else Accounts()
    privileges = replace(privileges_of(cluster, policy), accounts=accounts)
    wanted = {one["metadata"]["name"]: one for one in privileges.objects(("policy",)) if one["kind"] == _POLICY.kind}
    try:
        listing = await reader.list(_POLICY)
        bindings = await reader.list(_BINDING)
    except ObjectNotFound:
        return "this cluster has no ValidatingAdmissionPolicies (Kubernetes 1.30 and later): only the roles bind the executor"
    except AccessDenied:
        return "the reader may not list ValidatingAdmissionPolicies: whether the executor is bound is not known"
    held = {item["metadata"]["name"]: item for item in listing.items}
    bound = {
        item["spec"].get("policyName") for item in bindings.items if "Deny" in item["spec"].get("validationActions", ())
    }
    missing = [name for name in wanted if name not in held or name not in bound]
    if missing:
        return f"the admission policy does not bind the executor: {shortened(missing, 3)} missing"
    changed = [name for name, one in wanted.items() if _says(held[name]) != _says(one)]
    return f"the admission policy differs from what is printed: {shortened(changed, 3)}" if changed else ""


def _says(item: Json) -> tuple[list[str], ...]:
    """What of a policy decides, without what the server fills in."""
    spec = item["spec"]
    return tuple(
        [" ".join(str(one.get("expression", "")).split()) for one in spec.get(key) or ()]
        for key in ("matchConditions", "variables", "validations")
    )
