"""Protects secrets: they are neither read nor written, and no script carries one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from knowledge.vocabulary import Ruling, Text
from tools.safety.contract import SafetyRule, Said, Subject, said
from tools.safety.policy import Policy

_RAW = re.compile(
    r"/(healthz|livez|readyz)(/[a-z0-9-]+)*(\?verbose)?|/version|/metrics|/apis?|/openapi/v[23]|/apis/metrics\.k8s\.io/v1beta1/[a-z0-9/-]+"
)
_HOLDING = frozenset({"secret", "secretKeyRef", "secretRef"})


def _judge(subject: Subject, policy: Policy) -> Iterable[Said]:  # noqa: ARG001 - the contract's signature
    command = subject.command
    names_one = any(kind.plural == "secrets" for kind in subject.kinds) and command.verb != "explain"
    if names_one or command.verb == "create secret":
        yield said(Ruling.FORBIDDEN, "Secrets are neither read nor written", "不得读取或写入 Secret")
    if command.is_read and command.value("from").startswith("secret"):
        yield said(Ruling.TWO, "reads the keys of a Secret", "读取 Secret 的键")
    if (raw := command.value("raw")) and not _RAW.fullmatch(raw):
        yield said(Ruling.FORBIDDEN, "this raw path can hold secrets", "该原始路径可能包含机密")
    if (
        any(
            kind.kind in {"ExternalSecret", "SealedSecret", "SecretStore", "ClusterSecretStore"}
            for kind in subject.kinds
        )
        and not command.is_read
    ):
        yield said(Ruling.TWO, "changes where a secret comes from", "修改机密的来源")
    for writes in subject.writes:
        for path, value in writes.walk():
            if path[-1] in _HOLDING and _is_reference(value):
                yield said(Ruling.TWO, "hands a Secret to a container", "将 Secret 交给容器")


def _is_reference(value: Any) -> bool:
    return isinstance(value, dict | list | str)


RULE = SafetyRule(
    "secret_access", Text(en="secrets", zh="机密"), _judge,
    ("kubectl get cm,deploy -A", "kubectl get --raw=/readyz", "kubectl explain secrets", "kubectl get sa default -o yaml", "kubectl set env deploy/web --from=configmap/settings"),
    (
        ("kubectl get secret", Ruling.FORBIDDEN),
        ("kubectl get po,secrets -A", Ruling.FORBIDDEN),
        ("kubectl describe secret/db", Ruling.FORBIDDEN),
        ("kubectl get secret db -o jsonpath='{.data.password}'", Ruling.FORBIDDEN),
        ("kubectl get --raw=/api/v1/namespaces/a/secrets", Ruling.FORBIDDEN),
        ("kubectl get --raw /api/v1/namespaces/a/%73ecrets", Ruling.FORBIDDEN),
        ("kubectl create secret generic x --from-literal=a=b", Ruling.FORBIDDEN),
        ("kubectl set env deploy/web --from=secret/db", Ruling.TWO),
        ("kubectl set env deploy/web --from=secret/db --list", Ruling.TWO),
        ("kubectl patch deploy web -p '{\"spec\":{\"template\":{\"spec\":{\"volumes\":[{\"name\":\"s\",\"secret\":{\"secretName\":\"db\"}}]}}}}'", Ruling.TWO),
    ),
)  # fmt: skip
