"""Protects the host and the identity: no privilege in any pod template, wherever in a document it hides."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from knowledge.vocabulary import Ruling, Text
from tools.safety.contract import SafetyRule, Said, Subject, Writes, said
from tools.safety.policy import Policy

_EXFIL = re.compile(
    r"/dev/(tcp|udp)/|\b(nc|ncat|socat)\b.*\s-[a-z]*e|(curl|wget)[^|;]*\|\s*(ba|z|da)?sh|base64\s+(-d|--decode)|/var/run/secrets/|nsenter|chroot\s"
)


def _is_set(value: Any) -> bool:
    return value not in (None, False, "", [], {})


_NEVER: dict[str, Callable[[Any], bool]] = {
    "privileged": _is_set, "hostPID": _is_set, "hostIPC": _is_set, "hostNetwork": _is_set, "hostPath": lambda v: v is not None,
    "hostUsers": lambda v: v is True, "allowPrivilegeEscalation": _is_set, "hostProcess": _is_set, "procMount": lambda v: v not in (None, "Default"),
    "ephemeralContainers": _is_set, "serviceAccountName": lambda v: v not in (None, "", "default"),
    "serviceAccount": lambda v: v not in (None, "", "default"), "seLinuxOptions": _is_set, "sysctls": _is_set,
}  # fmt: skip
_TWO: dict[str, Callable[[Any], bool]] = {
    "runAsUser": lambda v: v == 0, "runAsGroup": lambda v: v == 0, "runAsNonRoot": lambda v: v is False, "hostPort": _is_set,
    "nodeName": _is_set, "hostAliases": _is_set, "shareProcessNamespace": _is_set, "runtimeClassName": _is_set,
    "priorityClassName": lambda v: str(v).startswith("system-"), "dnsConfig": _is_set, "lifecycle": _is_set, "nfs": _is_set, "iscsi": _is_set,
    "csi": _is_set, "rbd": _is_set, "cephfs": _is_set, "fc": _is_set, "flexVolume": _is_set, "glusterfs": _is_set,
}  # fmt: skip


def _judge(subject: Subject, policy: Policy) -> Iterable[Said]:  # noqa: ARG001 - the contract's signature
    if subject.command.verb == "debug":
        yield said(
            Ruling.FORBIDDEN, "debug containers run beside the workload or on the host", "调试容器会进入工作负载或主机"
        )
    if subject.command.verb == "set serviceaccount":
        yield said(Ruling.FORBIDDEN, "swaps the identity of a workload", "更换工作负载的身份")
    for writes in subject.writes:
        yield from _writes(writes, subject)


def _writes(writes: Writes, subject: Subject) -> Iterable[Said]:
    if not writes.is_whole and any("securityContext" in path for path, _ in writes.walk()):
        yield said(Ruling.TWO, "changes a security context", "修改安全上下文")
    for path, value in writes.walk():
        field, parent = path[-1], path[-2] if len(path) > 1 else ""
        if field in _NEVER and _NEVER[field](value) and not _is_unchanged(field, value, subject):
            yield said(
                Ruling.FORBIDDEN,
                f"{'.'.join(path)}: beyond what a workload may have",
                f"{'.'.join(path)}：超出工作负载应有的权限",
            )
        elif field in _TWO and _TWO[field](value):
            yield said(
                Ruling.TWO, f"{'.'.join(path)} widens what the pod may do", f"{'.'.join(path)} 扩大了 Pod 的权限"
            )
        elif field == "add" and parent == "capabilities" and any(c != "NET_BIND_SERVICE" for c in value or []):
            yield said(Ruling.FORBIDDEN, "adds capabilities", "增加 Linux capabilities")
        elif field == "type" and parent in {"seccompProfile", "appArmorProfile"} and value == "Unconfined":
            yield said(Ruling.FORBIDDEN, f"{parent} is unconfined", f"{parent} 不受限")
        elif field == "drop" and parent == "capabilities" and not writes.is_whole:
            yield said(Ruling.TWO, "changes dropped capabilities", "修改被移除的 capabilities")
        elif field in {"command", "args"} and not isinstance(value, dict):
            yield from _program(field, value, writes)
        elif field == "tolerations" and any(_tolerates_all(item) for item in _as_list(value)):
            yield said(Ruling.TWO, "tolerates every taint or the control plane", "容忍所有污点或控制平面")
    if any(
        path[-1] in {"securityContext", "drop", "seccompProfile"} or "securityContext" in path
        for path in writes.removed
    ):
        yield said(Ruling.TWO, "takes a security context away", "移除安全上下文")


def _program(field: str, value: Any, writes: Writes) -> Iterable[Said]:
    text = " ".join(str(part) for part in _as_list(value))
    if _EXFIL.search(text):
        yield said(Ruling.FORBIDDEN, f"{field} opens a way out or into the host", f"{field} 打开外传通道或进入主机")
    if "trust-remote-code" in text.replace("_", "-"):
        yield said(Ruling.TWO, "lets a model bring its own code", "允许模型自带代码运行")
    if field == "command" and not writes.is_whole:
        yield said(Ruling.TWO, "changes which program runs", "修改容器运行的程序")


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _tolerates_all(item: Any) -> bool:
    if not isinstance(item, dict):
        return False
    key = item.get("key")
    return (item.get("operator") == "Exists" and not key) or "control-plane" in str(key) or "master" in str(key)


def _is_unchanged(field: str, value: Any, subject: Subject) -> bool:
    """Only an identity may be repeated, when the observed object already has that very one."""
    if field not in {"serviceAccountName", "serviceAccount"} or subject.observed is None:
        return False
    return bool(_identity(subject.observed) == value)


def _identity(item: Any) -> Any:
    spec = item.get("spec", {})
    for part in ("jobTemplate", "spec", "template", "spec"):
        if isinstance(spec, dict) and part in spec:
            spec = spec[part]
    return spec.get("serviceAccountName") if isinstance(spec, dict) else None


_POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {%s containers: [{name: a, image: 'registry.k8s.io/a:1'%s}]}\n"


def _apply(body: str) -> str:
    return f"kubectl apply -f - <<'EOF'\n{body}EOF\n"


_CRON = (
    "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: a}\nspec: {schedule: '* * * * *', jobTemplate: {spec: {template: "
    "{spec: {hostNetwork: true, containers: [{name: a, image: 'registry.k8s.io/a:1'}]}}}}}\n"
)
RULE = SafetyRule(
    "privilege", Text(en="the host and the identity", zh="主机与身份"), _judge,
    (_apply(_POD % ("", "")), "kubectl patch deploy web -p '{\"spec\":{\"template\":{\"spec\":{\"terminationGracePeriodSeconds\":60}}}}'"),
    (
        (_apply(_POD % ("hostPID: true,", "")), Ruling.FORBIDDEN),
        (_apply(_POD % ("", ", securityContext: {privileged: true}")), Ruling.FORBIDDEN),
        (_apply(_POD % ("", ", securityContext: {capabilities: {add: [SYS_ADMIN]}}")), Ruling.FORBIDDEN),
        (_apply(_POD % ("volumes: [{name: h, hostPath: {path: /}}],", "")), Ruling.FORBIDDEN),
        (_apply(_POD % ("serviceAccountName: admin,", "")), Ruling.FORBIDDEN),
        (_apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n" + _CRON), Ruling.FORBIDDEN),
        (_apply("apiVersion: v1\nkind: List\nitems:\n- " + (_POD % ("hostIPC: true,", "")).replace("\n", "\n  ").rstrip(" ")), Ruling.FORBIDDEN),
        ("kubectl patch deploy web -p '{\"spec\":{\"template\":{\"spec\":{\"serviceAccountName\":\"admin\"}}}}'", Ruling.FORBIDDEN),
        ("kubectl patch deploy web --type=json -p '[{\"op\":\"add\",\"path\":\"/spec/template/spec/containers/0/securityContext\",\"value\":{\"privileged\":true}}]'", Ruling.FORBIDDEN),
        ("kubectl patch deploy web --type=json -p '[{\"op\":\"add\",\"path\":\"/spec/template/spec/containers/0/securityContext/privileged\",\"value\":true}]'", Ruling.FORBIDDEN),
        (
            "kubectl patch deploy vllm -p 'spec: {template: {spec: {containers: [{name: a, args: [--trust-remote-code]}]}}}'",
            Ruling.TWO,
        ),
        (
            "kubectl patch deploy web --type=json -p '[{\"op\":\"replace\",\"path\":\"/spec/template/spec/securityContext\",\"value\":{}}]'",
            Ruling.TWO,
        ),
        ("kubectl debug node/n1 -it --image=busybox", Ruling.FORBIDDEN),
        ("kubectl set serviceaccount deploy/web admin", Ruling.FORBIDDEN),
    ),
)  # fmt: skip
