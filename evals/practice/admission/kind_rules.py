"""What the other kinds must keep to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from evals.practice.admission.names import key_causes, qualified_problems
from evals.practice.controllers.resources import amount
from evals.practice.errors import Cause
from evals.practice.kinds import BY_KIND

Object = dict[str, Any]
Causes = Iterator[Cause]
_RBAC = "rbac.authorization.k8s.io"
_PORT_RANGE = "must be between 1 and 65535, inclusive"
_STANDARD_QUOTA = frozenset(
    [
        "cpu",
        "memory",
        "ephemeral-storage",
        "pods",
        "services",
        "replicationcontrollers",
        "resourcequotas",
        "secrets",
        "configmaps",
        "persistentvolumeclaims",
        "services.nodeports",
        "services.loadbalancers",
    ]
)


def _configmap(new: Object, old: Object | None) -> Causes:
    yield from key_causes(new.get("data"), "data")
    yield from key_causes(new.get("binaryData"), "binaryData")
    yield from _frozen(new, old, ("data", "binaryData"))


def _frozen(new: Object, old: Object | None, keys: tuple[str, ...]) -> Causes:
    if old is None or not old.get("immutable"):
        return
    text = "field is immutable when `immutable` is set"
    if not new.get("immutable"):
        yield Cause.forbidden("immutable", text)
    for key in keys:
        if (new.get(key) or {}) != (old.get(key) or {}):
            yield Cause.forbidden(key, text)


_NEEDED = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


def _secret(new: Object, old: Object | None) -> Causes:
    if old is not None and new.get("type") != old.get("type"):
        yield Cause.invalid("type", new.get("type"), "field is immutable")
    yield from _frozen(new, old, ("data",))
    data = new.get("data") or {}
    yield from key_causes(data, "data")
    for key in _NEEDED.get(new.get("type", ""), ()):
        if key not in data:
            yield Cause.required(f"data[{key}]")
    if new.get("type") == "kubernetes.io/basic-auth" and not {"username", "password"} & set(data):
        yield Cause.required("data[username]")
        yield Cause.required("data[password]")


def _service(new: Object, old: Object | None) -> Causes:
    spec = new["spec"]
    kind, ports = spec["type"], spec.get("ports") or []
    if not ports and kind != "ExternalName" and spec.get("clusterIP") != "None":
        yield Cause.required("spec.ports")
    names: set[str] = set()
    for index, port in enumerate(ports):
        yield from _service_port(port, f"spec.ports[{index}]", names, needs_name=len(ports) > 1)
    allowed = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]
    if kind not in allowed:
        yield Cause.unsupported("spec.type", kind, allowed)
    if kind == "ExternalName" and not spec.get("externalName"):
        yield Cause.required("spec.externalName")
    before = ((old or {}).get("spec") or {}).get("clusterIP")
    if before and kind != "ExternalName" and spec.get("clusterIP") != before:
        shown = f'Invalid value: []string{{"{spec.get("clusterIP")}"}}: may not change once set'
        yield Cause("FieldValueInvalid", "spec.clusterIPs[0]", shown)


def _service_port(port: Object, path: str, names: set[str], *, needs_name: bool) -> Causes:
    name = port.get("name") or ""
    if needs_name and not name:
        yield Cause.required(f"{path}.name")
    elif name and name in names:
        yield Cause.duplicate(f"{path}.name", name)
    names.add(name)
    for key in ("port", "targetPort"):
        number = port.get(key)
        if isinstance(number, int) and not 0 < number < 65536:
            yield Cause.invalid(f"{path}.{key}", number, _PORT_RANGE)
    number = port.get("nodePort")
    if number and not 30_000 <= number <= 32_767:
        text = "provided port is not in the valid range. The range of valid ports is 30000-32767"
        yield Cause.invalid(f"{path}.nodePort", number, text)


def _autoscaler(new: Object, _old: Object | None) -> Causes:
    spec = new["spec"]
    least, most = spec.get("minReplicas"), spec.get("maxReplicas", 0)
    if least is not None and least < 1:
        yield Cause.invalid("spec.minReplicas", least, "must be greater than or equal to 1")
    if most < 1:
        yield Cause.invalid("spec.maxReplicas", most, "must be greater than 0")
    if least is not None and most < least:
        yield Cause.invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")
    for key in ("kind", "name"):
        if not (spec.get("scaleTargetRef") or {}).get(key):
            yield Cause.required(f"spec.scaleTargetRef.{key}")


def _budget(new: Object, _old: Object | None) -> Causes:
    spec = new["spec"]
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        shown = "policy.PodDisruptionBudgetSpec{...}"
        text = f"Invalid value: {shown}: minAvailable and maxUnavailable cannot be both set"
        yield Cause("FieldValueInvalid", "spec", text)


def _quota(new: Object, _old: Object | None) -> Causes:
    for name in new.get("spec", {}).get("hard") or ():
        path = f"spec.hard[{name}]"
        for text in qualified_problems(name):
            yield Cause("FieldValueInvalid", path, f"Invalid value: {name}: {text}")
        if "/" not in name and not name.startswith(("requests.", "limits.", "count/")) and name not in _STANDARD_QUOTA:
            yield Cause("FieldValueInvalid", path, f"Invalid value: {name}: must be a standard resource for quota")


def _limit_range(new: Object, _old: Object | None) -> Causes:
    for index, limit in enumerate(new.get("spec", {}).get("limits") or ()):
        most = limit.get("max") or {}
        for key, word in (("defaultRequest", "default request"), ("default", "default")):
            for name, text in (limit.get(key) or {}).items():
                if name in most and amount(text) > amount(most[name]):
                    detail = f"{word} value {text} is greater than max value {most[name]}"
                    yield Cause.invalid(f"spec.limits[{index}].{key}[{name}]", f"resource.Quantity{{s:{text}}}", detail)


def _claim(new: Object, old: Object | None) -> Causes:
    spec = new["spec"]
    if not spec.get("accessModes"):
        yield Cause.required("spec.accessModes", "at least 1 access mode is required")
    if not ((spec.get("resources") or {}).get("requests") or {}).get("storage"):
        yield Cause.required("spec.resources[storage]")
    if old is None:
        return
    after, before = dict(spec), dict(old["spec"])
    if not before.get("volumeName"):
        before["volumeName"] = after.get("volumeName")
    if before.get("storageClassName") is None:
        before["storageClassName"] = after.get("storageClassName")
    if (old.get("status") or {}).get("phase") == "Bound":
        before["resources"] = after.get("resources")
    if {k: v for k, v in after.items() if v is not None} != {k: v for k, v in before.items() if v is not None}:
        text = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims\n{}"
        yield Cause.forbidden("spec", text)


def _ingress(new: Object, _old: Object | None) -> Causes:
    spec = new.get("spec") or {}
    if not spec.get("rules") and not spec.get("defaultBackend"):
        yield Cause.invalid("spec", "", "either `defaultBackend` or `rules` must be specified")
    for number, rule in enumerate(spec.get("rules") or ()):
        for index, path in enumerate((rule.get("http") or {}).get("paths") or ()):
            where = f"spec.rules[{number}].http.paths[{index}]"
            kinds = ["Exact", "ImplementationSpecific", "Prefix"]
            if not path.get("pathType"):
                yield Cause.required(f"{where}.pathType", "pathType must be specified")
            elif path["pathType"] not in kinds:
                yield Cause.unsupported(f"{where}.pathType", path["pathType"], kinds)


def _network_policy(new: Object, _old: Object | None) -> Causes:
    for index, kind in enumerate(new["spec"].get("policyTypes") or ()):
        if kind not in ("Ingress", "Egress"):
            yield Cause.unsupported(f"spec.policyTypes[{index}]", kind, ["Ingress", "Egress"])


def _event(new: Object, _old: Object | None) -> Causes:
    about = new["involvedObject"]
    there = about.get("namespace") or ""
    row = BY_KIND.get((about.get("apiVersion") or "v1", about.get("kind") or ""))
    expected = new["metadata"]["namespace"]
    if not there and (row is None or not row.namespaced):
        if expected not in ("default", "kube-system"):
            yield Cause.invalid("involvedObject.namespace", there, "does not match event.namespace")
    elif there != expected:
        yield Cause.invalid("involvedObject.namespace", there, "does not match event.namespace")


def _role_binding(new: Object, old: Object | None) -> Causes:
    reference = new.get("roleRef") or {}
    if old is not None and reference != old.get("roleRef"):
        named = (("APIGroup", "apiGroup"), ("Kind", "kind"), ("Name", "name"))
        shown = "rbac.RoleRef{" + ", ".join(f'{go}:"{reference.get(key, "")}"' for go, key in named) + "}"
        yield Cause("FieldValueInvalid", "roleRef", f"Invalid value: {shown}: cannot change roleRef")
    if not reference.get("name"):
        yield Cause.required("roleRef.name")


def _node(new: Object, old: Object | None) -> Causes:
    allowed = ["NoSchedule", "PreferNoSchedule", "NoExecute"]
    for index, taint in enumerate((new.get("spec") or {}).get("taints") or ()):
        if taint.get("effect") not in allowed:
            cause = Cause.unsupported(f"metadata.taints[{index}].effect", taint.get("effect"), allowed)
            yield cause
            if old is not None:  # an update is checked as a new node and as a change
                yield cause


KIND_RULES: dict[str, Callable[[Object, Object | None], Causes]] = {
    "configmaps": _configmap,
    "secrets": _secret,
    "services": _service,
    "horizontalpodautoscalers.autoscaling": _autoscaler,
    "poddisruptionbudgets.policy": _budget,
    "resourcequotas": _quota,
    "limitranges": _limit_range,
    "persistentvolumeclaims": _claim,
    "ingresses.networking.k8s.io": _ingress,
    "networkpolicies.networking.k8s.io": _network_policy,
    "events": _event,
    f"rolebindings.{_RBAC}": _role_binding,
    f"clusterrolebindings.{_RBAC}": _role_binding,
    "nodes": _node,
}
