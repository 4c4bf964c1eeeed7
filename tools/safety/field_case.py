"""Protects the rules themselves: a field that is spelled like one that they judge, in other letters, is not that field to
them. A server would refuse it, or drop it; nobody means it."""

from __future__ import annotations

from collections.abc import Iterable

from knowledge.vocabulary import Ruling, Text
from tools.safety.contract import SafetyRule, Said, Subject, said
from tools.safety.policy import Policy

_JUDGED = """
metadata spec status data binaryData stringData labels annotations name namespace finalizers ownerReferences
managedFields deletionTimestamp replicas minReplicas maxReplicas parallelism completions suspend template jobTemplate
containers initContainers ephemeralContainers image command args env envFrom value valueFrom secretKeyRef secretRef
configMapRef volumes volumeMounts volumeDevices hostPath projected sources serviceAccountToken secret csi nfs gitRepo
mountPropagation subPath subPathExpr mountPath securityContext privileged allowPrivilegeEscalation capabilities add
drop procMount seccompProfile appArmorProfile seLinuxOptions sysctls windowsOptions hostProcess hostPID hostIPC
hostNetwork hostUsers hostPort hostAliases runAsUser runAsGroup runAsNonRoot fsGroup supplementalGroups
shareProcessNamespace serviceAccountName serviceAccount automountServiceAccountToken imagePullSecrets nodeName
nodeSelector affinity tolerations priorityClassName runtimeClassName schedulerName dnsPolicy dnsConfig lifecycle
postStart preStop exec livenessProbe readinessProbe startupProbe httpGet tcpSocket externalIPs externalName
loadBalancerIP loadBalancerSourceRanges type selector minAvailable maxUnavailable strategy revisionHistoryLimit
webhooks failurePolicy rules roleRef subjects taints unschedulable effect repository registry repoURL storageUri items
kind apiVersion
"""
_BY_LOWERED = {name.lower(): name for name in _JUDGED.split()}


def _judge(subject: Subject, policy: Policy) -> Iterable[Said]:  # noqa: ARG001 - the contract's signature
    for writes in subject.writes:
        paths = [path for path, _ in writes.walk()] + list(writes.removed)
        for field in sorted({part for path in paths for part in _fields_in(path)}):
            meant = _BY_LOWERED.get(field.lower(), field)
            if field != meant:
                yield said(Ruling.FORBIDDEN, f"{field} is spelled like {meant}", f"{field} 与 {meant} 只差大小写")


def _fields_in(path: tuple[str, ...]) -> Iterable[str]:
    """The parts of a path that name fields: what stands in maps of free keys (labels, limits, a selector) does not."""
    for part in path:
        yield part
        if part in {"labels", "annotations", "matchLabels", "nodeSelector", "selector", "limits", "requests", "hard",
                    "options", "parameters", "userConfig", "headers"}:  # fmt: skip
            return


RULE = SafetyRule(
    "field_case", Text(en="the rules from other spellings", zh="防止以大小写绕过规则"), _judge,
    ("kubectl patch deploy web -p '{\"metadata\":{\"labels\":{\"Name\":\"a\"}}}'", "kubectl patch deploy web -p '{\"spec\":{\"minReadySeconds\":5}}'"),
    (
        ("kubectl patch deploy web -p '{\"spec\":{\"template\":{\"spec\":{\"hostpid\":true}}}}'", Ruling.FORBIDDEN),
        ("kubectl patch deploy web -p '{\"spec\":{\"template\":{\"spec\":{\"ServiceAccountName\":\"a\"}}}}'", Ruling.FORBIDDEN),
        ("kubectl patch deploy web -p '{\"Spec\":{\"replicas\":0}}'", Ruling.FORBIDDEN),
        ("kubectl patch ns a --type=merge -p '{\"metadata\":{\"Finalizers\":null}}'", Ruling.FORBIDDEN),
        ("kubectl patch deploy web --type=json -p '[{\"op\":\"add\",\"path\":\"/spec/template/spec/hostNETWORK\",\"value\":true}]'", Ruling.FORBIDDEN),
    ),
)  # fmt: skip
