"""An action that only reads: it becomes GETs, bounded in size, with the reader's identity."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from knowledge.vocabulary import ApiRequest, ReversalKind, Ruling
from tools.actions.contract import Frozen, Look, Permission
from tools.actions.grant import Grant
from tools.ports import ResourceKind
from tools.script.command import Command

PAGE = "500"
Requests = Callable[[Command, Look], Awaitable[list[ApiRequest]]]


def get_request(cluster: str, path: str, **query: str) -> ApiRequest:
    return ApiRequest(
        cluster=cluster, method="GET", path=path, query={key: value for key, value in query.items() if value}
    )


def list_request(cluster: str, kind: ResourceKind, command: Command) -> ApiRequest:
    return get_request(
        cluster, kind.path(command.namespace), labelSelector=command.selector,
        fieldSelector=command.value("field-selector"), limit=PAGE,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reading:
    """An Action made of GETs."""

    id: str
    verbs: tuple[str, ...]
    requests: Requests
    is_read: bool = True
    risk: Ruling = Ruling.AUTO
    grants: tuple[Grant, ...] = ()

    def permissions(self, command: Command) -> tuple[Permission, ...]:  # noqa: ARG002 - reads go with the reader's identity
        return ()

    async def freeze(self, command: Command, look: Look) -> Frozen:
        return Frozen(None, tuple(await self.requests(command, look)), ReversalKind.SELF_HEALS)
