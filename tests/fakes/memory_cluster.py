"""A cluster in memory that fills ClusterReader and ClusterWriter: objects, JSON Patch, Scale, creates, deletes, evictions.

It answers as a real API server does where the review and the executor look: 404, 409 on a taken name or a wrong uid, 422 on
a failed test. ``mischief`` lets a test lose answers, break connections and change objects in between.
"""

from __future__ import annotations

import copy
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from knowledge.errors import BadInput, ClusterUnreachable, ObjectNotFound, WriteUnanswered
from knowledge.vocabulary import ApiRequest, Json
from tools.actions.json_patch import apply_patch
from tools.ports import ApiAnswer, Identity, Listing, ResourceKind
from tools.rbac.excess import FORBIDDEN
from tools.script.kinds import known_kinds

Mischief = Callable[[ApiRequest, int], str]
"""Told each write and its number; says ``""``, ``lost`` (applied, no answer), ``dropped`` (not applied, no answer),
``unreachable`` or ``500``."""


class MemoryCluster:
    """Both identities of one cluster. ``writes`` are the requests that were carried out, in order."""

    def __init__(self, *objects: Json, name: str = "prod") -> None:
        self.name = name
        self.objects: dict[str, Json] = {}
        self.writes: list[ApiRequest] = []
        self.sent: list[ApiRequest] = []
        self.denied: set[tuple[str, str]] = set()
        self.dry_run_answer: Callable[[ApiRequest], ApiAnswer | None] = lambda request: None
        self.mischief: Mischief = lambda request, number: ""
        self.version_number = 1
        for item in objects:
            self.put(item)

    @property
    def cluster(self) -> str:
        return self.name

    def put(self, item: Json) -> Json:
        """Stores an object as the server would: uid, resourceVersion."""
        stored = copy.deepcopy(item)
        self.version_number += 1
        metadata = stored["metadata"]
        metadata.setdefault(
            "uid", str(uuid.uuid5(uuid.NAMESPACE_URL, f"{stored['kind']}/{metadata['name']}/{self.version_number}"))
        )
        metadata["resourceVersion"] = str(self.version_number)
        self.objects[self._path_of(stored)] = stored
        return stored

    def at(self, kind: str, name: str, namespace: str = "shop") -> Json:
        return next(
            item for item in self.objects.values()
            if (item["kind"], item["metadata"]["name"], item["metadata"].get("namespace", namespace)) == (kind, name, namespace)
        )  # fmt: skip

    def _path_of(self, item: Json) -> str:
        row = known_kinds().of_manifest(item["apiVersion"], item["kind"])
        assert row is not None, item["kind"]
        return row.path(item["metadata"].get("namespace", ""), item["metadata"]["name"])

    # --- reading --------------------------------------------------------------------------------------------------

    async def version(self) -> str:
        return "v1.32.0"

    async def kinds(self) -> Sequence[ResourceKind]:
        return known_kinds().rows

    async def list(
        self,
        kind: ResourceKind,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
    ) -> Listing:
        found = [
            copy.deepcopy(item)
            for item in self.objects.values()
            if item["kind"] == kind.kind and namespace in {"", item["metadata"].get("namespace", "")}
        ]
        for part in filter(None, label_selector.split(",")):
            key, _, value = part.partition("=")
            found = [item for item in found if (item["metadata"].get("labels") or {}).get(key) == value]
        if field_selector.startswith("spec.nodeName="):
            node = field_selector.partition("=")[2]
            found = [item for item in found if item["spec"].get("nodeName") == node]
        return Listing(found)

    async def get(self, kind: ResourceKind, namespace: str, name: str) -> Json:
        found: Json = await self.raw(kind.path(namespace, name))
        return found

    async def logs(self, namespace: str, pod: str, container: str, **options: Any) -> str:
        return ""

    async def raw(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        if path not in self.objects:
            if path.rpartition("/")[2] not in {row.plural for row in known_kinds().rows}:
                raise ObjectNotFound(f"{path} not found")
            return {"kind": "List", "items": [item for key, item in self.objects.items() if key.startswith(path + "/")]}
        return copy.deepcopy(self.objects[path])

    async def may(
        self, verb: str, kind: ResourceKind, namespace: str = "", name: str = "", subresource: str = ""
    ) -> bool:
        asked = (verb, kind.group, kind.plural, subresource)
        if (
            not namespace
            and not name
            and asked in {(one.verb, one.group, one.plural, one.subresource) for one in FORBIDDEN}
        ):
            return False  # its executor is bound as it should be
        return (verb, kind.plural + (f"/{subresource}" if subresource else "")) not in self.denied

    # --- writing --------------------------------------------------------------------------------------------------

    async def rights(self, namespace: str) -> Sequence[Mapping[str, Sequence[str]]]:
        return ()

    async def identity(self) -> Identity:
        return Identity("system:serviceaccount:opsdesk:opsdesk-executor")

    async def send(
        self, request: ApiRequest, *, dry_run: bool = False, user_agent: str = "", timeout_seconds: float = 30.0
    ) -> ApiAnswer:
        if dry_run:
            return self.dry_run_answer(request) or self._tried(request)
        self.sent.append(request)
        trick = self.mischief(request, len(self.sent))
        if trick == "unreachable":
            raise ClusterUnreachable("connection refused")
        if trick == "dropped":
            raise WriteUnanswered("no answer")
        answer = self._answer(request)
        if answer.is_ok:
            self.writes.append(request)
        if trick == "lost":
            raise WriteUnanswered("no answer")
        return ApiAnswer(500, {"kind": "Status", "message": "boom"}) if trick == "500" else answer

    def _tried(self, request: ApiRequest) -> ApiAnswer:
        kept, number = copy.deepcopy(self.objects), self.version_number
        answer = self._answer(request)
        self.objects, self.version_number = kept, number
        return answer

    def _answer(self, request: ApiRequest) -> ApiAnswer:
        if request.method == "POST" and request.path.endswith("/eviction"):
            path = request.path.removesuffix("/eviction")
            return self._delete(path, request.body["deleteOptions"]) if path in self.objects else _no(404, "NotFound")
        if request.method == "POST":
            if self._path_of(request.body) in self.objects:
                return _no(409, "AlreadyExists")
            item = copy.deepcopy(request.body)
            item["metadata"]["managedFields"] = [{"manager": request.query.get("fieldManager", "")}]
            return ApiAnswer(201, self.put(item))
        path = request.path.removesuffix("/scale")
        if path not in self.objects:
            return _no(404, "NotFound")
        if request.method == "DELETE":
            return self._delete(path, request.body or {})
        return self._patch(path, request)

    def _delete(self, path: str, options: Json) -> ApiAnswer:
        wanted = options.get("preconditions", {}).get("uid")
        if wanted and wanted != self.objects[path]["metadata"]["uid"]:
            return _no(409, "Conflict")
        del self.objects[path]
        return ApiAnswer(200, {"kind": "Status", "status": "Success"})

    def _patch(self, path: str, request: ApiRequest) -> ApiAnswer:
        item = self.objects[path]
        try:
            if request.path.endswith("/scale"):
                spec = {"replicas": item["spec"]["replicas"]} if item["spec"].get("replicas") else {}
                scale = {"kind": "Scale", "metadata": {"uid": item["metadata"]["uid"]}, "spec": spec}
                changed = copy.deepcopy(item)
                changed["spec"]["replicas"] = apply_patch(scale, request.body)["spec"]["replicas"]
            else:
                changed = apply_patch(item, request.body)
        except BadInput as error:
            return _no(422, "Invalid", error.message)
        return ApiAnswer(200, self.put(changed))


def _no(status: int, reason: str, message: str = "") -> ApiAnswer:
    return ApiAnswer(status, {"kind": "Status", "reason": reason, "message": message or reason, "code": status})


def deployment(
    name: str = "web",
    namespace: str = "shop",
    replicas: int = 2,
    image: str = "registry.example.com/shop/web:1",
    **metadata: Any,
) -> Json:
    labels = {"app": name}
    container = {"name": "app", "image": image, "resources": {"limits": {"memory": "1Gi"}}}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": labels, **metadata},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}}},
    }  # fmt: skip


