"""What a pod's spec must keep to, in a pod and in every template."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from evals.practice.admission.names import label_problems
from evals.practice.errors import Cause
from evals.practice.quantity import BadQuantity, parse
from evals.practice.store import copy_of

Object = dict[str, Any]
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_PROBE_NUMBERS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_VARIABLE = re.compile(r"[ -<>-~]+")
_OVERCOMMITTABLE = ("cpu", "memory", "ephemeral-storage")
_FROZEN = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n"
)


def pod_spec_causes(spec: Object, path: str, claims: frozenset[str] = frozenset()) -> Iterator[Cause]:
    """Everything wrong with a pod's spec; `path` is where it stands, `claims` are volumes that come with the pod."""
    volumes: set[str] = set(claims)
    for index, volume in enumerate(spec.get("volumes") or ()):
        name = str(volume.get("name") or "")
        if name in volumes and name not in claims:
            yield Cause.duplicate(f"{path}.volumes[{index}].name", name)
        for text in label_problems(name) if name else ():
            yield Cause.invalid(f"{path}.volumes[{index}].name", name, text)
        if not name:
            yield Cause.required(f"{path}.volumes[{index}].name")
        volumes.add(name)
    if not spec.get("containers"):
        yield Cause.required(f"{path}.containers")
    seen: set[str] = set()
    for key in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(key) or ()):
            yield from _container_causes(
                container, f"{path}.{key}[{index}]", seen, volumes, is_init=key != "containers"
            )
    policy = spec.get("restartPolicy")
    if policy not in ("Always", "OnFailure", "Never"):
        yield Cause.unsupported(f"{path}.restartPolicy", policy, ["Always", "OnFailure", "Never"])
    dns = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"]
    if spec.get("dnsPolicy") not in dns:
        yield Cause.unsupported(f"{path}.dnsPolicy", spec.get("dnsPolicy"), dns)
    yield from _not_negative(spec, "terminationGracePeriodSeconds", path)


def _not_negative(spec: Object, key: str, path: str) -> Iterator[Cause]:
    value = spec.get(key)
    if isinstance(value, int) and value < 0:
        yield Cause.invalid(f"{path}.{key}", value, "must be greater than or equal to 0")


def _container_causes(
    container: Object, path: str, seen: set[str], volumes: set[str], *, is_init: bool
) -> Iterator[Cause]:
    name = str(container.get("name") or "")
    if not name:
        yield Cause.required(f"{path}.name")
    else:
        for text in label_problems(name):
            yield Cause.invalid(f"{path}.name", name, text)
    if name and name in seen:
        yield Cause.duplicate(f"{path}.name", name)
    seen.add(name)
    image = container.get("image") or ""
    if not image:
        yield Cause.required(f"{path}.image")
    elif image != image.strip():
        yield Cause.invalid(f"{path}.image", image, "must not have leading or trailing whitespace")
    yield from _port_causes(container, path)
    yield from _variable_causes(container, path)
    yield from _mount_causes(container, path, volumes)
    policy = container.get("imagePullPolicy")
    if policy not in ("Always", "IfNotPresent", "Never"):
        yield Cause.unsupported(f"{path}.imagePullPolicy", policy, ["Always", "IfNotPresent", "Never"])
    yield from _resource_causes(container.get("resources") or {}, f"{path}.resources")
    restartable = container.get("restartPolicy") == "Always"
    for key in _PROBES:
        if container.get(key) is None:
            continue
        if is_init and not restartable:
            yield Cause.forbidden(f"{path}.{key}", "may not be set for init containers without restartPolicy=Always")
        else:
            yield from _probe_causes(container[key], f"{path}.{key}", is_readiness=key == "readinessProbe")


def _port_causes(container: Object, path: str) -> Iterator[Cause]:
    names: set[str] = set()
    for index, port in enumerate(container.get("ports") or ()):
        where = f"{path}.ports[{index}]"
        name = port.get("name")
        if name:
            if name in names:
                yield Cause.duplicate(f"{where}.name", name)
            names.add(name)
        number = port.get("containerPort") or 0
        if number == 0:
            yield Cause.required(f"{where}.containerPort")
        elif not 0 < number < 65536:
            yield Cause.invalid(f"{where}.containerPort", number, "must be between 1 and 65535, inclusive")
        if port.get("protocol") not in ("TCP", "UDP", "SCTP"):
            yield Cause.unsupported(f"{where}.protocol", port.get("protocol"), ["SCTP", "TCP", "UDP"])


