"""Protects the host: the pod security levels, field by field, in any pod template, wherever in a document it hides.

What the *baseline* level does not allow is forbidden. What only the *restricted* level asks for needs two approvers, and is
forbidden in the namespaces that the policy calls restricted; there a whole manifest must also say what the level demands."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from knowledge.vocabulary import Json, Ruling, Text
from tools.safety.contract import Path, SafetyRule, Said, Subject, Writes, said
from tools.safety.policy import Policy, matches


def _is_set(value: Any) -> bool:
    return value not in (None, False, "", 0, [], {})


def _is_other_than(*allowed: Any) -> Callable[[Any], bool]:
    return lambda value: value is not None and value not in allowed


_SAFE_SYSCTLS = frozenset({
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start", "net.ipv4.tcp_syncookies",
    "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes",
})  # fmt: skip
_CONFINED_TYPES = ("container_t", "container_init_t", "container_kvm_t", "container_engine_t")


def _has_unsafe_sysctl(value: Any) -> bool:
    entries = value if isinstance(value, list) else [value]
    return any(not isinstance(e, dict) or e.get("name") not in _SAFE_SYSCTLS for e in entries if e is not None)


def _is_foreign_selinux(value: Any) -> bool:
    return bool(value) and (
        not isinstance(value, dict) or set(value) != {"type"} or value["type"] not in _CONFINED_TYPES
    )


_BASELINE: dict[str, Callable[[Any], bool]] = {
    "privileged": _is_set, "hostPID": _is_set, "hostIPC": _is_set, "hostNetwork": _is_set, "hostUsers": lambda v: v is True,
    "hostProcess": _is_set, "hostPort": _is_set, "procMount": _is_other_than("Default"), "ephemeralContainers": _is_set,
    "allowPrivilegeEscalation": _is_set, "seLinuxOptions": _is_foreign_selinux, "sysctls": _has_unsafe_sysctl,
}  # fmt: skip
_RESTRICTED: dict[str, Callable[[Any], bool]] = {
    "runAsUser": lambda v: v == 0, "runAsGroup": lambda v: v == 0, "runAsNonRoot": lambda v: v is False,
    "fsGroup": lambda v: v == 0, "supplementalGroups": lambda v: 0 in (v if isinstance(v, list) else [v]),
    "shareProcessNamespace": _is_set, "seLinuxOptions": _is_set, "sysctls": _is_set, "windowsOptions": _is_set,
}  # fmt: skip


def _judge(subject: Subject, policy: Policy) -> Iterable[Said]:
    if subject.command.verb == "debug":
        yield said(
            Ruling.FORBIDDEN, "debug containers run beside the workload or on the host", "调试容器会进入工作负载或主机"
        )
    for writes in subject.writes:
        is_restricted = matches(writes.namespace, policy.restricted_namespaces)
        yield from _fields(writes, Ruling.FORBIDDEN if is_restricted else Ruling.TWO)
        yield from _taken_away(writes)
        if is_restricted and writes.is_whole:
            yield from _missing(writes)


def _fields(writes: Writes, above_restricted: Ruling) -> Iterable[Said]:
    if not writes.is_whole and any("securityContext" in path for path, _ in writes.walk()):
        yield said(Ruling.TWO, "changes a security context", "修改安全上下文")
    for path, value in writes.walk():
        field = path[-1]
        if (field in _BASELINE and _BASELINE[field](value)) or _is_unconfined(path, value):
            yield _beyond(Ruling.FORBIDDEN, path)
        elif field in _RESTRICTED and _RESTRICTED[field](value):
            yield _beyond(above_restricted, path)
        elif _is_loosely_confined(path, value):
            yield _beyond(Ruling.TWO, path)


def _beyond(ruling: Ruling, path: Path) -> Said:
    place = ".".join(path)
    return said(ruling, f"{place}: beyond what a workload may have", f"{place}：超出工作负载应有的权限")


def _is_unconfined(path: Path, value: Any) -> bool:
    """Capabilities besides binding a low port, and profiles that confine nothing."""
    field, parent = path[-1], path[-2] if len(path) > 1 else ""
    if field == "add" and parent == "capabilities":
        return any(
            one != "NET_BIND_SERVICE" for one in (value if isinstance(value, list) else [value]) if one is not None
        )
    return field == "type" and parent in {"seccompProfile", "appArmorProfile"} and str(value).lower() == "unconfined"


def _is_loosely_confined(path: Path, value: Any) -> bool:
    """A profile of the node's own files: what it allows is not told here."""
    return path[-2:] in {("seccompProfile", "type"), ("appArmorProfile", "type")} and value != "RuntimeDefault"


_CONFINING = frozenset({"securityContext", "drop", "capabilities", "seccompProfile", "appArmorProfile", "seLinuxOptions",
                        "runAsNonRoot", "runAsUser", "allowPrivilegeEscalation", "readOnlyRootFilesystem"})  # fmt: skip


def _taken_away(writes: Writes) -> Iterable[Said]:
    if any(path and (path[-1] in _CONFINING or "securityContext" in path) for path in writes.removed):
        yield said(Ruling.TWO, "takes a security context away", "移除安全上下文")