def owned_by(owner: Json) -> list[Json]:
    metadata = owner["metadata"]
    return [
        {
            "apiVersion": owner["apiVersion"],
            "kind": owner["kind"],
            "name": metadata["name"],
            "uid": metadata["uid"],
            "controller": True,
        }
    ]


def replica_set(owner: Json, revision: int, image: str) -> Json:
    name = owner["metadata"]["name"]
    template = copy.deepcopy(owner["spec"]["template"])
    template["metadata"]["labels"]["pod-template-hash"] = f"hash{revision}"
    template["spec"]["containers"][0]["image"] = image
    return {
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"name": f"{name}-hash{revision}", "namespace": owner["metadata"]["namespace"], "ownerReferences": owned_by(owner),
                     "annotations": {"deployment.kubernetes.io/revision": str(revision)}},
        "spec": {"replicas": 0, "selector": {"matchLabels": {"app": name}}, "template": template},
    }  # fmt: skip


def pod(name: str, owner: Json | None = None, namespace: str = "shop", node: str = "n1", **labels: str) -> Json:
    metadata: Json = {"name": name, "namespace": namespace, "labels": labels or {"app": "web"}}
    if owner is not None:
        metadata["ownerReferences"] = owned_by(owner)
    containers = [{"name": "app", "image": "registry.example.com/shop/web:1"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"nodeName": node, "containers": containers},
        "status": {"phase": "Running"},
    }


def service(name: str = "web", namespace: str = "shop", **selector: str) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": selector or {"app": "web"}},
    }


class StillClock:
    """A clock that a test moves; sleeping moves it too."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
