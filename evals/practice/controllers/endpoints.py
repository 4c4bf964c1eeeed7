"""Endpoints and EndpointSlices: the pods behind each Service, ready and not."""

from __future__ import annotations

from typing import Any

from evals.practice.clock import timestamp
from evals.practice.controllers.parts import Name, Parts, WorkQueue, key_of, parse_time
from evals.practice.controllers.pods import condition, is_leaving, is_ready, phase_of
from evals.practice.controllers.selectors import labels_of, matches_map
from evals.practice.errors import ApiError
from evals.practice.store import Change, copy_of, name_of, namespace_of

Object = dict[str, Any]
_TRIGGER = "endpoints.kubernetes.io/last-change-trigger-time"
_SLICES = "endpointslices.discovery.k8s.io"
_MANAGER = "endpointslice.kubernetes.io/managed-by"
_SERVICE = "kubernetes.io/service-name"
_SLICE_SIZE = 100


class EndpointsOfServices:
    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.queue: WorkQueue[Name] = WorkQueue(parts.clock, self.reconcile)
        self._seen: dict[Name, dict[str, tuple[str, str]]] = {}
        self._subscription = parts.store.subscribe(self._follow, "services", "pods", "endpoints")
        for one in parts.store.each("services"):
            self.queue.add(key_of(one))

    def stop(self) -> None:
        self._subscription.cancel()
        self.queue.stop()

    def _follow(self, change: Change) -> None:
        if change.resource in ("services", "endpoints"):
            self.queue.add(key_of(change.object))
            return
        if change.previous is not None and change.type == "MODIFIED" and _view(change.previous) == _view(change.object):
            return
        for service in self.parts.store.each("services", namespace_of(change.object)):
            selector = service["spec"].get("selector")
            if selector and any(
                one and matches_map(selector, labels_of(one)) for one in (change.object, change.previous)
            ):
                self.queue.add(key_of(service))

    def reconcile(self, key: Name) -> None:
        service = self.parts.store.find("services", *key)
        if service is None or not service["spec"].get("selector"):
            self._unselected(key, service)
            return
        pods = [pod for pod in self.parts.pods_by_namespace.of(key[0])
                if matches_map(service["spec"]["selector"], labels_of(pod)) and pod.get("status", {}).get("podIP")
                and phase_of(pod) not in ("Succeeded", "Failed")]  # fmt: skip
        pods.sort(key=name_of)
        trigger = self._trigger(key, service, pods)
        self._write_endpoints(service, [pod for pod in pods if not is_leaving(pod)], trigger)
        self._write_slices(service, pods, trigger)

    def _unselected(self, key: Name, service: Object | None) -> None:
        manual = self.parts.store.find("endpoints", *key)
        if service is None:
            self._seen.pop(key, None)
            if manual is not None:
                self.parts.store.mark_deleted("endpoints", *key)
            for one in self._owned_slices(key):
                self.parts.store.mark_deleted(_SLICES, *key_of(one))
        elif manual is not None:
            self._mirror(service, manual)

    def _owned_slices(self, key: Name) -> list[Object]:
        return [one for one in self.parts.store.list(_SLICES, key[0]) if labels_of(one).get(_SERVICE) == key[1]]

    def _trigger(self, key: Name, service: Object, pods: list[Object]) -> str:
        """The earliest time among what is new since the last round; "" when things only went away."""
        times = {name_of(pod): _ready_since(pod) for pod in pods}
        times[""] = ("", service["metadata"]["creationTimestamp"])
        before = self._seen.get(key, {})
        self._seen[key] = times
        fresh = [now[1] for name, now in times.items() if now[1] and before.get(name) != now]
        return min(fresh, key=parse_time, default="")

    # -- Endpoints -----------------------------------------------------------------------------------------------------

    def _write_endpoints(self, service: Object, pods: list[Object], trigger: str) -> None:
        key = key_of(service)
        subsets = _subsets(service, pods)
        labels = dict(labels_of(service))
        if service["spec"].get("clusterIP") == "None":
            labels["service.kubernetes.io/headless"] = ""
        old = self.parts.store.find("endpoints", *key)
        if old is not None and (old.get("subsets") or []) == subsets and labels_of(old) == labels:
            return
        found: Object = copy_of(old) if old else {"metadata": {"name": key[1], "namespace": key[0]}}
        _put_labels(found, labels, trigger)
        found.pop("subsets", None)
        if subsets:
            found["subsets"] = subsets
        self._put("endpoints", found, old)

    def _put(self, resource: str, obj: Object, old: Object | None) -> None:
        try:
            if old is None:
                self.parts.store.create(resource, obj)
            else:
                self.parts.store.update(resource, obj)
        except ApiError as refused:
            if refused.code not in (403, 404):  # the namespace goes away
                raise

    # -- EndpointSlices ------------------------------------------------------------------------------------------------

    def _write_slices(self, service: Object, pods: list[Object], trigger: str) -> None:
        key = key_of(service)
        rows = [_slice_row(service, pod) for pod in pods]
        chunks = [rows[start : start + _SLICE_SIZE] for start in range(0, len(rows), _SLICE_SIZE)] or [[]]
        old = self._owned_slices(key)
        labels = dict(labels_of(service)) | {_MANAGER: "endpointslice-controller.k8s.io", _SERVICE: key[1]}
        if service["spec"].get("clusterIP") == "None":
            labels["service.kubernetes.io/headless"] = ""
        ports = _slice_ports(service, pods)
        for position, chunk in enumerate(chunks):
            before = old[position] if position < len(old) else None
            if (
                before is not None
                and (before["endpoints"] or []) == chunk
                and before["ports"] == ports
                and (labels_of(before) == labels)
            ):
                continue
            meta: Object = {"generateName": f"{key[1]}-", "namespace": key[0], "ownerReferences": [_owner(service)]}
            found = copy_of(before) if before else {"metadata": meta}
            _put_labels(found, labels, trigger)
            found |= {"addressType": "IPv4", "endpoints": chunk or None, "ports": ports if chunk else None}
            self._put(_SLICES, found, before)
        for surplus in old[len(chunks) :]:
            self.parts.store.mark_deleted(_SLICES, *key_of(surplus))

    def _mirror(self, service: Object, manual: Object) -> None:
        """Endpoints that a person wrote, shown as a slice."""
        key = key_of(service)
        rows, ports = [], []
        for subset in manual.get("subsets") or ():
            ports = [{"name": one.get("name", ""), "protocol": one.get("protocol", "TCP"), "port": one["port"]}
                     for one in subset.get("ports") or ()]  # fmt: skip
            rows += [{"addresses": [one["ip"]], "conditions": {"ready": True}} for one in subset.get("addresses") or ()]
            rows += [{"addresses": [one["ip"]], "conditions": {"ready": False}}
                     for one in subset.get("notReadyAddresses") or ()]  # fmt: skip
        old = next(iter(self._owned_slices(key)), None)
        labels = dict(labels_of(manual)) | {_MANAGER: "endpointslicemirroring-controller.k8s.io", _SERVICE: key[1]}
        meta: Object = {"generateName": f"{key[1]}-", "namespace": key[0], "ownerReferences": [_owner(manual)]}
        found = copy_of(old) if old else {"metadata": meta}
        found["metadata"]["labels"] = labels
        found |= {"addressType": "IPv4", "endpoints": rows or None, "ports": ports or None}
        self._put(_SLICES, found, old)


