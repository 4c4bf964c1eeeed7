"""Protects rights and identities: no script grants any."""

from __future__ import annotations

from collections.abc import Iterable

from knowledge.vocabulary import Ruling, Text
from tools.safety.contract import SafetyRule, Said, Subject, said
from tools.safety.policy import Policy, matches

_VERBS = frozenset({
    "certificate approve", "certificate deny", "auth reconcile", "create token", "create rolebinding", "create role",
    "create clusterrolebinding", "create clusterrole", "create serviceaccount", "set subject",
})  # fmt: skip
_GROUPS = frozenset(
    {"rbac.authorization.k8s.io", "certificates.k8s.io", "authentication.k8s.io", "authorization.k8s.io"}
)


def _judge(subject: Subject, policy: Policy) -> Iterable[Said]:
    command = subject.command
    if command.is_read:
        return
    if command.verb in _VERBS or any(kind.group in _GROUPS for kind in subject.kinds):
        yield said(Ruling.FORBIDDEN, "grants or changes rights", "授予或修改权限")
    if any(kind.resource == "serviceaccounts" for kind in subject.kinds):
        yield said(Ruling.TWO, "changes an identity", "修改身份")
    for writes in subject.writes:
        words = set(writes.words_of("annotations")) | set(writes.words_of("labels"))
        words |= writes.removed_words("annotations") | writes.removed_words("labels")
        if any(matches(word.lower(), policy.identity_annotations) for word in words):
            yield said(Ruling.FORBIDDEN, "gives a workload a cloud identity", "赋予工作负载云身份")
        if writes.kind.plural == "configmaps" and writes.name == "aws-auth":
            yield said(Ruling.FORBIDDEN, "aws-auth maps people to rights", "aws-auth 决定人员权限")


RULE = SafetyRule(
    "rbac_escalation", Text(en="rights and identities", zh="权限与身份"), _judge,
    ("kubectl get rolebindings -A", "kubectl describe clusterrole view", "kubectl annotate deploy web note=x"),
    (
        ("kubectl create token admin", Ruling.FORBIDDEN),
        ("kubectl create clusterrolebinding x --clusterrole=cluster-admin --user=me", Ruling.FORBIDDEN),
        ("kubectl certificate approve x", Ruling.FORBIDDEN),
        ("kubectl auth reconcile -f x.yaml", Ruling.FORBIDDEN),
        ("kubectl set subject rolebinding x --user=me", Ruling.FORBIDDEN),
        ("kubectl delete rolebinding x", Ruling.FORBIDDEN),
        ("kubectl patch clusterrole view --type=json -p '[{\"op\":\"add\",\"path\":\"/rules/-\",\"value\":{}}]'", Ruling.FORBIDDEN),
        ("kubectl patch csr x --type=merge -p '{\"spec\":{}}'", Ruling.FORBIDDEN),
        ("kubectl annotate sa web eks.amazonaws.com/role-arn=arn:aws:iam::1:role/admin", Ruling.FORBIDDEN),
        ("kubectl annotate serviceaccount web iam.gke.io/gcp-service-account=a@b --overwrite", Ruling.FORBIDDEN),
        ("kubectl patch cm aws-auth -n shop --type=merge -p '{\"data\":{\"mapUsers\":\"x\"}}'", Ruling.FORBIDDEN),
        ("kubectl patch cm aws-auth -n kube-system --type=merge -p '{\"data\":{\"mapUsers\":\"x\"}}'", Ruling.FORBIDDEN),
    ),
)  # fmt: skip
