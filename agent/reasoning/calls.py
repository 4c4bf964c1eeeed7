"""Which workload calls which Service, as far as names in environment, arguments, ConfigMaps and logs tell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from knowledge.vocabulary import Json
from tools.contracts import Snapshot

ADDRESSED = re.compile(
    r"://([a-z][a-z0-9-]*)(?:\.([a-z0-9-]+))?|(?<![\w./-])([a-z][a-z0-9-]*)\.([a-z0-9-]+)\.svc|"
    r"(?<![\w./-])([a-z][a-z0-9-]*)(?:\.([a-z0-9-]+)(?:\.svc[a-z0-9.-]*)?)?:\d{2,5}\b"
)
ADDRESS_NAME = re.compile(r"(?i)(HOST|URL|URI|ADDR|ADDRESS|ENDPOINT|SERVICE|UPSTREAM|SERVER|TARGET|BACKEND|BASE)$")
DIALLED = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}\b")
"""An address in a log (`dial tcp 10.0.0.7:5050`): told apart by the Services' cluster addresses."""

LONGEST_TEXT = 64_000
LOG_TAIL = 32_000
KINDS = ("Deployment", "StatefulSet", "DaemonSet", "Job")


def called_services(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """(key of the caller, key of the Service), each pair once."""
    services = {
        ((item.get("metadata") or {}).get("namespace", ""), (item.get("metadata") or {}).get("name", ""))
        for item in snapshot.of_kind("Service")
    }
    if not services:
        return
    addresses = _cluster_addresses(snapshot)
    seen: set[tuple[str, str]] = set()
    for caller, namespace, text in _texts(snapshot):
        dialled = (addresses[found] for found in dict.fromkeys(DIALLED.findall(text)) if found in addresses)
        for pair in (*_named_services(text, namespace, services), *dialled):
            edge = (caller, f"Service/{pair[0]}/{pair[1]}")
            if edge not in seen and not _is_own(edge):
                seen.add(edge)
                yield edge


def _cluster_addresses(snapshot: Snapshot) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for item in snapshot.of_kind("Service"):
        metadata, spec = item.get("metadata") or {}, item.get("spec") or {}
        for address in (spec.get("clusterIP"), *(spec.get("clusterIPs") or ())):
            if address and address != "None":
                found[str(address)] = (str(metadata.get("namespace", "")), str(metadata.get("name", "")))
    return found


def _is_own(edge: tuple[str, str]) -> bool:
    """A workload that names the Service of its own name speaks of itself."""
    return edge[0].rsplit("/", 1)[-1] == edge[1].rsplit("/", 1)[-1]


def _named_services(text: str, namespace: str, services: set[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for found in ADDRESSED.finditer(text):
        groups = found.groups()
        for name, other in ((groups[0], groups[1]), (groups[2], groups[3]), (groups[4], groups[5])):
            if name and (other, name) in services:
                yield str(other), name
            elif name and not other and (namespace, name) in services:
                yield namespace, name


def _texts(snapshot: Snapshot) -> Iterator[tuple[str, str, str]]:
    for kind in KINDS:
        for item in snapshot.of_kind(kind):
            metadata = item.get("metadata") or {}
            namespace = metadata.get("namespace", "")
            spec = ((item.get("spec") or {}).get("template") or {}).get("spec") or {}
            yield f"{kind}/{namespace}/{metadata.get('name')}", namespace, _template_text(snapshot, namespace, spec)
    for pod in snapshot.of_kind("Pod"):
        metadata = pod.get("metadata") or {}
        if not metadata.get("ownerReferences"):
            namespace = metadata.get("namespace", "")
            text = _template_text(snapshot, namespace, pod.get("spec") or {})
            yield f"Pod/{namespace}/{metadata.get('name')}", namespace, text
    for log in snapshot.logs:
        if log.object.kind == "Pod":
            yield log.object.key, log.object.namespace, log.text[-LOG_TAIL:]


def _template_text(snapshot: Snapshot, namespace: str, spec: Json) -> str:
    """Environment, arguments and readable configuration in one text; a bare name counts where its variable says address."""
    parts: list[str] = []
    names: set[str] = set()
    for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
        parts += [str(word) for word in (*(container.get("command") or ()), *(container.get("args") or ()))]
        for variable in container.get("env") or ():
            parts.append(_addressed(variable.get("name", ""), variable.get("value")))
            names.add(((variable.get("valueFrom") or {}).get("configMapKeyRef") or {}).get("name", ""))
        names.update((source.get("configMapRef") or {}).get("name", "") for source in container.get("envFrom") or ())
    names.update((volume.get("configMap") or {}).get("name", "") for volume in spec.get("volumes") or ())
    for name in sorted(filter(None, names)):
        found = snapshot.find("ConfigMap", namespace, name)
        for key, value in ((found or {}).get("data") or {}).items():
            parts.append(_addressed(key, value)[:LONGEST_TEXT])
    return "\n".join(parts)


def _addressed(name: str, value: Any) -> str:
    text = value if isinstance(value, str) else ""
    return f"://{text}" if text and "://" not in text and ADDRESS_NAME.search(name) else text
