"""ConfigMaps, Secrets and claims that a pod refers to: what is missing, and what a container sees of those that exist."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

from evals.practice.store import Store, namespace_of

Object = dict[str, Any]
_VARIABLE = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)")


class MissingReference(Exception):
    """An object or key that the pod needs is not there; the text is the kubelet's."""


def environment(store: Store, pod: Object, container: Object) -> dict[str, str]:
    """The container's variables. `MissingReference` as the kubelet words it in CreateContainerConfigError."""
    found: dict[str, str] = {}
    namespace = namespace_of(pod)
    for source in container.get("envFrom") or ():
        for kind, row in (("ConfigMap", source.get("configMapRef")), ("Secret", source.get("secretRef"))):
            if row is not None:
                data = _data(store, kind, namespace, row)
                found.update({(source.get("prefix") or "") + key: value for key, value in (data or {}).items()})
    for one in container.get("env") or ():
        value = _value(store, pod, one)
        if value is not None:
            found[one["name"]] = _expand(value, found)
    return found


def _value(store: Store, pod: Object, one: Object) -> str | None:
    source = one.get("valueFrom")
    if not source:
        return str(one.get("value") or "")
    for kind, row in (("ConfigMap", source.get("configMapKeyRef")), ("Secret", source.get("secretKeyRef"))):
        if row is not None:
            return _key(store, kind, namespace_of(pod), row)
    if "fieldRef" in source:
        return str(_field(pod, source["fieldRef"]["fieldPath"]))
    return ""


def _key(store: Store, kind: str, namespace: str, row: Object) -> str | None:
    data = _data(store, kind, namespace, row)
    if data is not None and row["key"] in data:
        return data[row["key"]]
    if row.get("optional"):
        return None
    raise MissingReference(f"couldn't find key {row['key']} in {kind} {namespace}/{row['name']}")


def _data(store: Store, kind: str, namespace: str, row: Object) -> dict[str, str] | None:
    resource = "configmaps" if kind == "ConfigMap" else "secrets"
    name = row.get("name") or row.get("secretName") or ""
    found = store.find(resource, namespace, name)
    if found is None:
        if row.get("optional"):
            return None
        raise MissingReference(f'{kind.lower()} "{name}" not found')
    if kind == "ConfigMap":
        return dict(found.get("data") or {})
    return {key: base64.b64decode(text).decode(errors="replace") for key, text in (found.get("data") or {}).items()}


def _field(pod: Object, path: str) -> Any:
    fixed = {"status.podIP": pod.get("status", {}).get("podIP", ""), "spec.nodeName": pod["spec"].get("nodeName", "")}
    if path in fixed:
        return fixed[path]
    return pod["metadata"].get(path.rpartition(".")[2], "")


def _expand(text: str, known: dict[str, str]) -> str:
    return _VARIABLE.sub(lambda match: known.get(match[1], match[0]), text)


def command_line(container: Object, env: dict[str, str]) -> tuple[str, ...]:
    words = [*(container.get("command") or ()), *(container.get("args") or ())]
    return tuple(_expand(str(word), env) for word in words)


def missing_mount(store: Store, pod: Object) -> str:
    """The kubelet's FailedMount message for the first volume that cannot be set up; "" when all can."""
    for volume in pod["spec"].get("volumes") or ():
        for kind, row in _sources(volume):
            try:
                data = _data(store, kind, namespace_of(pod), row)
            except MissingReference as missing:
                return f'MountVolume.SetUp failed for volume "{volume["name"]}" : {missing}'
            for item in row.get("items") or ():
                if data is not None and item["key"] not in data and not row.get("optional"):
                    return (f'MountVolume.SetUp failed for volume "{volume["name"]}" : '
                            f"references non-existent {kind.lower()} key: {item['key']}")  # fmt: skip
    return ""


def _sources(volume: Object) -> Iterator[tuple[str, Object]]:
    if "configMap" in volume:
        yield "ConfigMap", volume["configMap"]
    if "secret" in volume:
        yield "Secret", volume["secret"]


def files(store: Store, pod: Object, container: Object) -> dict[str, str]:
    """Absolute path -> text of everything mounted from ConfigMaps and Secrets."""
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
    found: dict[str, str] = {}
    for mount in container.get("volumeMounts") or ():
        volume = volumes.get(mount["name"])
        for kind, row in _sources(volume) if volume else ():
            try:
                data = _data(store, kind, namespace_of(pod), row) or {}
            except MissingReference:
                continue  # deleted after the mount: a running container keeps what it has read
            names = {item["key"]: item["path"] for item in row.get("items") or ()} or {key: key for key in data}
            for key, path in names.items():
                if key not in data:
                    continue
                if mount.get("subPath"):
                    if mount["subPath"] == path:
                        found[mount["mountPath"]] = data[key]
                else:
                    found[f"{mount['mountPath'].rstrip('/')}/{path}"] = data[key]
    return found
