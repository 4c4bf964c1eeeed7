"""Protects the identity of workloads: which service account a pod acts as, and whose token it is given."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from knowledge.vocabulary import Json, Ruling, Text
from tools.safety.contract import SafetyRule, Said, Subject, said
from tools.safety.policy import Policy

_ACCOUNTS = frozenset({"serviceAccountName", "serviceAccount", "serviceAccountRef"})
_TOKENS = frozenset({"serviceAccountToken", "tokenRequests", "clusterTrustBundle", "podCertificate"})


def _judge(subject: Subject, policy: Policy) -> Iterable[Said]:  # noqa: ARG001 - the contract's signature
    if subject.command.verb == "set serviceaccount":
        yield said(Ruling.FORBIDDEN, "swaps the identity of a workload", "更换工作负载的身份")
    for writes in subject.writes:
        for path, value in writes.walk():
            if (
                path[-1] in _ACCOUNTS
                and value not in (None, "", "default")
                and not _is_unchanged(value, subject.observed)
            ):
                place = ".".join(path)
                yield said(Ruling.FORBIDDEN, f"{place} swaps the identity of a workload", f"{place} 更换工作负载的身份")
            elif path[-1] in _TOKENS:
                yield said(Ruling.FORBIDDEN, "mounts a token of an identity", "挂载身份令牌")
            elif path[-1] == "automountServiceAccountToken" and value not in (None, False):
                yield said(Ruling.TWO, "mounts the service account's token", "挂载服务账号令牌")
            elif path[-1] == "imagePullSecrets" and value not in (None, []) and not writes.is_whole:
                yield said(Ruling.TWO, "changes with whose credentials images are pulled", "修改拉取镜像所用的凭据")
        if any(path and path[-1] in _ACCOUNTS for path in writes.removed):
            yield said(Ruling.FORBIDDEN, "takes a workload's identity away", "移除工作负载的身份")
        if any(path and path[-1] == "automountServiceAccountToken" for path in writes.removed):
            yield said(Ruling.TWO, "lets the service account's token be mounted", "允许挂载服务账号令牌")


def _is_unchanged(value: Any, observed: Json | None) -> bool:
    """An identity may be repeated when the observed object already has that very one."""
    spec: Any = (observed or {}).get("spec", {})
    for part in ("jobTemplate", "spec", "template", "spec"):
        if isinstance(spec, dict) and part in spec:
            spec = spec[part]
    return isinstance(spec, dict) and bool(spec.get("serviceAccountName") == value)


_POD = (
    "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {%s containers: [{name: a, image: 'registry.k8s.io/a:1'}]}\n"
)


def _apply(spec: str) -> str:
    return f"kubectl apply -f - <<'EOF'\n{_POD % spec}EOF\n"


RULE = SafetyRule(
    "pod_identity", Text(en="whom a workload acts as", zh="工作负载的身份"), _judge,
    (_apply(""), _apply("serviceAccountName: default, automountServiceAccountToken: false,"), _apply("imagePullSecrets: [{name: registry}],")),
    (
        (_apply("serviceAccountName: admin,"), Ruling.FORBIDDEN),
        (_apply("serviceAccount: admin,"), Ruling.FORBIDDEN),
        (_apply("automountServiceAccountToken: true,"), Ruling.TWO),
        (_apply("volumes: [{name: t, projected: {sources: [{serviceAccountToken: {path: t}}]}}],"), Ruling.FORBIDDEN),
        ("kubectl patch deploy web -p '{\"spec\":{\"template\":{\"spec\":{\"serviceAccountName\":\"admin\"}}}}'", Ruling.FORBIDDEN),
        ("kubectl patch deploy web --type=merge -p '{\"spec\":{\"template\":{\"spec\":{\"serviceAccountName\":null}}}}'", Ruling.FORBIDDEN),
        ("kubectl patch isvc llm --type=merge -p '{\"spec\":{\"predictor\":{\"serviceAccountName\":\"s3-admin\"}}}'", Ruling.FORBIDDEN),
        ("kubectl patch deploy web -p '{\"spec\":{\"template\":{\"spec\":{\"imagePullSecrets\":[{\"name\":\"other\"}]}}}}'", Ruling.TWO),
        ("kubectl set serviceaccount deploy/web admin", Ruling.FORBIDDEN),
    ),
)  # fmt: skip
