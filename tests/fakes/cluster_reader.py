"""A cluster in memory for collectors: lists by kind and namespace, and can refuse, hang or be too large, as scripted."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from knowledge.errors import ObjectNotFound, OpsdeskError
from knowledge.vocabulary import Json
from tools.ports import Identity, Listing, ResourceKind


class FakeReader:
    """Fills the ClusterReader port. ``refuse[what]`` is an error for a plural or ``plural@namespace`` (``plural@`` is the
    whole cluster); ``asked`` records every call in words."""

    def __init__(self, objects: Sequence[Json] = (), *, cluster: str = "east") -> None:
        self._cluster = cluster
        self.objects = list(objects)
        self.texts: dict[tuple[str, str, bool], str | OpsdeskError] = {}
        self.refuse: dict[str, OpsdeskError] = {}
        self.hangs: set[str] = set()
        self.served: list[ResourceKind] = []
        self.raws: dict[str, Any] = {}
        self.asked: list[str] = []
        self.is_down: OpsdeskError | None = None

    @property
    def cluster(self) -> str:
        return self._cluster

    async def version(self) -> str:
        if self.is_down:
            raise self.is_down
        return "v1.32.13"

    async def kinds(self) -> Sequence[ResourceKind]:
        return self.served

    async def list(
        self,
        kind: ResourceKind,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
    ) -> Listing:
        self.asked.append(f"list {kind.plural} {namespace or '*'} {field_selector}".strip())
        if kind.plural in self.hangs:
            await asyncio.Event().wait()
        for key in (f"{kind.plural}@{namespace}", kind.plural):
            if key in self.refuse:
                raise self.refuse[key]
        hidden = {part.removeprefix("metadata.namespace!=") for part in field_selector.split(",") if part}
        found = [
            item
            for item in self.objects
            if item["kind"] == kind.kind
            and (not namespace or item["metadata"].get("namespace") == namespace)
            and item["metadata"].get("namespace") not in hidden
        ]
        return Listing(found[: limit or None], "1", is_cut=bool(limit) and len(found) > limit)

    async def get(self, kind: ResourceKind, namespace: str, name: str) -> Json:
        self.asked.append(f"get {kind.plural} {namespace}/{name}")
        for item in self.objects:
            where = item["metadata"].get("namespace", "")
            if (item["kind"], where, item["metadata"]["name"]) == (kind.kind, namespace, name):
                return item
        raise ObjectNotFound(f"{kind.plural} {namespace}/{name} not found")

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
        self.asked.append(f"logs {namespace}/{pod} {container}{' previous' if previous else ''}")
        text = self.texts.get((pod, container, previous), "")
        if isinstance(text, OpsdeskError):
            raise text
        return text

    async def raw(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        self.asked.append(f"raw {path}")
        if path not in self.raws:
            raise ObjectNotFound(f"{path} not found")
        return self.raws[path]

    async def rights(self, namespace: str) -> Sequence[Mapping[str, Sequence[str]]]:
        return ({"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]},)

    async def identity(self) -> Identity:
        return Identity("system:serviceaccount:opsdesk:opsdesk-reader")

    async def may(
        self, verb: str, kind: ResourceKind, namespace: str = "", name: str = "", subresource: str = ""
    ) -> bool:
        return True