def _missing(writes: Writes) -> Iterable[Said]:
    """What the restricted level demands and a whole manifest does not say."""
    for path, spec in writes.pod_specs:
        pod = spec.get("securityContext") or {}
        for container in [*_entries(spec, "containers"), *_entries(spec, "initContainers")]:
            own = container.get("securityContext") or {}
            wants = {
                "runAsNonRoot: true": own.get("runAsNonRoot", pod.get("runAsNonRoot")) is True,
                "allowPrivilegeEscalation: false": own.get("allowPrivilegeEscalation") is False,
                "capabilities.drop: [ALL]": "ALL" in ((own.get("capabilities") or {}).get("drop") or []),
                "seccompProfile": bool(own.get("seccompProfile") or pod.get("seccompProfile")),
            }
            absent = ", ".join(name for name, is_there in wants.items() if not is_there)
            if absent:
                place = ".".join((*path, str(container.get("name", ""))))
                yield said(
                    Ruling.FORBIDDEN, f"{place}: the restricted level asks for {absent}", f"{place}：restricted 级别要求 {absent}"
                )  # fmt: skip


def _entries(spec: Json, field: str) -> list[Json]:
    found = spec.get(field)
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


_POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {%s containers: [{name: a, image: 'registry.k8s.io/a:1'%s}]}\n"


def _apply(body: str) -> str:
    return f"kubectl apply -f - <<'EOF'\n{body}EOF\n"


_CRON = (
    "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: a}\nspec: {schedule: '* * * * *', jobTemplate: {spec: {template: "
    "{spec: {hostNetwork: true, containers: [{name: a, image: 'registry.k8s.io/a:1'}]}}}}}\n"
)
_RAY = (
    "apiVersion: ray.io/v1\nkind: RayCluster\nmetadata: {name: a}\nspec: {data: {template: {spec: {hostPID: true}}}}\n"
)
RULE = SafetyRule(
    "privilege", Text(en="the host", zh="主机"), _judge,
    (_apply(_POD % ("", "")), _apply(_POD % ("", ", securityContext: {seccompProfile: {type: RuntimeDefault}}")),
     _apply(_POD % ("", ", securityContext: {capabilities: {drop: [ALL], add: [NET_BIND_SERVICE]}, runAsNonRoot: true}"))),
    (
        (_apply(_POD % ("hostPID: true,", "")), Ruling.FORBIDDEN),
        (_apply(_POD % ("", ", securityContext: {privileged: true}")), Ruling.FORBIDDEN),
        (_apply(_POD % ("", ", securityContext: {capabilities: {add: [SYS_ADMIN]}}")), Ruling.FORBIDDEN),
        (_apply(_POD % ("", ", securityContext: {capabilities: {add: NET_RAW}}")), Ruling.FORBIDDEN),
        (_apply(_POD % ("", ", ports: [{containerPort: 80, hostPort: 80}]")), Ruling.FORBIDDEN),
        (_apply(_POD % ("securityContext: {seLinuxOptions: {type: spc_t}},", "")), Ruling.FORBIDDEN),
        (_apply(_POD % ("securityContext: {seLinuxOptions: {type: container_t}},", "")), Ruling.TWO),
        (_apply(_POD % ("securityContext: {sysctls: [{name: kernel.msgmax, value: '1'}]},", "")), Ruling.FORBIDDEN),
        (_apply(_POD % ("securityContext: {sysctls: [{name: net.ipv4.tcp_syncookies, value: '1'}]},", "")), Ruling.TWO),
        (_apply(_POD % ("securityContext: {seccompProfile: {type: Unconfined}},", "")), Ruling.FORBIDDEN),
        (_apply(_POD % ("securityContext: {seccompProfile: {type: Localhost, localhostProfile: a}},", "")), Ruling.TWO),
        (_apply(_POD % ("", ", securityContext: {appArmorProfile: {type: Unconfined}}")), Ruling.FORBIDDEN),
        (_apply(_POD % ("", ", securityContext: {procMount: Unmasked}")), Ruling.FORBIDDEN),
        (_apply(_POD % ("", ", securityContext: {windowsOptions: {hostProcess: true}}")), Ruling.FORBIDDEN),
        (_apply(_POD % ("", ", securityContext: {runAsUser: 0}")), Ruling.TWO),
        (_apply(_POD % ("securityContext: {fsGroup: 0},", "")), Ruling.TWO),
        (_apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n" + _CRON), Ruling.FORBIDDEN),
        (_apply("apiVersion: v1\nkind: List\nitems:\n- " + (_POD % ("hostIPC: true,", "")).replace("\n", "\n  ").rstrip(" ")), Ruling.FORBIDDEN),
        (_apply(_RAY), Ruling.FORBIDDEN),
        ("kubectl patch deploy web --type=json -p '[{\"op\":\"add\",\"path\":\"/spec/template/spec/containers/0/securityContext\",\"value\":{\"privileged\":true}}]'", Ruling.FORBIDDEN),
        ("kubectl patch deploy web --type=json -p '[{\"op\":\"add\",\"path\":\"/spec/template/spec/containers/0/securityContext/privileged\",\"value\":true}]'", Ruling.FORBIDDEN),
        (
            "kubectl patch deploy web --type=json -p '[{\"op\":\"replace\",\"path\":\"/spec/template/spec/securityContext\",\"value\":{}}]'",
            Ruling.TWO,
        ),
        ("kubectl patch deploy web --type=merge -p '{\"spec\":{\"template\":{\"spec\":{\"securityContext\":null}}}}'", Ruling.TWO),
        ("kubectl debug node/n1 -it --image=busybox", Ruling.FORBIDDEN),
    ),
)  # fmt: skip
