# ruff: noqa: ARG002 - the port's signature, and nothing to do with it
"""A reader for a cluster that did not answer the probe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from knowledge.errors import OpsdeskError
from knowledge.vocabulary import Gap, Json
from tools.ports import Identity, Listing, ResourceKind


class UnreachableReader:
    """Stands in for a cluster that did not answer the probe: refuses at once, with the probe's reason."""

    def __init__(self, cluster: str, gap: Gap) -> None:
        self._cluster = cluster
        self._gap = gap

    @property
    def cluster(self) -> str:
        return self._cluster

    def _error(self) -> OpsdeskError:
        return OpsdeskError(self._gap.reason, next_step=self._gap.next_step)

    async def version(self) -> str:
        raise self._error()

    async def kinds(self) -> Sequence[ResourceKind]:
        raise self._error()

    async def list(
        self,
        kind: ResourceKind,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
    ) -> Listing:
        raise self._error()

    async def get(self, kind: ResourceKind, namespace: str, name: str) -> Json:
        raise self._error()

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
        raise self._error()

    async def raw(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        raise self._error()

    async def rights(self, namespace: str) -> Sequence[Mapping[str, Sequence[str]]]:
        raise self._error()

    async def identity(self) -> Identity:
        raise self._error()

    async def may(
        self, verb: str, kind: ResourceKind, namespace: str = "", name: str = "", subresource: str = ""
    ) -> bool:
        raise self._error()
