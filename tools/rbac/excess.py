"""What an identity holds beyond what it needs: read off the rules that the API server tells it about itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tools.ports import ResourceKind

Rules = Sequence[Mapping[str, Sequence[str]]]

_READS = frozenset({"get", "list", "watch"})
_OWN_QUESTIONS = (
    {"apiGroups": ["authorization.k8s.io"], "verbs": ["create"],
     "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]},
    {"apiGroups": ["authentication.k8s.io"], "verbs": ["create"], "resources": ["selfsubjectreviews"]},
)  # fmt: skip
"""Everyone who is authenticated may ask about himself."""


@dataclass(frozen=True, slots=True)
class Forbidden:
    """One right that the executor must not have, in any namespace."""

    verb: str
    group: str
    plural: str
    subresource: str = ""

    @property
    def kind(self) -> ResourceKind:
        return ResourceKind(
            self.group, "*" if self.group == "*" else "v1", self.plural, self.plural, is_namespaced=True
        )

    def __str__(self) -> str:
        resource = f"{self.plural}/{self.subresource}" if self.subresource else self.plural
        return f"{self.verb} {resource}" + (f".{self.group}" if self.group not in {"", "*"} else "")


_RBAC, _ADMISSION = "rbac.authorization.k8s.io", "admissionregistration.k8s.io"
FORBIDDEN = (
    Forbidden("*", "*", "*"),
    *(Forbidden(verb, "", "secrets") for verb in ("get", "list", "watch", "create", "patch", "update", "delete")),
    *(Forbidden(verb, "", "pods", sub) for sub in ("exec", "attach", "portforward", "proxy") for verb in ("create", "get")),
    Forbidden("patch", "", "pods", "ephemeralcontainers"), Forbidden("update", "", "pods", "ephemeralcontainers"),
    Forbidden("create", "", "pods"),
    Forbidden("get", "", "nodes", "proxy"), Forbidden("create", "", "nodes", "proxy"), Forbidden("get", "", "services", "proxy"),
    Forbidden("create", "", "serviceaccounts", "token"), Forbidden("create", "", "serviceaccounts"),
    *(Forbidden("impersonate", "", plural) for plural in ("users", "groups", "serviceaccounts")),
    *(Forbidden(verb, _RBAC, plural) for plural in ("roles", "clusterroles") for verb in ("escalate", "bind", "create", "patch")),
    *(Forbidden(verb, _RBAC, plural) for plural in ("rolebindings", "clusterrolebindings") for verb in ("create", "patch")),
    *(Forbidden(verb, _ADMISSION, plural) for verb in ("patch", "update", "delete") for plural in (
        "validatingadmissionpolicies", "validatingadmissionpolicybindings", "validatingwebhookconfigurations",
        "mutatingwebhookconfigurations")),
    Forbidden("update", "certificates.k8s.io", "certificatesigningrequests", "approval"),
    Forbidden("create", "apiextensions.k8s.io", "customresourcedefinitions"),
    Forbidden("delete", "", "namespaces"), Forbidden("patch", "", "namespaces"), Forbidden("delete", "", "nodes"),
    Forbidden("delete", "", "persistentvolumes"),
)  # fmt: skip
"""Asked one by one, so that what a webhook or a rule of another authorizer gives, which no list of rules shows, is seen too."""


def excess_of(held: Rules, needed: Rules) -> tuple[str, ...]:
    """Rights in ``held`` that ``needed`` does not give, in words. Reads count only where they read secrets, or reach into
    pods and nodes: wider sight than ours is not wider hands."""
    allowed = [*needed, *_OWN_QUESTIONS]
    found: dict[str, None] = {}
    for rule in held:
        for group in rule.get("apiGroups", ()):
            for resource in rule.get("resources", ()):
                for verb in rule.get("verbs", ()):
                    if not (_is_harmless(verb, group, resource) or _covers(allowed, verb, group, resource)):
                        found[f"{verb} {resource}" + (f".{group}" if group not in {"", "*"} else "")] = None
    return tuple(found)


def _is_harmless(verb: str, group: str, resource: str) -> bool:
    if verb not in _READS:
        return False
    plural, _, subresource = resource.partition("/")
    reaches = subresource in {"exec", "attach", "portforward", "proxy", "*"}
    is_wide = group in {"", "*"} and resource in {"*", "*/*"}
    return not (is_wide or reaches or (plural == "secrets" and group in {"", "*"}))


def _covers(rules: Rules, verb: str, group: str, resource: str) -> bool:
    return any(
        verb in rule["verbs"]
        and group in rule["apiGroups"]
        and (resource in rule["resources"] or ("*" in rule["resources"] and resource != "*/*"))
        for rule in rules
    )


def shortened(names: Iterable[str], most: int = 6) -> str:
    """``create pods/exec, get secrets and 9 more``."""
    every = list(names)
    rest = len(every) - most
    return ", ".join(every[:most]) + (f" and {rest} more" if rest > 0 else "")
