"""One reader per kind for the rows of ``kubectl get``: cells into the fields of the object."""

from __future__ import annotations

import re
from collections.abc import Callable

from knowledge.vocabulary import Json
from tools.transcript.containers import number
from tools.transcript.described import whole
from tools.transcript.described_cluster import access_modes
from tools.transcript.harvest import Harvest
from tools.transcript.pod_status import read_pod_row
from tools.transcript.tree import comma_pairs, told


class Row(dict[str, str]):
    """Cells by heading; ``<none>`` and the like are empty."""

    def say(self, *headings: str) -> str:
        return next((value for heading in headings if (value := told(self.get(heading, "")))), "")

    def number(self, *headings: str) -> int | None:
        return whole(self.say(*headings))

    def parts(self, heading: str) -> tuple[int, int] | None:
        found = re.match(r"(\d{1,6})/(\d{1,6})", self.get(heading, ""))
        return (int(found.group(1)), int(found.group(2))) if found else None


RowReader = Callable[[Row, Json, Harvest], None]


def _template(row: Row, item: Json) -> None:
    """``-o wide`` tells containers, images and the selector."""
    names, images = row.say("CONTAINERS", "CONTAINER(S)"), row.say("IMAGES", "IMAGE(S)")
    selector = comma_pairs(row.say("SELECTOR"))
    if selector:
        item["spec"]["selector"] = {"matchLabels": selector}
    if names:
        containers = [
            {"name": name, **({"image": image} if image else {})}
            for name, image in zip(names.split(","), images.split(",") if images else [""] * 99, strict=False)
        ]
        item["spec"]["template"] = {"metadata": {"labels": dict(selector)}, "spec": {"containers": containers}}


