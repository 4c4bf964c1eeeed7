"""Protects the guards: admission, policies, definitions, and the labels that take an object out of their sight."""

from __future__ import annotations

from collections.abc import Iterable

from knowledge.vocabulary import Ruling, Text
from tools.safety.contract import SafetyRule, Said, Subject, said
from tools.safety.policy import Policy, matches

_GROUPS = ("admissionregistration.k8s.io", "apiregistration.k8s.io", "apiextensions.k8s.io", "kyverno.io", "wgpolicyk8s.io",
           "flowcontrol.apiserver.k8s.io", "templates.gatekeeper.sh", "constraints.gatekeeper.sh", "config.gatekeeper.sh",
           "policies.kubewarden.io")  # fmt: skip
_OWN = ("opsdesk.io/*", "*.opsdesk.io/*")
_CONTROLLERS = ("deployment.kubernetes.io/*", "kubectl.kubernetes.io/last-applied-configuration", "pv.kubernetes.io/*",
                "meta.helm.sh/*", "helm.sh/*", "argocd.argoproj.io/*", "kustomize.toolkit.fluxcd.io/*", "helm.toolkit.fluxcd.io/*",
                "app.kubernetes.io/managed-by")  # fmt: skip


def _judge(subject: Subject, policy: Policy) -> Iterable[Said]:
    command = subject.command
    if command.is_read:
        return
    if any(kind.group in _GROUPS for kind in subject.kinds):
        yield said(Ruling.FORBIDDEN, "changes admission, a policy or a definition", "修改准入、策略或资源定义")
    elif any(not kind.is_namespaced and kind.resource != "nodes" for kind in subject.kinds):
        yield said(Ruling.TWO, "changes the whole cluster's configuration", "修改整个集群的配置")
    for writes in subject.writes:
        words = set(writes.words_of("annotations")) | set(writes.words_of("labels"))
        words |= writes.removed_words("annotations") | writes.removed_words("labels")
        if any(matches(word.lower(), policy.exempting_labels) for word in words):
            yield said(Ruling.FORBIDDEN, "takes an object out of a policy's sight", "使对象脱离策略约束")
        if any(matches(word.lower(), _OWN) for word in words):
            yield said(Ruling.FORBIDDEN, "writes opsdesk's own marks", "写入 opsdesk 自身的标记")
        if any(matches(word.lower(), _CONTROLLERS) for word in words) and not writes.is_whole:
            yield said(Ruling.TWO, "writes a controller's marks", "写入控制器的标记")


RULE = SafetyRule(
    "webhook_guard", Text(en="the guards", zh="防护机制自身"), _judge,
    ("kubectl get validatingwebhookconfigurations", "kubectl label deploy web tier=gpu", "kubectl get crd"),
    (
        ("kubectl delete validatingwebhookconfiguration x", Ruling.FORBIDDEN),
        ("kubectl patch mutatingwebhookconfigurations x --type=json -p '[{\"op\":\"replace\",\"path\":\"/webhooks/0/failurePolicy\",\"value\":\"Ignore\"}]'", Ruling.FORBIDDEN),
        ("kubectl delete validatingadmissionpolicybinding x", Ruling.FORBIDDEN),
        ("kubectl delete cpol x", Ruling.FORBIDDEN),
        ("kubectl label ns shop pod-security.kubernetes.io/enforce=privileged --overwrite", Ruling.FORBIDDEN),
        ("kubectl label namespace shop pod-security.kubernetes.io/enforce-", Ruling.FORBIDDEN),
        ("kubectl label ns shop admission.gatekeeper.sh/ignore=yes", Ruling.FORBIDDEN),
        ("kubectl annotate deploy web opsdesk.io/step=x", Ruling.FORBIDDEN),
        ("kubectl patch sc fast --type=merge -p '{\"reclaimPolicy\":\"Delete\"}'", Ruling.TWO),
    ),
)  # fmt: skip
