"""Roles, bindings and service accounts of the two identities, as objects to apply."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from knowledge.vocabulary import Json
from tools.collectors.custom import GROUPS
from tools.contracts import Collector
from tools.discovery import load_values
from tools.rbac.grants import Right

PREFIX = DESK_NAMESPACE = "opsdesk"
RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io"

Rule = Json
"""One PolicyRule: apiGroups, resources, verbs."""

_BESIDE_LISTS = (
    ("", "pods/log", "get", True),
    ("metrics.k8s.io", "pods", "list", True),
    ("metrics.k8s.io", "nodes", "list", False),
    (_ADMISSION, "validatingadmissionpolicies", "list", False),
    (_ADMISSION, "validatingadmissionpolicybindings", "list", False),
)
"""What is read besides the collectors' lists: logs, present use, and (by ``doctor``) the policy that binds the executor."""


@dataclass(frozen=True, slots=True)
class Needed:
    """A resource that is read."""

    group: str
    resource: str
    verbs: tuple[str, ...]
    is_namespaced: bool


def reader_needs(custom: Sequence[str] | None = None) -> tuple[Needed, ...]:
    """What the collectors list. ``custom`` narrows the custom groups (None: all that they know). Never Secrets."""
    found = [
        Needed(read.kind.group, read.kind.plural, ("get", "list"), read.kind.is_namespaced)
        for collector in load_values("tools.collectors", Collector).values()
        for read in getattr(collector, "reads", ())
    ]
    for group, resource, verb, is_namespaced in _BESIDE_LISTS:
        found.append(Needed(group, resource, ("get",) if verb == "get" else ("get", "list"), is_namespaced))
    found += [Needed(group, "*", ("get", "list"), True) for group in sorted(GROUPS if custom is None else custom)]
    assert not any(need.resource.startswith("secrets") for need in found)
    return tuple(dict.fromkeys(found))


def reader_rules(needs: Iterable[Needed], *, is_namespaced: bool | None = None) -> list[Rule]:
    """Rules of a role; ``is_namespaced`` keeps one side (a Role cannot give cluster-scoped resources)."""
    kept = [need for need in needs if is_namespaced is None or need.is_namespaced is is_namespaced]
    return _rules((need.group, need.resource, verb) for need in kept for verb in need.verbs)


def executor_rules(rights: Iterable[Right], *, is_namespaced: bool | None = None) -> list[Rule]:
    """Write rights only: what it reads, it reads by the reader's role."""
    kept = [right for right in rights if is_namespaced is None or right.kind.is_namespaced is is_namespaced]
    return _rules((right.group, right.resource, right.verb) for right in kept)


def _rules(wanted: Iterable[tuple[str, str, str]]) -> list[Rule]:
    """(group, resource, verb) as few rules: resources of one group with the same verbs stand together."""
    verbs: dict[tuple[str, str], set[str]] = {}
    for group, resource, verb in wanted:
        verbs.setdefault((group, resource), set()).add(verb)
    together: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (group, resource), held in sorted(verbs.items()):
        together.setdefault((group, tuple(sorted(held))), []).append(resource)
    return [
        {"apiGroups": [group], "resources": sorted(resources), "verbs": list(held)}
        for (group, held), resources in together.items()
    ]


@dataclass(frozen=True, slots=True)
class Accounts:
    """Where the desk lives and who its identities are. ``user`` empty: the executor is a service account of that namespace.
    ``prefix`` begins the name of everything, so that two desks can share a cluster."""

    namespace: str = DESK_NAMESPACE
    user: str = ""
    prefix: str = PREFIX

    @property
    def reader(self) -> str:
        return f"{self.prefix}-reader"

    @property
    def executor(self) -> str:
        return f"{self.prefix}-executor"

    @property
    def executor_user(self) -> str:
        """The executor's user name as the API server sees it."""
        return self.user or f"system:serviceaccount:{self.namespace}:{self.executor}"

    def subject(self, name: str) -> Json:
        if name == self.executor and self.user:
            return {"kind": "User", "name": self.user, "apiGroup": RBAC}
        return {"kind": "ServiceAccount", "name": name, "namespace": self.namespace}


def service_account(name: str, accounts: Accounts) -> Json:
    """Its pods mount a projected token that ends; none is mounted where nobody asked for it, and none lies in a Secret."""
    return {
        "apiVersion": "v1", "kind": "ServiceAccount", "automountServiceAccountToken": False,
        "metadata": {"name": name, "namespace": accounts.namespace},
    }  # fmt: skip


def reader_objects(needs: Sequence[Needed], accounts: Accounts, namespaces: Sequence[str] = ()) -> list[Json]:
    """The reader's account, roles and bindings. The executor's identity reads by the same roles: a pod has one identity."""
    subjects = [accounts.subject(accounts.reader), accounts.subject(accounts.executor)]
    found = [service_account(accounts.reader, accounts)]
    if not namespaces:
        return [*found, *_bound("ClusterRole", accounts.reader, reader_rules(needs), subjects)]
    found += _bound("ClusterRole", accounts.reader, reader_rules(needs, is_namespaced=False), subjects)
    for namespace in namespaces:
        found += _bound("Role", accounts.reader, reader_rules(needs, is_namespaced=True), subjects, namespace)
    return found


def executor_objects(rights: Sequence[Right], accounts: Accounts, namespaces: Sequence[str] = ()) -> list[Json]:
    """The executor's account, roles and bindings."""
    subjects = [accounts.subject(accounts.executor)]
    found = [] if accounts.user else [service_account(accounts.executor, accounts)]
    if not namespaces:
        return [*found, *_bound("ClusterRole", accounts.executor, executor_rules(rights), subjects)]
    everywhere = executor_rules(rights, is_namespaced=False)
    if everywhere:
        found += _bound("ClusterRole", accounts.executor, everywhere, subjects)
    for namespace in namespaces:
        found += _bound("Role", accounts.executor, executor_rules(rights, is_namespaced=True), subjects, namespace)
    return found


def _bound(kind: str, name: str, rules: list[Rule], subjects: list[Json], namespace: str = "") -> list[Json]:
    """A role and its binding."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    version = {"apiVersion": f"{RBAC}/v1"}
    return [
        {**version, "kind": kind, "metadata": metadata, "rules": rules},
        {
            **version, "kind": f"{kind}Binding", "metadata": metadata, "subjects": subjects,
            "roleRef": {"apiGroup": RBAC, "kind": kind, "name": name},
        },
    ]  # fmt: skip
