"""Holds pasted objects to the shapes that an API server would give: a document cut in the middle, or typed wrong, has parts
that no reader behind this one expects. Such parts are taken out."""

from __future__ import annotations

from typing import Any

from knowledge.vocabulary import Json

_MAPPINGS = frozenset(
    [
        "metadata",
        "spec",
        "status",
        "template",
        "jobTemplate",
        "selector",
        "labels",
        "annotations",
        "matchLabels",
        "resources",
        "limits",
        "requests",
        "state",
        "lastState",
        "running",
        "waiting",
        "terminated",
        "securityContext",
        "affinity",
        "nodeSelector",
        "nodeAffinity",
        "podAffinity",
        "podAntiAffinity",
        "strategy",
        "updateStrategy",
        "rollingUpdate",
        "httpGet",
        "tcpSocket",
        "grpc",
        "exec",
        "livenessProbe",
        "readinessProbe",
        "startupProbe",
        "valueFrom",
        "configMapKeyRef",
        "secretKeyRef",
        "configMapRef",
        "secretRef",
        "fieldRef",
        "resourceFieldRef",
        "configMap",
        "secret",
        "persistentVolumeClaim",
        "emptyDir",
        "hostPath",
        "projected",
        "nfs",
        "csi",
        "capacity",
        "allocatable",
        "nodeInfo",
        "claimRef",
        "hard",
        "used",
        "scaleTargetRef",
        "loadBalancer",
        "source",
        "involvedObject",
        "podSelector",
        "namespaceSelector",
        "defaultBackend",
        "backend",
        "service",
        "http",
        "lifecycle",
        "dataSource",
        "ephemeral",
        "volumeClaimTemplate",
        "roleRef",
        "required",
        "requiredDuringSchedulingIgnoredDuringExecution_node",
        "preference",
        "target",
        "current",
        "resource",
    ]
)
_LISTS = frozenset(
    [
        "containers",
        "initContainers",
        "env",
        "envFrom",
        "ports",
        "volumeMounts",
        "volumes",
        "conditions",
        "containerStatuses",
        "initContainerStatuses",
        "ownerReferences",
        "tolerations",
        "taints",
        "subsets",
        "rules",
        "paths",
        "matchExpressions",
        "nodeSelectorTerms",
        "imagePullSecrets",
        "currentMetrics",
        "volumeClaimTemplates",
        "subjects",
        "webhooks",
        "managedFields",
        "sources",
        "items",
        "addresses",
        "notReadyAddresses",
        "hostAliases",
    ]
)
_TEXTS = frozenset(["command", "args", "accessModes", "finalizers", "policyTypes", "verbs", "apiGroups", "hosts"])
_NUMBERS = frozenset(
    [
        "replicas",
        "readyReplicas",
        "availableReplicas",
        "updatedReplicas",
        "unavailableReplicas",
        "currentReplicas",
        "desiredReplicas",
        "restartCount",
        "exitCode",
        "containerPort",
        "hostPort",
        "nodePort",
        "minReplicas",
        "maxReplicas",
        "desiredNumberScheduled",
        "numberReady",
        "numberAvailable",
        "numberUnavailable",
        "observedGeneration",
        "generation",
        "parallelism",
        "completions",
        "succeeded",
        "failed",
        "active",
        "backoffLimit",
        "initialDelaySeconds",
        "periodSeconds",
        "timeoutSeconds",
        "failureThreshold",
        "successThreshold",
        "disruptionsAllowed",
    ]
)
_NAMED = frozenset(
    {"name", "namespace", "kind", "type", "reason", "message", "phase", "image", "nodeName", "mountPath", "uid"}
)
_FREE = frozenset({"data", "stringData", "binaryData", "annotations", "parameters", "openAPIV3Schema", "managedFields"})
MAX_DEPTH = 40


def hold(item: Json) -> Json:
    """The object, changed in place."""
    _hold(item, 0, is_builtin=_is_builtin(str(item.get("apiVersion", ""))))
    return item


def _is_builtin(version: str) -> bool:
    group = version.partition("/")[0] if "/" in version else ""
    return not group or "." not in group or group.endswith(".k8s.io")


def _hold(value: Json, depth: int, *, is_builtin: bool) -> None:
    for key in list(value):
        each = value[key]
        if not isinstance(key, str) or (depth > MAX_DEPTH and isinstance(each, (dict, list))):
            del value[key]
        elif key in {"labels", "annotations", "matchLabels", "nodeSelector"} and isinstance(each, dict):
            value[key] = {str(name): _plain(told) for name, told in each.items()}
        elif key in _FREE and isinstance(each, dict):
            continue
        elif (is_builtin or depth < 2) and not _fits(key, each):
            del value[key]
        elif isinstance(each, dict):
            _hold(each, depth + 1, is_builtin=is_builtin)
        elif isinstance(each, list):
            for one in each:
                if isinstance(one, dict):
                    _hold(one, depth + 1, is_builtin=is_builtin)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else "" if value is None else str(value)


def _fits(key: str, value: Any) -> bool:
    if value is None:
        return False
    if key in _MAPPINGS:
        return isinstance(value, dict)
    if key in _LISTS:
        return isinstance(value, list) and all(
            isinstance(one, (dict, str) if key == "addresses" else dict) for one in value
        )
    if key in _TEXTS:
        return isinstance(value, list) and all(isinstance(one, (str, int, float)) for one in value)
    if key in _NUMBERS:
        return isinstance(value, int) and not isinstance(value, bool)
    if key in _NAMED:
        return isinstance(value, (str, int))
    return True