def _variable_causes(container: Object, path: str) -> Iterator[Cause]:
    for index, variable in enumerate(container.get("env") or ()):
        where, name = f"{path}.env[{index}]", str(variable.get("name") or "")
        if not name:
            yield Cause.required(f"{where}.name")
        elif not _VARIABLE.fullmatch(name):
            text = "a valid environment variable name must consist only of printable ASCII characters other than '='"
            yield Cause.invalid(f"{where}.name", name, text)
        source = variable.get("valueFrom")
        if source is None:
            continue
        if variable.get("value"):
            yield Cause.invalid(f"{where}.valueFrom", "", "may not be specified when `value` is not empty")
        if len(source) != 1:
            text = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
            if len(source) > 1:
                text = "may not have more than one field specified at a time"
            yield Cause.invalid(f"{where}.valueFrom", "", text)


def _mount_causes(container: Object, path: str, volumes: set[str]) -> Iterator[Cause]:
    places: set[str] = set()
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        where = f"{path}.volumeMounts[{index}]"
        if not mount.get("name"):
            yield Cause.required(f"{where}.name")
        elif mount["name"] not in volumes:
            yield Cause.not_found(f"{where}.name", mount["name"])
        place = mount.get("mountPath") or ""
        if not place:
            yield Cause.required(f"{where}.mountPath")
        elif place in places:
            yield Cause.invalid(f"{where}.mountPath", place, "must be unique")
        places.add(place)


def _resource_causes(resources: Object, path: str) -> Iterator[Cause]:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for word, amounts in (("limits", limits), ("requests", requests)):
        for name, text in amounts.items():
            try:
                negative = parse(text) < 0
            except BadQuantity:
                continue  # refused where the body is read
            if negative:
                yield Cause.invalid(f"{path}.{word}[{name}]", text, "must be greater than or equal to 0")
    for name, text in requests.items():
        plain = name in _OVERCOMMITTABLE or ("/" not in name and not name.startswith("hugepages-"))
        if name in limits and parse(text) > parse(limits[name]):
            detail = f"must be less than or equal to {name} limit of {limits[name]}"
            yield Cause.invalid(f"{path}.requests", text, detail)
        elif not plain and name in limits and parse(text) != parse(limits[name]):
            yield Cause.invalid(f"{path}.requests", text, f"must be equal to {name} limit of {limits[name]}")
        elif not plain and name not in limits:
            yield Cause.required(f"{path}.limits", "Limit must be set for non overcommitable resources")


def _probe_causes(probe: Object, path: str, *, is_readiness: bool) -> Iterator[Cause]:
    handlers = [key for key in _HANDLERS if probe.get(key) is not None]
    if not handlers:
        yield Cause.required(path, "must specify a handler type")
    for key in handlers[1:]:
        yield Cause.forbidden(f"{path}.{key}", "may not specify more than 1 handler type")
    for key in _PROBE_NUMBERS:
        yield from _not_negative(probe, key, path)
    if not is_readiness and probe.get("successThreshold", 1) != 1:
        yield Cause.invalid(f"{path}.successThreshold", probe["successThreshold"], "must be 1")


def pod_update_causes(new: Object, old: Object, subresource: str) -> Iterator[Cause]:
    """A pod's spec stays as it is, but for a few fields."""
    if subresource in ("ephemeralcontainers", "resize") or new["spec"] == old["spec"]:
        return
    after, before = copy_of(new)["spec"], copy_of(old)["spec"]
    for key in ("containers", "initContainers"):
        theirs = {one["name"]: one for one in before.get(key) or ()}
        for container in after.get(key) or ():
            if container["name"] in theirs:
                container["image"] = theirs[container["name"]]["image"]
    if all(row in (after.get("tolerations") or ()) for row in before.get("tolerations") or ()):
        before["tolerations"] = after.get("tolerations")
    gates = [one for one in before.get("schedulingGates") or () if one in (after.get("schedulingGates") or ())]
    if len(gates) == len(after.get("schedulingGates") or ()):
        before["schedulingGates"] = after.get("schedulingGates")
    if not before.get("nodeName"):
        before["nodeName"] = after.get("nodeName")
    before["activeDeadlineSeconds"] = after.get("activeDeadlineSeconds")
    if {k: v for k, v in after.items() if v is not None} != {k: v for k, v in before.items() if v is not None}:
        yield Cause.forbidden("spec", _FROZEN)
