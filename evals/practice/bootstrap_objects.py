"""What a cluster holds before anyone has made anything: namespaces, the Service of the API, roles and priorities."""

from __future__ import annotations

from typing import Any

from evals.practice.admission.services import KUBERNETES_ADDRESS
from evals.practice.store import Store

Object = dict[str, Any]
NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
_RBAC = "rbac.authorization.k8s.io"
_READ = ["get", "list", "watch"]
_WRITE = ["create", "delete", "deletecollection", "patch", "update"]
_BOOTSTRAP = {"kubernetes.io/bootstrapping": "rbac-defaults"}
_DISCOVERY = ["/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz", "/version",
              "/version/"]  # fmt: skip
_ISSUER = ["/.well-known/openid-configuration", "/.well-known/openid-configuration/", "/openid/v1/jwks",
           "/openid/v1/jwks/"]  # fmt: skip
_PUBLIC = ["/healthz", "/livez", "/readyz", "/version", "/version/"]

# what a namespace's people see and change: (group, resources)
_VIEWED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("", ("configmaps", "endpoints", "persistentvolumeclaims", "persistentvolumeclaims/status", "pods", "pods/log",
          "pods/status", "replicationcontrollers", "replicationcontrollers/scale", "replicationcontrollers/status",
          "serviceaccounts", "services", "services/status", "bindings", "events", "limitranges", "namespaces",
          "namespaces/status", "resourcequotas", "resourcequotas/status")),
    ("discovery.k8s.io", ("endpointslices",)),
    ("apps", ("controllerrevisions", "daemonsets", "daemonsets/status", "deployments", "deployments/scale",
              "deployments/status", "replicasets", "replicasets/scale", "replicasets/status", "statefulsets",
              "statefulsets/scale", "statefulsets/status")),
    ("autoscaling", ("horizontalpodautoscalers", "horizontalpodautoscalers/status")),
    ("batch", ("cronjobs", "cronjobs/status", "jobs", "jobs/status")),
    ("policy", ("poddisruptionbudgets", "poddisruptionbudgets/status")),
    ("networking.k8s.io", ("ingresses", "ingresses/status", "networkpolicies")),
    ("metrics.k8s.io", ("nodes", "pods")),
)  # fmt: skip
_EDITED: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("", ("configmaps", "events", "persistentvolumeclaims", "pods", "pods/attach", "pods/exec", "pods/portforward",
          "pods/proxy", "replicationcontrollers", "replicationcontrollers/scale", "secrets", "serviceaccounts",
          "services", "services/proxy")),
    ("apps", ("daemonsets", "deployments", "deployments/rollback", "deployments/scale", "replicasets",
              "replicasets/scale", "statefulsets", "statefulsets/scale")),
    ("autoscaling", ("horizontalpodautoscalers",)),
    ("batch", ("cronjobs", "jobs")),
    ("policy", ("poddisruptionbudgets",)),
    ("networking.k8s.io", ("ingresses", "networkpolicies")),
)  # fmt: skip


def create_bootstrap_objects(store: Store) -> None:
    """Create them all; the ServiceAccounts and root certificates come with the namespace controller."""
    for name in NAMESPACES:
        store.create("namespaces", {"metadata": {"name": name}})
    _create_api_service(store)
    for name, value in (("system-cluster-critical", 2_000_000_000), ("system-node-critical", 2_000_001_000)):
        text = (
            "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary."
        )
        if name == "system-node-critical":
            text = "Used for system critical pods that must not be moved from their current node."
        made: Object = {"metadata": {"name": name}, "value": value, "description": text}
        store.create("priorityclasses.scheduling.k8s.io", made)
    for role, rules in _roles().items():
        store.create(f"clusterroles.{_RBAC}", {"metadata": _named(role), "rules": rules})
    for binding, groups in _BOUND.items():
        subjects = [{"kind": "Group", "apiGroup": _RBAC, "name": group} for group in groups]
        reference = {"apiGroup": _RBAC, "kind": "ClusterRole", "name": binding}
        made = {"metadata": _named(binding), "subjects": subjects, "roleRef": reference}
        store.create(f"clusterrolebindings.{_RBAC}", made)


_BOUND = {
    "cluster-admin": ("system:masters",),
    "system:basic-user": ("system:authenticated",),
    "system:discovery": ("system:authenticated",),
    "system:public-info-viewer": ("system:authenticated", "system:unauthenticated"),
    "system:service-account-issuer-discovery": ("system:serviceaccounts",),
}


def _named(name: str) -> Object:
    notes = {"rbac.authorization.kubernetes.io/autoupdate": "true"}
    return {"name": name, "labels": dict(_BOOTSTRAP), "annotations": notes}


def _rule(group: str, resources: tuple[str, ...], verbs: list[str]) -> Object:
    return {"verbs": list(verbs), "apiGroups": [group], "resources": list(resources)}


def _roles() -> dict[str, list[Object]]:
    everything = [
        {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
        {"verbs": ["*"], "nonResourceURLs": ["*"]},
    ]
    view = [_rule(group, resources, _READ) for group, resources in _VIEWED]
    edit = [
        *view,
        _rule("", ("secrets", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy"), _READ),
        *(_rule(group, resources, _WRITE) for group, resources in _EDITED),
        _rule("", ("pods/eviction", "serviceaccounts/token"), ["create"]),
    ]
    admin = [
        *edit,
        _rule("authorization.k8s.io", ("localsubjectaccessreviews",), ["create"]),
        _rule(_RBAC, ("rolebindings", "roles"), ["create", "delete", "deletecollection", "get", "list", "patch", "update",
                                                 "watch"]),
    ]  # fmt: skip
    own = [
        _rule("authorization.k8s.io", ("selfsubjectaccessreviews", "selfsubjectrulesreviews"), ["create"]),
        _rule("authentication.k8s.io", ("selfsubjectreviews",), ["create"]),
    ]
    return {
        "cluster-admin": everything,
        "admin": admin,
        "edit": edit,
        "view": view,
        "system:basic-user": own,
        "system:discovery": [{"verbs": ["get"], "nonResourceURLs": list(_DISCOVERY)}],
        "system:public-info-viewer": [{"verbs": ["get"], "nonResourceURLs": list(_PUBLIC)}],
        "system:service-account-issuer-discovery": [{"verbs": ["get"], "nonResourceURLs": list(_ISSUER)}],
    }


def _create_api_service(store: Store) -> None:
    port = {"name": "https", "protocol": "TCP", "port": 443, "targetPort": 6443}
    labels = {"component": "apiserver", "provider": "kubernetes"}
    meta: Object = {"name": "kubernetes", "namespace": "default"}
    spec: Object = {"clusterIP": KUBERNETES_ADDRESS, "ports": [port]}
    store.create("services", {"metadata": {**meta, "labels": labels}, "spec": spec})
    subset = {"addresses": [{"ip": "127.0.0.1"}], "ports": [{"name": "https", "port": 6443, "protocol": "TCP"}]}
    mirrored = {"endpointslice.kubernetes.io/skip-mirror": "true"}
    store.create("endpoints", {"metadata": {**meta, "labels": mirrored}, "subsets": [subset]})
    store.create(
        "endpointslices.discovery.k8s.io",
        {
            "metadata": {**meta, "labels": {"kubernetes.io/service-name": "kubernetes"}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": True}}],
            "ports": [{"name": "https", "port": 6443, "protocol": "TCP"}],
        },
    )
