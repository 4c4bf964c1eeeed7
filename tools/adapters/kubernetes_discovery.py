"""The kinds that a cluster serves: aggregated discovery (two requests) where there is one, else group by group."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog

from knowledge.errors import ClusterBusy, ObjectNotFound
from knowledge.vocabulary import Json
from tools.ports import ResourceKind

AGGREGATED = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
)
Read = Callable[[str, str], Awaitable[Any]]
_log = structlog.get_logger(__name__)


async def discover(read: Read) -> tuple[ResourceKind, ...]:
    """``read(path, accept)`` gives decoded JSON. Versions come in the server's order of preference, core first."""
    core, groups = await asyncio.gather(read("/api", AGGREGATED), read("/apis", AGGREGATED))
    if core.get("kind") == groups.get("kind") == "APIGroupDiscoveryList":
        return tuple(kind for answer in (core, groups) for kind in _aggregated(answer))
    versions = [("", version) for version in core.get("versions") or ()]
    for group in groups.get("groups") or ():
        preferred = (group.get("preferredVersion") or {}).get("version")
        served = [str(each.get("version")) for each in group.get("versions") or ()]
        versions += [
            (str(group["name"]), version) for version in sorted(served, key=lambda version: version != preferred)
        ]
    found = await asyncio.gather(*(_one_list(read, group, version) for group, version in versions))
    return tuple(kind for kinds in found for kind in kinds)


async def _one_list(read: Read, group: str, version: str) -> list[ResourceKind]:
    try:
        answer = await read(f"/apis/{group}/{version}" if group else f"/api/{version}", "application/json")
    except (ClusterBusy, ObjectNotFound) as error:
        # An aggregated API whose server is down (metrics, mostly) must not hide all other kinds.
        _log.warning("discovery_group_unavailable", group=group, version=version, reason=error.message)
        return []
    resources: list[Json] = answer.get("resources") or []
    below: dict[str, list[str]] = {}
    for each in resources:
        parent, _, subresource = str(each["name"]).partition("/")
        below.setdefault(parent, []).extend([subresource] if subresource else [])
    return [
        ResourceKind(
            group=group,
            version=version,
            plural=str(each["name"]),
            kind=str(each["kind"]),
            is_namespaced=bool(each.get("namespaced")),
            singular=str(each.get("singularName") or each["kind"].lower()),
            short_names=tuple(each.get("shortNames") or ()),
            verbs=tuple(each.get("verbs") or ()),
            subresources=tuple(sorted(below[str(each["name"])])),
        )
        for each in resources
        if "/" not in str(each["name"])
    ]


def _aggregated(answer: Json) -> list[ResourceKind]:
    found: list[ResourceKind] = []
    for group in answer.get("items") or ():
        name = str((group.get("metadata") or {}).get("name") or "")
        for version in group.get("versions") or ():
            for each in version.get("resources") or ():
                if not each.get("responseKind"):
                    continue
                found.append(
                    ResourceKind(
                        group=name,
                        version=str(version["version"]),
                        plural=str(each["resource"]),
                        kind=str(each["responseKind"].get("kind") or ""),
                        is_namespaced=each.get("scope") == "Namespaced",
                        singular=str(each.get("singularResource") or ""),
                        short_names=tuple(each.get("shortNames") or ()),
                        verbs=tuple(each.get("verbs") or ()),
                        subresources=tuple(
                            sorted(str(below["subresource"]) for below in each.get("subresources") or ())
                        ),
                    )
                )
    return found