def _ready_since(pod: Object) -> tuple[str, str]:
    found = condition(pod, "Ready") or {}
    return str(found.get("status", "")), str(found.get("lastTransitionTime", ""))


def _view(pod: Object) -> tuple[object, ...]:
    """All of a pod that a Service can see."""
    return (labels_of(pod), pod.get("status", {}).get("podIP"), phase_of(pod), is_ready(pod), is_leaving(pod))


def _owner(owner: Object) -> Object:
    return {"apiVersion": "v1", "kind": owner["kind"], "name": name_of(owner), "uid": owner["metadata"]["uid"],
            "controller": True, "blockOwnerDeletion": True}  # fmt: skip


def _put_labels(found: Object, labels: Object, trigger: str) -> None:
    meta = found["metadata"]
    meta.pop("labels", None)
    if labels:
        meta["labels"] = labels
    notes = meta.setdefault("annotations", {})
    if trigger:
        notes[_TRIGGER] = timestamp(parse_time(trigger))
    else:
        notes.pop(_TRIGGER, None)
    if not notes:
        del meta["annotations"]


def _target(pod: Object) -> Object:
    return {"kind": "Pod", "namespace": namespace_of(pod), "name": name_of(pod), "uid": pod["metadata"]["uid"]}


def target_port(port: Object, pod: Object) -> int | None:
    """The number behind a Service port on this pod; None when the pod has no port of that name."""
    wanted = str(port.get("targetPort", port["port"]))
    if wanted.isdigit():
        return int(wanted)
    for container in pod["spec"]["containers"]:
        for row in container.get("ports") or ():
            if row.get("name") == wanted:
                return int(row["containerPort"])
    return None


def _ports(service: Object, pod: Object) -> list[Object]:
    rows = []
    for port in service["spec"].get("ports") or ():
        number = target_port(port, pod)
        if number is not None:
            row = {"name": port["name"]} if port.get("name") else {}
            rows.append(row | {"port": number, "protocol": port.get("protocol", "TCP")})
    return rows


def _subsets(service: Object, pods: list[Object]) -> list[Object]:
    by_ports: dict[str, Object] = {}
    for pod in pods:
        ports = _ports(service, pod)
        if not ports and service["spec"].get("clusterIP") != "None":
            continue
        subset = by_ports.setdefault(str(ports), {"ports": ports})
        row: Object = {"ip": pod["status"]["podIP"]}
        if pod["spec"].get("subdomain") == name_of(service) and pod["spec"].get("hostname"):
            row["hostname"] = pod["spec"]["hostname"]
        row |= {"nodeName": pod["spec"].get("nodeName"), "targetRef": _target(pod)}
        ready = is_ready(pod) or service["spec"].get("publishNotReadyAddresses")
        subset.setdefault("addresses" if ready else "notReadyAddresses", []).append(row)
    found = []
    for subset in by_ports.values():
        ordered = {name: subset[name] for name in ("addresses", "notReadyAddresses") if name in subset}
        found.append(ordered | ({"ports": subset["ports"]} if subset["ports"] else {}))
    return found


def _slice_row(service: Object, pod: Object) -> Object:
    serving, leaving = is_ready(pod), is_leaving(pod)
    ready = (serving and not leaving) or bool(service["spec"].get("publishNotReadyAddresses"))
    row: Object = {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": ready, "serving": serving, "terminating": leaving},
    }
    if pod["spec"].get("subdomain") == name_of(service) and pod["spec"].get("hostname"):
        row["hostname"] = pod["spec"]["hostname"]
    return row | {"targetRef": _target(pod), "nodeName": pod["spec"].get("nodeName")}


def _slice_ports(service: Object, pods: list[Object]) -> list[Object] | None:
    if not pods:
        return None
    return [{"name": row.get("name", ""), "protocol": row["protocol"], "port": row["port"]}
            for row in _ports(service, pods[0])]  # fmt: skip
