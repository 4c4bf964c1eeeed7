"""The reader's and the writer's ports over one API server. Two classes, two identities: a reader cannot be made to write."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from knowledge.errors import ClusterBusy, ClusterUnreachable, WriteUnanswered
from knowledge.vocabulary import ApiRequest, Json
from tools.adapters.kubernetes_connection import MAX_ANSWER_BYTES, USER_AGENT, KubernetesConnection, RawAnswer
from tools.adapters.kubernetes_credentials import is_legacy_token
from tools.adapters.kubernetes_decoding import decoded_page
from tools.adapters.kubernetes_discovery import discover
from tools.adapters.kubernetes_errors import ListExpired, error_of, retry_after
from tools.ports import ApiAnswer, Identity, Listing, ResourceKind

PAGE = 500
MAX_ITEMS = 20_000
DISCOVERY_SECONDS = 300.0
LONGEST_WAIT_SECONDS = 3.0
_REVIEWS = "/apis/authorization.k8s.io/v1"
_WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


class _ClusterSide:
    """What both identities can do: be opened and ask what they may."""

    def __init__(self, connection: KubernetesConnection) -> None:
        self._connection = connection

    @classmethod
    def connect(
        cls, cluster: str, kubeconfig: Path | None, context: str = "", *, timeout_seconds: float = 30.0
    ) -> Self:
        """No network and no file is touched before the first call. ``kubeconfig`` None: the pod's service account."""
        return cls(KubernetesConnection(cluster, kubeconfig, context, timeout_seconds=timeout_seconds))

    @property
    def cluster(self) -> str:
        return self._connection.cluster

    def close(self) -> None:
        self._connection.close()

    async def may(
        self, verb: str, kind: ResourceKind, namespace: str = "", name: str = "", subresource: str = ""
    ) -> bool:
        attributes = {
            "verb": verb,
            "group": kind.group,
            "version": kind.version,
            "resource": kind.plural,
            "subresource": subresource,
            "namespace": namespace if kind.is_namespaced else "",
            "name": name,
        }
        spec = {"resourceAttributes": {key: value for key, value in attributes.items() if value}}
        answer = await self._review("selfsubjectaccessreviews", "SelfSubjectAccessReview", spec)
        return bool((answer.get("status") or {}).get("allowed"))

    async def rights(self, namespace: str) -> Sequence[Mapping[str, Sequence[str]]]:
        answer = await self._review("selfsubjectrulesreviews", "SelfSubjectRulesReview", {"namespace": namespace})
        rules: Sequence[Mapping[str, Sequence[str]]] = (answer.get("status") or {}).get("resourceRules") or ()
        return rules

    async def identity(self) -> Identity:
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        try:
            answer = await self._connection.send("POST", _WHO, body=body)
        except WriteUnanswered as error:  # it changes nothing: a read that is spelled POST
            raise ClusterUnreachable(error.message) from error
        decoded = {} if answer.status == 404 else self._checked(answer, "create selfsubjectreviews")  # before 1.28
        who = ((decoded if isinstance(decoded, dict) else {}).get("status") or {}).get("userInfo") or {}
        return Identity(
            str(who.get("username", "")),
            tuple(who.get("groups") or ()),
            is_legacy=is_legacy_token(await self._connection.authorization()),
            is_pods_own=self._connection.is_pods_own,
        )

    async def _review(self, plural: str, kind: str, spec: Json) -> Json:
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}
        try:
            answer = await self._connection.send("POST", f"{_REVIEWS}/{plural}", body=body)
        except WriteUnanswered as error:  # a review changes nothing: it is a read that is spelled POST
            raise ClusterUnreachable(error.message) from error
        decoded = self._checked(answer, f"create {plural}")
        return decoded if isinstance(decoded, dict) else {}

    def _checked(self, answer: RawAnswer, asked: str, listed: ResourceKind | None = None) -> Any:
        """The decoded body. ``listed``: it is a page of that kind."""
        if answer.is_ok:
            return answer.decoded() if listed is None else decoded_page(answer.body, listed)
        raise error_of(
            answer,
            cluster=self.cluster,
            asked=asked,
            origin=self._connection.origin,
            expired=answer.token_ended_at,
        )


