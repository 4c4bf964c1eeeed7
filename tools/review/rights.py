"""Whether the executor may do what the plan sends, and what takes it back: read off the frozen requests themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from knowledge.vocabulary import ApiRequest, FrozenStep, PermissionCheck
from tools.ports import ClusterWriter, ResourceKind
from tools.script.kinds import KindTable

_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True)
class Right:
    verb: str
    kind: ResourceKind
    namespace: str = ""
    name: str = ""
    subresource: str = ""


def right_of(request: ApiRequest, kinds: KindTable) -> Right | None:
    """The right that a request needs; None for a path that is not one of a resource (``/version``)."""
    parts = request.path.strip("/").split("/")
    if parts[0] == "api" and len(parts) > 2:
        group, version, rest = "", parts[1], parts[2:]
    elif parts[0] == "apis" and len(parts) > 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    kind = next((row for row in kinds.rows if (row.group, row.plural) == (group, rest[0])), None)
    if kind is None:
        kind = ResourceKind(group, version, rest[0], rest[0], bool(namespace))
    name, subresource = (rest[1] if len(rest) > 1 else ""), (rest[2] if len(rest) > 2 else "")
    return Right(_VERBS[request.method], kind, namespace, name, subresource)


def rights_of(steps: Iterable[FrozenStep], kinds: KindTable) -> list[Right]:
    """Every right that the steps and their inverses need, each once."""
    requests = [request for step in steps if step.is_change for request in (*step.requests, *step.inverse)]
    return list(dict.fromkeys(right for request in requests if (right := right_of(request, kinds))))


async def check_rights(steps: Iterable[FrozenStep], kinds: KindTable, writer: ClusterWriter) -> list[PermissionCheck]:
    """Asks the API server for each right."""
    found: list[PermissionCheck] = []
    for right in rights_of(steps, kinds):
        allowed = await writer.may(right.verb, right.kind, right.namespace, right.name, right.subresource)
        resource = right.kind.resource + (f"/{right.subresource}" if right.subresource else "")
        because = "" if allowed else "the executor's role does not allow it: see `opsdesk rbac print`"
        found.append(
            PermissionCheck(
                verb=right.verb,
                resource=resource,
                namespace=right.namespace,
                name=right.name,
                allowed=allowed,
                because=because,
            )
        )
    return found
