"""The contract of an action, and what it is given to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from knowledge.errors import BadInput, ObjectNotFound
from knowledge.vocabulary import ApiRequest, FieldState, Json, ObjectRef, ReversalKind, Ruling
from tools.actions.grant import Grant
from tools.ports import ClusterReader, ResourceKind
from tools.script.command import Command
from tools.script.kinds import KindTable

FIELD_MANAGER = "opsdesk"
CREATED_UID = "{created.uid}"
"""Stands in an inverse for the uid of an object that the step itself creates; the runner puts in the uid that it saw."""


@dataclass(frozen=True, slots=True)
class Permission:
    """One right that the executor needs for a step."""

    verb: str
    kind: ResourceKind
    namespace: str = ""
    name: str = ""
    subresource: str = ""


@dataclass(frozen=True, slots=True)
class Frozen:
    """One step as API requests on one target. ``observed`` and ``desired`` are the whole objects (None: absent)."""

    target: ObjectRef | None
    requests: tuple[ApiRequest, ...]
    reversal: ReversalKind = ReversalKind.SELF_HEALS
    inverse: tuple[ApiRequest, ...] = ()
    before: tuple[FieldState, ...] = ()
    after: tuple[FieldState, ...] = ()
    diff: str = ""
    observed: Json | None = None
    desired: Json | None = None
    kind: ResourceKind | None = None
    notes: tuple[str, ...] = ()


class Action(Protocol):
    """A kind of step. ``risk`` is what it needs before any rule has spoken. ``freeze`` raises BadInput (with what to do)
    when kubectl itself would refuse the line on this object, and ObjectNotFound."""

    @property
    def id(self) -> str: ...
    @property
    def verbs(self) -> tuple[str, ...]: ...
    @property
    def is_read(self) -> bool: ...
    @property
    def risk(self) -> Ruling: ...
    @property
    def grants(self) -> tuple[Grant, ...]:
        """Every right that it may need, told without a command; empty for what only reads."""

    def permissions(self, command: Command) -> tuple[Permission, ...]: ...

    async def freeze(self, command: Command, look: Look) -> Frozen: ...


@dataclass(slots=True)
class Look:
    """The cluster as a step will find it: read once, with what the steps before it were reviewed to leave laid over it.

    ``now`` is when the plan was made, so that freezing the same plan again gives the same requests.
    """

    reader: ClusterReader
    kinds: KindTable
    now: datetime
    _seen: dict[tuple[str, str, str], Json | None] = field(default_factory=dict)
    _writers: dict[tuple[str, str, str], int] = field(default_factory=dict)
    _used: set[int] = field(default_factory=set)

    @property
    def cluster(self) -> str:
        return self.reader.cluster

    def kind(self, spelling: str) -> ResourceKind:
        """A kind of the fixed table by any spelling."""
        found = self.kinds.find(spelling)
        assert found is not None, spelling
        return found

    async def find(self, kind: ResourceKind, namespace: str, name: str) -> Json | None:
        """One object, None when it is absent."""
        key = (kind.resource, namespace, name)
        if key in self._writers:
            self._used.add(self._writers[key])
        if key not in self._seen:
            try:
                self._seen[key] = await self.reader.get(kind, namespace, name)
            except ObjectNotFound:
                self._seen[key] = None
        return self._seen[key]

    async def get(self, kind: ResourceKind, namespace: str, name: str) -> Json:
        """One object. Raises ObjectNotFound."""
        found = await self.find(kind, namespace, name)
        if found is None:
            place = f" in namespace {namespace}" if namespace else ""
            raise ObjectNotFound(
                f"{kind.resource} {name} does not exist{place}", next_step="check the name and namespace"
            )
        return found

    async def list(
        self, kind: ResourceKind, namespace: str = "", *, label_selector: str = "", field_selector: str = ""
    ) -> Sequence[Json]:
        listing = await self.reader.list(kind, namespace, label_selector=label_selector, field_selector=field_selector)
        if listing.is_cut:
            raise BadInput(f"more {kind.resource} than can be read at once", next_step="name the objects")
        return listing.items

    def leave(self, frozen: Frozen, index: int) -> tuple[int, ...]:
        """Records what step ``index`` will leave and returns the earlier steps whose results it was computed from."""
        depends = tuple(sorted(self._used - {index}))
        self._used.clear()
        if frozen.kind is not None and frozen.target is not None and frozen.desired != frozen.observed:
            key = (frozen.kind.resource, frozen.target.namespace, frozen.target.name)
            self._seen[key] = frozen.desired
            self._writers[key] = index
        return depends


def reference(cluster: str, kind: ResourceKind, namespace: str, name: str, item: Json | None = None) -> ObjectRef:
    uid = str((item or {}).get("metadata", {}).get("uid", ""))
    return ObjectRef(
        cluster=cluster, kind=kind.kind, namespace=namespace if kind.is_namespaced else "", name=name,
        api_version=kind.api_version, uid=uid,
    )  # fmt: skip
