"""Two identities in the practice cluster, as a careful site would have them: a reader and an executor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import yaml

_RBAC = "/apis/rbac.authorization.k8s.io/v1"
COLLECTIONS = {
    "Namespace": "/api/v1/namespaces",
    "ServiceAccount": "/api/v1/namespaces/{namespace}/serviceaccounts",
    "ClusterRole": f"{_RBAC}/clusterroles",
    "ClusterRoleBinding": f"{_RBAC}/clusterrolebindings",
}


def make_identities(url: str, admin_token: str, folder: Path) -> tuple[Path, Path]:
    """Creates both with the rights that `opsdesk rbac print` prints, and writes a kubeconfig for each: (reader, executor)."""
    from tools.rbac.manifests import Privileges
    from tools.safety.policy import Policy

    privileges = Privileges(Policy.load())
    accounts = privileges.accounts
    headers = {"Authorization": f"Bearer {admin_token}"}
    with httpx.Client(base_url=url, headers=headers, timeout=30.0, trust_env=False) as api:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": accounts.namespace}}
        for item in (namespace, *privileges.objects(("reader", "executor"))):
            _create(api, COLLECTIONS[item["kind"]].format(namespace=accounts.namespace), item)
        made = []
        for name, account in (("reader", accounts.reader), ("executor", accounts.executor)):
            path = folder / f"{name}.kubeconfig"
            path.write_text(kubeconfig(url, _token(api, accounts.namespace, account)), encoding="utf-8")
            path.chmod(0o600)
            made.append(path)
    return made[0], made[1]


def _token(api: httpx.Client, namespace: str, account: str) -> str:
    """A projected token: it ends."""
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 7200}}
    answer = api.post(f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token", json=request)
    answer.raise_for_status()
    token: str = answer.json()["status"]["token"]
    return token


def _create(api: httpx.Client, path: str, body: dict[str, Any]) -> None:
    answer = api.post(path, json=body)
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
