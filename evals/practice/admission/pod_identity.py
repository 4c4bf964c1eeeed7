"""What a new pod gets from the cluster: its ServiceAccount with a token, its priority, and two tolerations."""

from __future__ import annotations

from typing import Any

from evals.practice.admission.pod_defaults import each_container
from evals.practice.errors import forbidden
from evals.practice.store import Store, name_of, random_suffix

Object = dict[str, Any]
TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
_PRIORITIES = "priorityclasses.scheduling.k8s.io"
_UNREACHABLE = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def give_account(store: Store, pod: Object) -> None:
    """The ServiceAccount, which must exist, its pull secrets, and the volume with its token."""
    spec = pod["spec"]
    name = spec.get("serviceAccountName") or "default"
    spec["serviceAccountName"] = spec["serviceAccount"] = name
    namespace = pod["metadata"]["namespace"]
    account = store.find("serviceaccounts", namespace, name)
    if account is None:
        why = f'error looking up service account {namespace}/{name}: serviceaccount "{name}" not found'
        raise forbidden("pods", "", name_of(pod), why)
    if account.get("imagePullSecrets") and not spec.get("imagePullSecrets"):
        spec["imagePullSecrets"] = [dict(one) for one in account["imagePullSecrets"]]
    wanted = spec.get("automountServiceAccountToken")
    if wanted is None:
        wanted = account.get("automountServiceAccountToken", True)
    if wanted:
        _mount_token(spec)


def _mount_token(spec: Object) -> None:
    volumes: list[Object] = spec.get("volumes") or []
    existing = next((v["name"] for v in volumes if str(v["name"]).startswith("kube-api-access-")), None)
    name = existing or f"kube-api-access-{random_suffix()}"
    mounted = False
    for container in each_container(spec):
        mounts = container.get("volumeMounts") or []
        if all(mount.get("mountPath") != TOKEN_PATH for mount in mounts):
            container["volumeMounts"] = [*mounts, {"name": name, "readOnly": True, "mountPath": TOKEN_PATH}]
            mounted = True
    if mounted and existing is None:
        spec["volumes"] = [*volumes, _token_volume(name)]


def _token_volume(name: str) -> Object:
    field = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    sources = [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [field]}},
    ]
    return {"name": name, "projected": {"sources": sources, "defaultMode": 420}}


def give_priority(store: Store, pod: Object) -> None:
    """The priority of its class; 403 for a class that does not exist."""
    spec = pod["spec"]
    name = spec.get("priorityClassName")
    if name:
        found = store.find(_PRIORITIES, None, name)
        if found is None:
            raise forbidden("pods", "", name_of(pod), f"no PriorityClass with name {name} was found")
    else:
        found = next((one for one in store.each(_PRIORITIES) if one.get("globalDefault")), None)
        if found is not None:
            spec["priorityClassName"] = name_of(found)
    spec["priority"] = 0 if found is None else int(found.get("value") or 0)
    policy = "PreemptLowerPriority" if found is None else found.get("preemptionPolicy", "PreemptLowerPriority")
    spec.setdefault("preemptionPolicy", policy)


def give_tolerations(pod: Object) -> None:
    """Five minutes on a node that is away, unless the pod says otherwise."""
    rows: list[Object] = pod["spec"].get("tolerations") or []
    for key in _UNREACHABLE:
        if not any(_covers(row, key) for row in rows):
            added = {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            rows = [*rows, added]
    pod["spec"]["tolerations"] = rows


def _covers(row: Object, key: str) -> bool:
    return (row.get("key") in (key, None, "")) and row.get("effect") in ("NoExecute", None, "")
