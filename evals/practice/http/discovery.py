"""What is served: /version, health, /api, /apis, resource lists, aggregated discovery, the index of /openapi/v3."""

from __future__ import annotations

import hashlib
import json

from evals.practice.hooks import Object
from evals.practice.http.call import Answer, Call, page_not_found, resource_not_found
from evals.practice.http.negotiate import Form, accepted_form
from evals.practice.kinds import CUSTOM_KINDS, KINDS, Kind
from evals.practice.store import Store

TEXT = "text/plain; charset=utf-8"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_GROUPS = ["apiregistration.k8s.io", "apps", "events.k8s.io", "authentication.k8s.io", "authorization.k8s.io", "autoscaling", "batch", "certificates.k8s.io", "networking.k8s.io", "policy", "rbac.authorization.k8s.io", "storage.k8s.io", "admissionregistration.k8s.io", "apiextensions.k8s.io", "scheduling.k8s.io", "coordination.k8s.io", "node.k8s.io", "discovery.k8s.io", "flowcontrol.apiserver.k8s.io", "metrics.k8s.io"]  # fmt: skip
_DEFINITIONS = "customresourcedefinitions.apiextensions.k8s.io"
_HEALTH = ("/healthz", "/livez", "/readyz", "/healthz/ping", "/livez/ping", "/readyz/ping")


def discover(call: Call) -> Answer:
    """The answer for every path that is not about objects."""
    path = call.path.rstrip("/") or "/"
    if path in _HEALTH:
        return Answer("ok", content_type=TEXT)
    if path == "/version":
        return Answer(_version(call))
    parts = path.split("/")[1:]
    if parts[0] == "api":
        return _core(call, parts)
    if parts[0] == "apis":
        return _groups(call, parts)
    if path == "/openapi/v3":
        return Answer(json.dumps(_openapi_index(call.cluster.store), separators=(",", ":")), content_type=TEXT)
    return page_not_found()


def _form(call: Call) -> Form:
    return accepted_form(call.headers.get("accept", ""))


def _version(call: Call) -> Object:
    version = call.cluster.git_version
    major, minor = version.lstrip("v").split(".")[:2]
    return {
        "major": major, "minor": minor, "gitVersion": version, "gitCommit": "63adf010aa20e104c0b7043b47f42f50c9f72b17",
        "gitTreeState": "clean", "buildDate": "2026-01-01T00:00:00Z", "goVersion": "go1.24.11", "compiler": "gc",
        "platform": "linux/amd64",
    }  # fmt: skip


def _core(call: Call, parts: list[str]) -> Answer:
    if len(parts) == 1:
        if _form(call).view:
            return Answer(_aggregated(call.cluster.store, [""]), content_type=AGGREGATED)
        address = f"{call.cluster.address}:6443"
        cidrs = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
        return Answer({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": cidrs})
    if parts[1] != "v1":
        raise resource_not_found()
    return Answer(_resource_list(call.cluster.store, "", "v1"))


def _groups(call: Call, parts: list[str]) -> Answer:
    store = call.cluster.store
    served = _groups_of(store)
    if len(parts) == 1:
        if _form(call).view:
            return Answer(_aggregated(store, served), content_type=AGGREGATED)
        groups = [_group(store, name) for name in served]
        return Answer({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
    group = parts[1]
    if group not in served:
        return page_not_found()
    if len(parts) == 2:
        return Answer({"kind": "APIGroup", "apiVersion": "v1", **_group(store, group)})
    if parts[2] not in _versions(store, group):
        raise resource_not_found()
    return Answer(_resource_list(store, group, parts[2]))


def is_served(store: Store, kind: Kind) -> bool:
    """A kind of our own always; an operator's once its definition is there."""
    return kind not in CUSTOM_KINDS or store.find(_DEFINITIONS, None, kind.resource) is not None


def _served(store: Store) -> list[Kind]:
    return [*KINDS, *(kind for kind in CUSTOM_KINDS if is_served(store, kind))]


def _groups_of(store: Store) -> list[str]:
    return [*_GROUPS, *dict.fromkeys(kind.group for kind in CUSTOM_KINDS if is_served(store, kind))]


def _versions(store: Store, group: str) -> list[str]:
    return list(dict.fromkeys(kind.version for kind in _served(store) if kind.group == group))


def _group(store: Store, name: str) -> Object:
    versions = [{"groupVersion": f"{name}/{version}", "version": version} for version in _versions(store, name)]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def _rows(store: Store, group: str, version: str) -> list[Kind]:
    found = (kind for kind in _served(store) if (kind.group, kind.version) == (group, version))
    return sorted(found, key=lambda kind: kind.plural)


def _resource_list(store: Store, group: str, version: str) -> Object:
    resources: list[Object] = []
    for kind in _rows(store, group, version):
        resources.append(_resource(kind))
        for sub in kind.subresources:
            row: Object = {"name": f"{kind.plural}/{sub.name}", "singularName": "", "namespaced": kind.namespaced}
            if sub.group:
                row.update(group=sub.group, version=sub.version)
            resources.append({**row, "kind": sub.kind, "verbs": list(sub.verbs)})
    head: Object = {"kind": "APIResourceList"}
    if group:
        head["apiVersion"] = "v1"
    return {**head, "groupVersion": f"{group}/{version}" if group else version, "resources": resources}


def _resource(kind: Kind) -> Object:
    row: Object = {"name": kind.plural, "singularName": kind.singular, "namespaced": kind.namespaced, "kind": kind.kind,
                   "verbs": list(kind.verbs)}  # fmt: skip
    if kind.short_names:
        row["shortNames"] = list(kind.short_names)
    if kind.categories:
        row["categories"] = list(kind.categories)
    if not kind.virtual:
        row["storageVersionHash"] = kind.storage_version_hash
    return row


def _aggregated(store: Store, groups: list[str]) -> Object:
    items = []
    for group in groups:
        meta: Object = {"name": group} if group else {}
        versions: list[Object] = [
            {
                "version": version,
                "resources": [_discovered(kind) for kind in _rows(store, group, version)],
                "freshness": "Current",
            }
            for version in _versions(store, group)
        ]
        meta["creationTimestamp"] = None
        items.append({"metadata": meta, "versions": versions})
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _discovered(kind: Kind) -> Object:
    row: Object = {
        "resource": kind.plural,
        "responseKind": {"group": "", "version": "", "kind": kind.kind},
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": list(kind.verbs),
    }
    if kind.short_names:
        row["shortNames"] = list(kind.short_names)
    if kind.categories:
        row["categories"] = list(kind.categories)
    if kind.subresources:
        row["subresources"] = [
            {"subresource": sub.name, "responseKind": {"group": sub.group, "version": sub.version, "kind": sub.kind},
             "verbs": list(sub.verbs)} for sub in kind.subresources
        ]  # fmt: skip
    return row


def _openapi_index(store: Store) -> Object:
    paths = [".well-known/openid-configuration", "api", "api/v1", "apis", "openid/v1/jwks", "version"]
    for group in _groups_of(store):
        paths += [f"apis/{group}", *(f"apis/{group}/{version}" for version in _versions(store, group))]
    index = {}
    for path in sorted(paths):
        digest = hashlib.sha512(path.encode()).hexdigest().upper()
        index[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}
    return {"paths": index}
