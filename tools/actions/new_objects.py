"""The objects that ``kubectl create KIND NAME`` and ``kubectl expose`` make of their flags. Pure, so that the rules judge the
very object that would be sent."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from knowledge.errors import BadInput
from knowledge.vocabulary import Json
from tools.script.command import Command


def new_object(command: Command) -> Json | None:
    """The whole object, None for a verb that makes none of its flags alone. Flags that do not fit together are
    `checked` apart: whatever was written is judged."""
    make = _MAKERS.get(command.verb)
    if make is None or not command.targets:
        return None
    kind, name = command.targets[0].kind, command.targets[0].name
    if command.has("from"):
        return None
    labels = {"labels": {"app": name}} if command.verb in _LABELLED else {}
    metadata = {"name": name, "namespace": command.namespace, **labels}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, "spec": make(command, name)}


def checked(command: Command) -> None:
    """Raises BadInput for flags with which kubectl makes nothing."""
    images = command.values("image")
    if command.verb == "create deployment" and len(set(map(container_name, images))) != len(images):
        raise BadInput("two containers of one name", next_step="say the Deployment as an apply of a heredoc")
    is_budget = command.verb == "create poddisruptionbudget"
    if is_budget and bool(command.value("min-available")) == bool(command.value("max-unavailable")):
        raise BadInput("one of --min-available and --max-unavailable", next_step="--min-available=1")


def container_name(image: str) -> str:
    """As kubectl names it: the last part of the image, without tag and digest."""
    return image.rpartition("/")[2].partition(":")[0].partition("@")[0]


def _deployment(command: Command, name: str) -> Json:
    port = command.value("port")
    ports = {"ports": [{"containerPort": int(port)}]} if port else {}
    containers: list[Json] = [
        {"name": container_name(image), "image": image, **ports} for image in command.values("image")
    ]
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": containers}}
    return {
        "replicas": int(command.value("replicas", "1")),
        "selector": {"matchLabels": {"app": name}},
        "template": template,
    }


def _job(command: Command, name: str) -> Json:
    container = {"name": name, "image": command.value("image")}
    return {"template": {"spec": {"containers": [container], "restartPolicy": "Never"}}}


def _cronjob(command: Command, name: str) -> Json:
    spec = _job(command, name)
    spec["template"]["spec"]["restartPolicy"] = command.value("restart", "OnFailure")
    return {"schedule": command.value("schedule"), "jobTemplate": {"metadata": {"name": name}, "spec": spec}}


def _quota(command: Command, name: str) -> Json:  # noqa: ARG001 - one signature for all
    spec: Json = {}
    if hard := command.value("hard"):
        spec["hard"] = dict(pair.split("=", 1) for pair in hard.split(","))
    if scopes := command.value("scopes"):
        spec["scopes"] = scopes.split(",")
    return spec


def _budget(command: Command, name: str) -> Json:  # noqa: ARG001 - one signature for all
    least, most = command.value("min-available"), command.value("max-unavailable")
    amount = _number_or_percent(least or most or "0")
    selector = {
        "matchLabels": dict(pair.replace("==", "=").split("=", 1) for pair in command.value("selector").split(","))
    }
    return {"minAvailable" if least else "maxUnavailable": amount, "selector": selector}


def _number_or_percent(text: str) -> int | str:
    return int(text) if text.isdigit() else text


def _cluster_service(command: Command, name: str) -> Json:
    ports: list[Json] = []
    for given in command.values("tcp"):
        port, _, target = given.partition(":")
        made = {"port": int(port), "protocol": "TCP", "targetPort": _number_or_percent(target or port)}
        ports.append({"name": given.replace(":", "-"), **made})
    headless = {"clusterIP": "None"} if command.value("clusterip") == "None" else {}
    return {"type": "ClusterIP", "selector": {"app": name}, **({"ports": ports} if ports else {}), **headless}


def job_of(command: Command, cronjob: Json) -> Json:
    """``create job NAME --from=cronjob/X``: what kubectl makes of the cron job as it is. The cron job owns it: it counts among
    its history, and goes with it."""
    template, metadata = cronjob["spec"]["jobTemplate"], cronjob["metadata"]
    own = template.get("metadata") or {}
    labels = {"labels": own["labels"]} if own.get("labels") else {}
    owner = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "name": metadata["name"],
        "uid": metadata.get("uid", ""),
        "controller": True,
    }
    made: Json = {
        "name": command.targets[0].name, "namespace": command.namespace, **labels,
        "annotations": {"cronjob.kubernetes.io/instantiate": "manual", **(own.get("annotations") or {})},
        "ownerReferences": [owner],
    }  # fmt: skip
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": made, "spec": copy.deepcopy(template["spec"])}


_LABELLED = frozenset({"create deployment", "create service clusterip"})
_MAKERS: dict[str, Callable[[Command, str], Json]] = {
    "create deployment": _deployment, "create job": _job, "create cronjob": _cronjob, "create quota": _quota,
    "create poddisruptionbudget": _budget, "create service clusterip": _cluster_service,
}  # fmt: skip


def exposed(command: Command, item: Json | None) -> Json:
    """The Service in front of a workload, a pod or another Service; without the object what the flags alone tell of it."""
    name = command.value("name", command.targets[0].name)
    selector = _selector(item)
    target = command.value("target-port") or command.value("port")
    asked, protocol = command.value("port"), command.value("protocol")
    ports = [(int(asked), "TCP")] if asked else _ports_of(item)
    ports = [(port, protocol or own) for port, own in ports]
    if item is not None and not ports:
        raise BadInput("the object tells no port", next_step="--port=80")
    made: list[Json] = [
        {"protocol": spoken, "port": port, "targetPort": _number_or_percent(target or str(port))}
        for port, spoken in ports
    ]
    if len(made) > 1:
        made = [{"name": f"port-{number}", **one} for number, one in enumerate(made, start=1)]
    kind = {"type": command.value("type")} if command.value("type") else {}
    labels = (item or {}).get("metadata", {}).get("labels") or {}
    metadata: Json = {"name": name, "namespace": command.namespace, **({"labels": labels} if labels else {})}
    spec: Json = {"ports": made, "selector": selector, **kind}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


def _selector(item: Json | None) -> dict[str, str]:
    if item is None:
        return {}
    spec = item.get("spec", {})
    found: Any = item["metadata"].get("labels") if item.get("kind") == "Pod" else spec.get("selector") or {}
    if item.get("kind") in {"Deployment", "ReplicaSet"}:
        if found.get("matchExpressions"):
            raise BadInput("its selector is more than labels", next_step="say the Service as an apply of a heredoc")
        found = found.get("matchLabels") or {}
    if not found:
        raise BadInput("the object has no labels to select by", next_step="say the Service as an apply of a heredoc")
    return dict(found)


def _ports_of(item: Json | None) -> list[tuple[int, str]]:
    spec = (item or {}).get("spec", {})
    if (item or {}).get("kind") == "Service":
        return [(port["port"], port.get("protocol", "TCP")) for port in spec.get("ports") or []]
    pod = spec if (item or {}).get("kind") == "Pod" else spec.get("template", {}).get("spec", {})
    found = [port for container in pod.get("containers") or [] for port in container.get("ports") or []]
    return list(dict.fromkeys((port["containerPort"], port.get("protocol", "TCP")) for port in found))
