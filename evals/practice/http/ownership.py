"""managedFields: who owns which field, kept up to date by every write and consulted by server-side apply."""

from __future__ import annotations

from dataclasses import dataclass, replace

from evals.practice.clock import timestamp
from evals.practice.hooks import Object
from evals.practice.http.call import Call
from evals.practice.http.fieldset import ABSENT, Fields, decode_fields, encode_fields, fields_of_object, value_at
from evals.practice.kinds import BY_RESOURCE, Kind
from evals.practice.schema.fields import root_type
from evals.practice.store import Stamp


@dataclass(frozen=True, slots=True)
class Owner:
    """One entry of managedFields."""

    manager: str
    operation: str
    api_version: str
    subresource: str
    fields: Fields
    time: str

    @property
    def identity(self) -> tuple[str, str, str, str]:
        return self.manager, self.operation, self.api_version, self.subresource


def owners_of(obj: Object) -> list[Owner]:
    """The entries of an object's managedFields."""
    found = []
    for entry in obj["metadata"].get("managedFields") or []:
        fields = decode_fields(entry.get("fieldsV1") or {})
        found.append(Owner(entry["manager"], entry["operation"], entry.get("apiVersion", ""),
                           entry.get("subresource", ""), fields, entry.get("time", "")))  # fmt: skip
    return found


def write_owners(obj: Object, owners: list[Owner]) -> None:
    """Put the entries into the object, in the server's order: applies first, then by time."""
    kept = [owner for owner in owners if owner.fields]
    kept.sort(key=lambda owner: (owner.operation != "Apply", owner.time, owner.manager))
    entries = []
    for owner in kept:
        entry: Object = {"manager": owner.manager, "operation": owner.operation, "apiVersion": owner.api_version,
                         "time": owner.time, "fieldsType": "FieldsV1", "fieldsV1": encode_fields(owner.fields)}  # fmt: skip
        if owner.subresource:
            entry["subresource"] = owner.subresource
        entries.append(entry)
    if entries:
        obj["metadata"]["managedFields"] = entries
    else:
        obj["metadata"].pop("managedFields", None)


def object_root(kind: Kind) -> str | None:
    """The shape of the stored version of a kind."""
    stored = BY_RESOURCE[kind.store_key]
    return root_type(stored.group, stored.version, stored.kind)


def changed_fields(root: str, new: Object, old: Object | None) -> tuple[Fields, Fields]:
    """(set or changed, removed) between two states."""
    after = fields_of_object(root, new)
    if old is None:
        return after, frozenset()
    before = fields_of_object(root, old)
    changed = frozenset(p for p in after if p not in before or value_at(new, p) != value_at(old, p))
    # a parent in both sets differs whenever a child does; only leaves and new entries are taken
    parents = {path[:length] for path in after for length in range(1, len(path))}
    return frozenset(p for p in changed if p not in before or p not in parents), before - after


def stamp_update(call: Call, kind: Kind) -> Stamp | None:
    """A stamp that gives the changed fields to the request's manager."""
    root = object_root(kind)
    if root is None:
        return None
    manager = call.manager
    subresource = call.place.subresource
    now = timestamp(call.cluster.clock.now())

    def stamp(new: Object, old: Object | None) -> None:
        changed, removed = changed_fields(root, new, old)
        if old is not None and not changed and not removed:
            return
        mine = Owner(manager, "Update", kind.api_version, subresource, changed, now)
        owners = []
        for owner in owners_of(new):
            if owner.identity == mine.identity:
                mine = replace(mine, fields=(mine.fields | owner.fields) - removed, time=now)
            else:
                owners.append(replace(owner, fields=owner.fields - changed - removed))
        write_owners(new, [*owners, mine])

    return stamp


__all__ = ["ABSENT", "Owner", "changed_fields", "object_root", "owners_of", "stamp_update", "write_owners"]
