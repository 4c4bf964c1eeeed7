"""What a user may do: RBAC over the stored roles, and the few rules that a cluster starts with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from evals.practice.errors import ApiError
from evals.practice.hooks import Object
from evals.practice.http.call import Target, User
from evals.practice.store import Store, name_of

_RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True, slots=True)
class Asked:
    """One question to the authorizer."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def full_resource(self) -> str:
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def is_superuser(user: User) -> bool:
    return "system:masters" in user.groups


def _subject_text(user: User, subject: Object, namespace: str) -> str | None:
    """How the review names the subject through which a binding applies, None when it does not apply."""
    kind, name = subject.get("kind"), subject.get("name", "")
    if kind == "User" and name == user.name:
        return f'User "{name}"'
    if kind == "Group" and name in user.groups:
        return f'Group "{name}"'
    if kind == "ServiceAccount":
        owner = subject.get("namespace") or namespace
        if user.name == f"system:serviceaccount:{owner}:{name}":
            return f'ServiceAccount "{name}/{owner}"'
    return None


def _matches(patterns: list[str], value: str) -> bool:
    return "*" in patterns or value in patterns


def _allows(rule: Object, asked: Asked) -> bool:
    if not _matches(rule.get("verbs", []), asked.verb):
        return False
    if asked.path:
        urls = rule.get("nonResourceURLs", [])
        return any(url in ("*", asked.path) or (url.endswith("*") and asked.path.startswith(url[:-1])) for url in urls)
    if not _matches(rule.get("apiGroups", []), asked.group):
        return False
    resources = rule.get("resources", [])
    wildcard_sub = f"*/{asked.subresource}" if asked.subresource else ""
    if not _matches(resources, asked.full_resource) and wildcard_sub not in resources:
        return False
    names = rule.get("resourceNames") or []
    return not names or asked.name in names


class Authorizer:
    """Answers questions from the roles and bindings in the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def bindings(self, user: User, namespace: str) -> Iterator[tuple[Object, list[Object], str]]:
        """(binding, rules, subject text) of every binding that applies, cluster-wide ones first."""
        for binding in self._store.list(f"clusterrolebindings.{_RBAC}"):
            yield from self._applied(user, binding, "")
        if namespace:
            for binding in self._store.list(f"rolebindings.{_RBAC}", namespace):
                yield from self._applied(user, binding, namespace)

    def _applied(self, user: User, binding: Object, namespace: str) -> Iterator[tuple[Object, list[Object], str]]:
        for subject in binding.get("subjects") or []:
            text = _subject_text(user, subject, namespace)
            if text is not None:
                yield binding, self._rules(binding, namespace), text
                return

    def _rules(self, binding: Object, namespace: str) -> list[Object]:
        reference = binding["roleRef"]
        if reference["kind"] == "Role":
            role = self._store.find(f"roles.{_RBAC}", namespace, reference["name"])
        else:
            role = self._store.find(f"clusterroles.{_RBAC}", None, reference["name"])
        return [] if role is None else list(role.get("rules") or [])

    def decide(self, user: User, asked: Asked) -> tuple[bool, str]:
        """Whether the user may, and the reason that an access review shows."""
        if is_superuser(user):
            return True, ""
        for binding, rules, subject in self.bindings(user, asked.namespace):
            if any(_allows(rule, asked) for rule in rules):
                return True, f"RBAC: allowed by {_binding_text(binding)} of {_role_text(binding)} to {subject}"
        return False, ""

    def require(self, user: User, asked: Asked) -> None:
        """`ApiError` 403 in the server's words unless the user may."""
        allowed, _ = self.decide(user, asked)
        if not allowed:
            raise denied(user, asked)

    def require_target(self, user: User, verb: str, target: Target) -> None:
        """The check of a request on an object or a collection."""
        group, plural = target.group, target.plural
        namespace = target.namespace
        name = target.name
        if plural == "namespaces" and not group:
            namespace = target.name or namespace
        self.require(user, Asked(verb, group, plural, target.subresource.split("/")[0], namespace, name))


def _binding_text(binding: Object) -> str:
    namespace = binding["metadata"].get("namespace")
    if namespace:
        return f'RoleBinding "{name_of(binding)}/{namespace}"'
    return f'ClusterRoleBinding "{name_of(binding)}"'


def _role_text(binding: Object) -> str:
    reference = binding["roleRef"]
    return f'{reference["kind"]} "{reference["name"]}"'


def denied(user: User, asked: Asked) -> ApiError:
    """The 403 of RBAC."""
    if asked.path:
        message = f'forbidden: User "{user.name}" cannot {asked.verb} path "{asked.path}"'
        return ApiError(403, "Forbidden", message, details={})
    qualified = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    subject = f'{qualified} "{asked.name}"' if asked.name and asked.verb != "deletecollection" else qualified
    where = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
    message = (
        f'{subject} is forbidden: User "{user.name}" cannot {asked.verb} resource "{asked.full_resource}" '
        f'in API group "{asked.group}" {where}'
    )
    details: Object = {"name": asked.name} if asked.name else {}
    if asked.group:
        details["group"] = asked.group
    details["kind"] = asked.resource
    return ApiError(403, "Forbidden", message, details=details)