class KubernetesReader(_ClusterSide):
    """Fills the ClusterReader port."""

    def __init__(
        self, connection: KubernetesConnection, *, max_items: int = MAX_ITEMS, max_bytes: int = MAX_ANSWER_BYTES
    ) -> None:
        super().__init__(connection)
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._kinds: tuple[ResourceKind, ...] = ()
        self._kinds_until = 0.0

    async def version(self) -> str:
        answer = await self._read("/version")
        return str(answer.get("gitVersion", "")) if isinstance(answer, dict) else ""

    async def kinds(self) -> Sequence[ResourceKind]:
        if time.monotonic() >= self._kinds_until:
            self._kinds = await discover(lambda path, accept: self._read(path, accept=accept))
            self._kinds_until = time.monotonic() + DISCOVERY_SECONDS
        return self._kinds

    async def list(
        self,
        kind: ResourceKind,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
    ) -> Listing:
        query = {"labelSelector": label_selector, "fieldSelector": field_selector}
        selected = {key: value for key, value in query.items() if value}
        for _ in range(3):
            try:
                return await self._pages(kind, namespace, selected, min(limit or self._max_items, self._max_items))
            except ListExpired:
                continue
        raise ClusterBusy(f"cluster {self.cluster}: the list of {kind.resource} expired three times while it was read")

    async def _pages(self, kind: ResourceKind, namespace: str, selected: Mapping[str, str], most: int) -> Listing:
        listing = Listing([])
        token, read_bytes = "", 0
        name, version = kind.kind, kind.api_version
        while True:
            query = {**selected, "limit": str(min(PAGE, most - len(listing.items)))}
            if token:
                query["continue"] = token
            answer = await self._get(kind.path(namespace), query)
            if answer.status == 410 and token:
                raise ListExpired
            page = self._checked(answer, f"list {kind.resource}{' in ' + namespace if namespace else ''}", kind)
            items = page.get("items") or []
            for item in items:
                item["kind"], item["apiVersion"] = name, version
            listing.items += items
            metadata = page.get("metadata") or {}
            listing.resource_version = str(metadata.get("resourceVersion", ""))
            token = str(metadata.get("continue") or "")
            read_bytes += len(answer.body)
            if not token:
                return listing
            if len(listing.items) >= most or read_bytes >= self._max_bytes:
                listing.is_cut = True
                return listing

    async def get(self, kind: ResourceKind, namespace: str, name: str) -> Json:
        answer = await self._get(kind.path(namespace, name))
        item: Json = self._checked(answer, f"get {kind.resource} {namespace + '/' if namespace else ''}{name}")
        return {"kind": kind.kind, "apiVersion": kind.api_version, **item}

    async def logs(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        previous: bool = False,
        tail_lines: int = 500,
        since_seconds: int | None = None,
        limit_bytes: int = 1_000_000,
    ) -> str:
        query = {"timestamps": "true", "tailLines": str(tail_lines), "limitBytes": str(limit_bytes)}
        if container:
            query["container"] = container
        if previous:
            query["previous"] = "true"
        if since_seconds is not None:
            query["sinceSeconds"] = str(max(1, since_seconds))
        answer = await self._get(f"/api/v1/namespaces/{namespace}/pods/{pod}/log", query, accept="*/*")
        if not answer.is_ok:
            self._checked(answer, f"logs of {namespace}/{pod} {container}")
        return answer.body.decode("utf-8", "replace")

    async def raw(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        return await self._read(path, query)

    async def _read(
        self, path: str, query: Mapping[str, str] | None = None, *, accept: str = "application/json"
    ) -> Any:
        return self._checked(await self._get(path, query, accept=accept), f"get {path}")

    async def _get(
        self, path: str, query: Mapping[str, str] | None = None, *, accept: str = "application/json"
    ) -> RawAnswer:
        """A GET; one that the server put off for a moment is asked once more."""
        answer = await self._connection.send("GET", path, query, accept=accept, max_bytes=self._max_bytes)
        wait = answer.headers.get("retry-after", "")
        if answer.status in {429, 503} and wait.isdigit() and float(wait) <= LONGEST_WAIT_SECONDS:
            await asyncio.sleep(float(wait))
            answer = await self._connection.send("GET", path, query, accept=accept, max_bytes=self._max_bytes)
        return answer


class KubernetesWriter(_ClusterSide):
    """Fills the ClusterWriter port. Sends each request once, as it was frozen."""

    async def send(
        self, request: ApiRequest, *, dry_run: bool = False, user_agent: str = "", timeout_seconds: float = 30.0
    ) -> ApiAnswer:
        query, body = request.query, request.body
        if dry_run:
            query = {**query, "dryRun": "All"}
            if request.method == "DELETE":
                # A delete with a body reads no option from the query: there alone it would be a real delete.
                body = {**(body if isinstance(body, dict) else {}), "dryRun": ["All"]}
        answer = await self._connection.send(
            request.method,
            request.path,
            query,
            body=body,
            content_type=request.content_type,
            user_agent=user_agent or USER_AGENT,
            timeout_seconds=timeout_seconds,
        )
        return ApiAnswer(answer.status, answer.decoded(), answer.warnings, retry_after(answer))
