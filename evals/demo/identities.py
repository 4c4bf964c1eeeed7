"""Two identities in the practice cluster, as a careful site would have them: a reader and an executor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import yaml

HOME = "opsdesk"
READ = ["get", "list", "watch"]
READER_RULES: list[dict[str, Any]] = [
    {
        "apiGroups": [""],
        "resources": [
            "pods",
            "pods/log",
            "events",
            "nodes",
            "namespaces",
            "services",
            "endpoints",
            "configmaps",
            "serviceaccounts",
            "persistentvolumes",
            "persistentvolumeclaims",
            "resourcequotas",
            "limitranges",
            "replicationcontrollers",
        ],
        "verbs": READ,
    },
    {
        "apiGroups": [
            "apps",
            "batch",
            "autoscaling",
            "policy",
            "networking.k8s.io",
            "discovery.k8s.io",
            "storage.k8s.io",
            "events.k8s.io",
            "metrics.k8s.io",
            "scheduling.k8s.io",
            "coordination.k8s.io",
            "admissionregistration.k8s.io",
            "apiregistration.k8s.io",
        ],
        "resources": ["*"],
        "verbs": READ,
    },
]
EXECUTOR_RULES: list[dict[str, Any]] = [
    *READER_RULES,
    {"apiGroups": ["apps"], "resources": ["deployments", "statefulsets", "daemonsets"], "verbs": ["patch"]},
    {
        "apiGroups": ["apps"],
        "resources": ["deployments/scale", "statefulsets/scale"],
        "verbs": ["get", "patch", "update"],
    },
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["delete", "patch"]},
    {"apiGroups": [""], "resources": ["services", "nodes"], "verbs": ["patch"]},
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "patch"]},
    {"apiGroups": ["batch"], "resources": ["jobs", "cronjobs"], "verbs": ["patch"]},
    {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": ["create", "patch"]},
]


def make_identities(url: str, admin_token: str, folder: Path) -> tuple[Path, Path]:
    """Creates both with their rights and writes a kubeconfig for each: (reader, executor)."""
    headers = {"Authorization": f"Bearer {admin_token}"}
    with httpx.Client(base_url=url, headers=headers, timeout=30.0, trust_env=False) as api:
        _create(api, "/api/v1/namespaces", {"kind": "Namespace", "metadata": {"name": HOME}})
        made = []
        for name, rules in (("reader", READER_RULES), ("executor", EXECUTOR_RULES)):
            token = _identity(api, f"opsdesk-{name}", rules)
            path = folder / f"{name}.kubeconfig"
            path.write_text(kubeconfig(url, token), encoding="utf-8")
            path.chmod(0o600)
            made.append(path)
    return made[0], made[1]


def _identity(api: httpx.Client, name: str, rules: list[dict[str, Any]]) -> str:
    group = "rbac.authorization.k8s.io"
    accounts = f"/api/v1/namespaces/{HOME}/serviceaccounts"
    _create(api, accounts, {"kind": "ServiceAccount", "metadata": {"name": name}})
    role = {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules}
    _create(api, f"/apis/{group}/v1/clusterroles", role)
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": HOME}],
    }
    _create(api, f"/apis/{group}/v1/clusterrolebindings", binding)
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 7200}}
    answer = api.post(f"{accounts}/{name}/token", json=request)
    answer.raise_for_status()
    token: str = answer.json()["status"]["token"]
    return token


def _create(api: httpx.Client, path: str, body: dict[str, Any]) -> None:
    answer = api.post(path, json={"apiVersion": "v1", **body})
    if answer.status_code != 409:
        answer.raise_for_status()


def kubeconfig(url: str, token: str) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "practice", "cluster": {"server": url}}],
            "users": [{"name": "opsdesk", "user": {"token": token}}],
            "contexts": [{"name": "practice", "context": {"cluster": "practice", "user": "opsdesk"}}],
            "current-context": "practice",
        },
        sort_keys=False,
    )