def _deployment(row: Row, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    spec, status = item["spec"], item["status"]
    if parts := row.parts("READY"):
        status["readyReplicas"], spec["replicas"] = parts
        status["replicas"] = parts[1]
    elif (wanted := row.number("DESIRED")) is not None:
        spec["replicas"] = wanted
        status["replicas"] = row.number("CURRENT") or 0
    for heading, field in (("UP-TO-DATE", "updatedReplicas"), ("AVAILABLE", "availableReplicas")):
        if (value := row.number(heading)) is not None:
            status[field] = value
    if "availableReplicas" in status:
        status.setdefault("readyReplicas", status["availableReplicas"])
        status["unavailableReplicas"] = max(0, spec.get("replicas", 0) - status["availableReplicas"])
    _template(row, item)


def _replica_set(row: Row, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    item["spec"]["replicas"] = row.number("DESIRED") or 0
    item["status"].update(replicas=row.number("CURRENT") or 0, readyReplicas=row.number("READY") or 0)
    _template(row, item)


def _stateful_set(row: Row, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    if parts := row.parts("READY"):
        item["status"]["readyReplicas"], item["spec"]["replicas"] = parts
        item["status"]["replicas"] = parts[1]
    _template(row, item)


def _daemon_set(row: Row, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    status = item["status"]
    for heading, field in (
        ("DESIRED", "desiredNumberScheduled"), ("CURRENT", "currentNumberScheduled"), ("READY", "numberReady"),
        ("UP-TO-DATE", "updatedNumberScheduled"), ("AVAILABLE", "numberAvailable"),
    ):  # fmt: skip
        if (value := row.number(heading)) is not None:
            status[field] = value
    status["numberUnavailable"] = max(0, status.get("desiredNumberScheduled", 0) - status.get("numberAvailable", 0))
    _template(row, item)
    if node_selector := comma_pairs(row.say("NODE SELECTOR", "NODE-SELECTOR")):
        template = item["spec"].setdefault("template", {}).setdefault("spec", {})
        template["nodeSelector"] = node_selector


def _service(row: Row, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    spec = item["spec"]
    spec["type"] = row.say("TYPE") or "ClusterIP"
    if address := row.get("CLUSTER-IP", ""):
        spec["clusterIP"] = address if address != "<none>" else "None"
    ports: list[Json] = []
    for port, node_port, protocol in re.findall(r"(\d{1,6})(?::(\d{1,6}))?/(\w+)", row.say("PORT(S)", "PORTS")):
        ports.append({"port": int(port), "protocol": protocol, **({"nodePort": int(node_port)} if node_port else {})})
    spec["ports"] = ports
    if selector := comma_pairs(row.say("SELECTOR")):
        spec["selector"] = selector
    external = row.get("EXTERNAL-IP", "")
    if spec["type"] == "LoadBalancer":
        addresses = [] if external in {"<pending>", "<none>", ""} else [{"ip": one} for one in external.split(",")]
        item["status"] = {"loadBalancer": {"ingress": addresses} if addresses else {}}
    elif spec["type"] == "ExternalName":
        spec["externalName"] = external


def _endpoints(row: Row, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    item.pop("spec", None)
    item.pop("status", None)
    shown = row.say("ENDPOINTS")
    ports: dict[str, list[str]] = {}
    for address, port in re.findall(r"((?:\d{1,3}\.){3}\d{1,3}|\[[0-9a-f:]+\]):(\d{1,6})", shown):
        ports.setdefault(port, []).append(address.strip("[]"))
    item["subsets"] = [
        {"addresses": [{"ip": address} for address in addresses], "ports": [{"port": int(port)}]}
        for port, addresses in ports.items()
    ]


def _node(row: Row, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    spec, status = item["spec"], item["status"]
    words = row.say("STATUS").split(",")
    ready = {"Ready": "True", "NotReady": "False", "Unknown": "Unknown"}.get(words[0], "Unknown")
    status["conditions"] = [{"type": "Ready", "status": ready}]
    if "SchedulingDisabled" in words:
        spec["unschedulable"] = True
    info = {
        field: value
        for heading, field in (
            ("VERSION", "kubeletVersion"), ("OS-IMAGE", "osImage"), ("KERNEL-VERSION", "kernelVersion"),
            ("CONTAINER-RUNTIME", "containerRuntimeVersion"),
        )
        if (value := row.say(heading))
    }  # fmt: skip
    status["nodeInfo"] = info
    if address := row.say("INTERNAL-IP"):
        status["addresses"] = [
            {"type": "InternalIP", "address": address},
            {"type": "Hostname", "address": item["metadata"]["name"]},
        ]
    if roles := [role for role in row.say("ROLES").split(",") if role]:
        item["metadata"].setdefault("labels", {}).update({f"node-role.kubernetes.io/{role}": "" for role in roles})


def _claim(row: Row, item: Json, harvest: Harvest) -> None:
    spec, status = item["spec"], item["status"]
    status["phase"] = row.say("STATUS")
    if status["phase"] == "Terminating":
        item["metadata"]["deletionTimestamp"] = harvest.ago("0s")
    if name := row.say("STORAGECLASS"):
        spec["storageClassName"] = name
    if volume := row.say("VOLUME"):
        spec["volumeName"] = volume
    if modes := access_modes(row.say("ACCESS MODES", "ACCESSMODES")):
        spec["accessModes"] = modes
    if capacity := row.say("CAPACITY"):
        status["capacity"] = {"storage": capacity}


def _volume(row: Row, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    spec, status = item["spec"], item["status"]
    status["phase"] = row.say("STATUS")
    spec["storageClassName"] = row.say("STORAGECLASS")
    spec["persistentVolumeReclaimPolicy"] = row.say("RECLAIM POLICY", "RECLAIMPOLICY")
    spec["accessModes"] = access_modes(row.say("ACCESS MODES", "ACCESSMODES"))
    if capacity := row.say("CAPACITY"):
        spec["capacity"] = {"storage": capacity}
    namespace, _, claim = row.say("CLAIM").partition("/")
    if claim:
        spec["claimRef"] = {"kind": "PersistentVolumeClaim", "namespace": namespace, "name": claim}
    if reason := row.say("REASON"):
        status["reason"] = reason


def _storage_class(row: Row, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    item.pop("spec", None)
    item.pop("status", None)
    name, _, mark = item["metadata"]["name"].partition(" ")
    item["metadata"]["name"] = name
    if "default" in mark:
        item["metadata"]["annotations"] = {"storageclass.kubernetes.io/is-default-class": "true"}
    item["provisioner"] = row.say("PROVISIONER")
    item["reclaimPolicy"] = row.say("RECLAIMPOLICY") or "Delete"
    item["volumeBindingMode"] = row.say("VOLUMEBINDINGMODE") or "Immediate"
    item["allowVolumeExpansion"] = row.say("ALLOWVOLUMEEXPANSION") == "true"


def _namespace(row: Row, item: Json, harvest: Harvest) -> None:
    item["status"]["phase"] = row.say("STATUS") or "Active"
    if item["status"]["phase"] == "Terminating":
        item["metadata"]["deletionTimestamp"] = harvest.ago("0s")


def _quota(row: Row, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    hard: dict[str, str] = {}
    used: dict[str, str] = {}
    for name, left, right in re.findall(
        r"([\w./\-]+): ([\w.]+)/([\w.]+)", " ".join([row.say("REQUEST"), row.say("LIMIT")])
    ):
        used[name], hard[name] = left, right
    item["spec"]["hard"] = hard
    item["status"] = {"hard": dict(hard), "used": used}


def _autoscaler(row: Row, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    spec, status = item["spec"], item["status"]
    kind, _, name = row.say("REFERENCE").partition("/")
    spec["scaleTargetRef"] = {"kind": kind, "name": name}
    for heading, field in (("MINPODS", "minReplicas"), ("MAXPODS", "maxReplicas")):
        if (value := row.number(heading)) is not None:
            spec[field] = value
    if (value := row.number("REPLICAS")) is not None:
        status["currentReplicas"] = value
    targets = row.say("TARGETS", "TARGET")
    shown = re.findall(r"(?:([\w\-]+): )?(<unknown>|\d{1,9})%?/(\d{1,9})%", row.get("TARGETS", "") or targets)
    spec["metrics"] = [_utilisation(name or "cpu", "target", wanted) for name, _, wanted in shown]
    status["currentMetrics"] = [_utilisation(name or "cpu", "current", now) for name, now, _ in shown if now.isdigit()]
    if shown and all(now == "<unknown>" for _, now, _ in shown):
        status["conditions"] = [{"type": "ScalingActive", "status": "False", "reason": "FailedGetResourceMetric"}]


def _utilisation(name: str, field: str, percent: str) -> Json:
    return {"type": "Resource", "resource": {"name": name, field: {"averageUtilization": int(percent)}}}


def _job(row: Row, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    spec, status = item["spec"], item["status"]
    if parts := row.parts("COMPLETIONS"):
        status["succeeded"], spec["completions"] = parts
    word = row.say("STATUS")
    if word in {"Complete", "Failed", "Suspended"}:
        status["conditions"] = [{"type": word, "status": "True", "reason": word}]
    elif not word and parts and parts[0] >= parts[1]:
        status["conditions"] = [{"type": "Complete", "status": "True"}]


def _cron_job(row: Row, item: Json, harvest: Harvest) -> None:
    spec, status = item["spec"], item["status"]
    spec["schedule"], spec["suspend"] = row.say("SCHEDULE"), row.say("SUSPEND") == "True"
    if last := harvest.ago(row.say("LAST SCHEDULE")):
        status["lastScheduleTime"] = last


def _ingress(row: Row, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    if name := row.say("CLASS"):
        item["spec"]["ingressClassName"] = name
    hosts = [host for host in row.say("HOSTS").split(",") if host]
    item["spec"]["rules"] = [{"host": "" if host == "*" else host} for host in hosts]
    address = row.say("ADDRESS")
    item["status"] = {"loadBalancer": {"ingress": [{"ip": one} for one in address.split(",")]} if address else {}}


def _disruption_budget(row: Row, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    for heading, field in (("MIN AVAILABLE", "minAvailable"), ("MAX UNAVAILABLE", "maxUnavailable")):
        if (value := row.say(heading)) and value != "N/A":
            item["spec"][field] = number(value)
    if (allowed := row.number("ALLOWED DISRUPTIONS")) is not None:
        item["status"]["disruptionsAllowed"] = allowed


def _network_policy(row: Row, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    item["spec"]["podSelector"] = {"matchLabels": comma_pairs(row.say("POD-SELECTOR"))}


def _plain(row: Row, item: Json, harvest: Harvest) -> None:  # noqa: ARG001
    """Kinds whose row tells that they are there, and little more."""
    item.pop("spec", None)
    item.pop("status", None)
    if item["kind"] == "Secret" and (sort := row.say("TYPE")):
        item["type"] = sort


ROW_READERS: dict[str, RowReader] = {
    "Pod": read_pod_row, "Deployment": _deployment, "ReplicaSet": _replica_set, "ReplicationController": _replica_set,
    "StatefulSet": _stateful_set, "DaemonSet": _daemon_set, "Service": _service, "Endpoints": _endpoints, "Node": _node,
    "PersistentVolumeClaim": _claim, "PersistentVolume": _volume, "StorageClass": _storage_class, "Namespace": _namespace,
    "ResourceQuota": _quota, "HorizontalPodAutoscaler": _autoscaler, "Job": _job, "CronJob": _cron_job, "Ingress": _ingress,
    "PodDisruptionBudget": _disruption_budget, "NetworkPolicy": _network_policy, "ConfigMap": _plain, "Secret": _plain,
    "ServiceAccount": _plain, "LimitRange": _plain, "Role": _plain, "RoleBinding": _plain, "ClusterRole": _plain,
    "ClusterRoleBinding": _plain, "EndpointSlice": _plain, "Lease": _plain,
}  # fmt: skip
