"""How collectors read lists: the focus first, then as far as the reach allows; what cannot be read becomes a gap."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from knowledge.errors import ObjectNotFound, OpsdeskError
from knowledge.vocabulary import Focus, Gap, Json
from tools.contracts import Gathered
from tools.ports import Clock, Cluster, Listing, ResourceKind
from tools.redaction import redact_text

READ_SECONDS = 15.0
MAX_NAMESPACES = 30
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Reads:
    """A kind that a collector lists. ``is_optional``: a cluster that does not serve it has no gap there.
    ``limit`` bounds one list; ``is_focused`` keeps to the focus's namespaces when it has any."""

    kind: ResourceKind
    is_optional: bool = False
    limit: int = 0
    is_focused: bool = False
    field_selector: str = ""


def kind_of(group: str, version: str, plural: str, kind: str, *, is_namespaced: bool = True) -> ResourceKind:
    return ResourceKind(group, version, plural, kind, is_namespaced)


@dataclass(frozen=True, slots=True)
class ListingCollector:
    """A collector that is a list of kinds; ``keep`` may drop or narrow an item (None: dropped)."""

    id: str
    reads: tuple[Reads, ...]
    keep: Callable[[Json], Json | None] | None = None
    needs: tuple[str, ...] = ()

    async def collect(self, cluster: Cluster, focus: Focus, so_far: Sequence[Json], clock: Clock) -> Gathered:  # noqa: ARG002
        gathered = await read_lists(self.id, cluster, focus, self.reads)
        if self.keep is not None:
            kept = [self.keep(item) for item in gathered.objects]
            gathered.objects = [item for item in kept if item is not None]
        return gathered


async def read_lists(source: str, cluster: Cluster, focus: Focus, reads: Sequence[Reads]) -> Gathered:
    """All kinds at once; the adapter bounds how many requests are under way."""
    parts = await asyncio.gather(*(_read_kind(source, cluster, focus, read) for read in reads))
    whole = Gathered()
    for part in parts:
        whole.objects += part.objects
        whole.gaps += part.gaps
    return whole


async def _read_kind(source: str, cluster: Cluster, focus: Focus, read: Reads) -> Gathered:
    gathered = Gathered()
    if not read.kind.is_namespaced:
        await _read_one(gathered, source, cluster, read, "", "")
        return gathered
    first = [name for name in focus.namespaces if focus.reach.allows(cluster=cluster.name, namespace=name)]
    first = list(
        dict.fromkeys([*first, *(ref.namespace for ref in focus.objects if _is_within(focus, cluster, ref.namespace))])
    )
    for namespace in first[:MAX_NAMESPACES]:
        if not await _read_one(gathered, source, cluster, read, namespace, ""):
            break
    if read.is_focused and first:
        return gathered
    if "*" in focus.reach.namespaces:
        others = ",".join(f"metadata.namespace!={name}" for name in first[:MAX_NAMESPACES])
        await _read_one(gathered, source, cluster, read, "", others)
        return gathered
    for namespace in await _reachable(gathered, source, cluster, focus, set(first)):
        if not await _read_one(gathered, source, cluster, read, namespace, ""):
            break
    return gathered


def _is_within(focus: Focus, cluster: Cluster, namespace: str) -> bool:
    return bool(namespace) and focus.reach.allows(cluster=cluster.name, namespace=namespace)


async def _reachable(gathered: Gathered, source: str, cluster: Cluster, focus: Focus, done: set[str]) -> list[str]:
    """Namespaces that the reach's patterns allow; plain names need no list of namespaces."""
    patterns = focus.reach.namespaces
    names = [pattern for pattern in patterns if not set(pattern) & set("*?[")]
    if len(names) < len(patterns):
        listing = await guarded(
            gathered,
            source,
            "list namespaces",
            cluster.reader.list(kind_of("", "v1", "namespaces", "Namespace", is_namespaced=False)),
        )
        names += [str(item["metadata"]["name"]) for item in listing.items] if listing else []
    allowed = [
        name
        for name in dict.fromkeys(names)
        if name not in done and focus.reach.allows(cluster=cluster.name, namespace=name)
    ]
    if len(allowed) > MAX_NAMESPACES:
        gathered.gaps.append(
            Gap(source=source, query=f"{len(allowed)} namespaces", reason=f"only the first {MAX_NAMESPACES} were read",
                next_step="name the namespace in the ticket")
        )  # fmt: skip
    return allowed[:MAX_NAMESPACES]


async def _read_one(
    gathered: Gathered, source: str, cluster: Cluster, read: Reads, namespace: str, field_selector: str
) -> bool:
    """False when the kind is not served at all: asking again elsewhere is pointless."""
    where = f" in {namespace}" if namespace else ""
    query = f"list {read.kind.resource}{where}"
    selectors = ",".join(part for part in (read.field_selector, field_selector) if part)
    try:
        async with asyncio.timeout(READ_SECONDS):
            listing: Listing = await cluster.reader.list(
                read.kind, namespace, field_selector=selectors, limit=read.limit
            )
    except ObjectNotFound as error:
        if not read.is_optional:
            gathered.gaps.append(gap_of(source, query, error))
        return False
    except (OpsdeskError, TimeoutError) as error:
        gathered.gaps.append(gap_of(source, query, error))
        return True
    gathered.objects += listing.items
    if listing.is_cut:
        reason = f"more than {len(listing.items)} objects; the rest was not read"
        gathered.gaps.append(
            Gap(source=source, query=query, reason=reason, next_step="name the namespace in the ticket")
        )
    return True


async def guarded(gathered: Gathered, source: str, query: str, call: Awaitable[Answer]) -> Answer | None:
    """The answer, or None and a gap."""
    try:
        async with asyncio.timeout(READ_SECONDS):
            return await call
    except (OpsdeskError, TimeoutError) as error:
        gathered.gaps.append(gap_of(source, query, error))
        return None


def gap_of(source: str, query: str, error: OpsdeskError | TimeoutError) -> Gap:
    if isinstance(error, OpsdeskError):
        # Errors quote other systems, and a gap is stored and shown.
        return Gap(
            source=source, query=query, reason=redact_text(error.message), next_step=redact_text(error.next_step)
        )
    return Gap(
        source=source, query=query, reason="no answer in time", next_step="look again when the cluster is less busy"
    )
