"""What every ``describe`` begins with: name, namespace, labels, annotations, owner, conditions."""

from __future__ import annotations

import re

from knowledge.vocabulary import Json
from tools.transcript.columns import read_table
from tools.transcript.kinds import kind_named
from tools.transcript.times import rfc3339, time_in
from tools.transcript.tree import Branch, comma_pairs, pairs, told

_ANNOTATION = re.compile(r"^([a-z0-9A-Z](?:[\w.\-]*[\w])?(?:/[\w.\-]+)?)(?:: |=|:$)(.*)$")


def skeleton(tree: Branch, kind: str, namespace: str) -> Json:
    """The object with its metadata, ready for the kind's own reader."""
    row = kind_named(kind)
    metadata: Json = {"name": tree.text("Name")}
    if row.is_namespaced:
        metadata["namespace"] = tree.text("Namespace") or namespace
    if labels := pairs(tree.child("Labels")):
        metadata["labels"] = labels
    if annotations := read_annotations(tree.child("Annotations")):
        metadata["annotations"] = annotations
    created = tree.text("CreationTimestamp", "Created", "Creation Timestamp")
    if at := rfc3339(time_in(created)):
        metadata["creationTimestamp"] = at
    owner = tree.text("Controlled By", "Controller")
    if "/" in owner:
        owner_kind, _, name = owner.partition("/")
        version = kind_named(owner_kind).api_version
        metadata["ownerReferences"] = [{"kind": owner_kind, "name": name, "controller": True, "apiVersion": version}]
    finalizers = tree.text("Finalizers").strip("[]")
    if finalizers:
        metadata["finalizers"] = finalizers.split()
    status = tree.text("Status")
    if status.startswith("Terminating") and kind != "Namespace":
        metadata["deletionTimestamp"] = created_or(tree)
    return {"apiVersion": row.api_version, "kind": kind, "metadata": metadata, "spec": {}, "status": {}}


def created_or(tree: Branch) -> str:
    """When a deletion began is told only as an age; the reader of pods puts it right."""
    return rfc3339(time_in(tree.text("Start Time", "CreationTimestamp"))) or "1970-01-01T00:00:00Z"


def read_annotations(branch: Branch | None) -> dict[str, str]:
    """``key: value`` lines; a value of several lines is joined."""
    found: dict[str, str] = {}
    last = ""
    for entry in branch.entries() if branch else ():
        match = _ANNOTATION.match(entry)
        if match and not (last and found[last] == "" and " " in match[1]):
            last = match[1]
            found[last] = match[2].strip()
        elif last:
            found[last] = f"{found[last]}\n{entry}".strip()
    return found


def read_selector(tree: Branch, *keys: str) -> dict[str, str]:
    branch = tree.child(*(keys or ("Selector",)))
    text = ",".join(branch.entries()) if branch else ""
    return comma_pairs(text)


def read_conditions(branch: Branch | None) -> list[Json]:
    """The table of ``Conditions``: of pods type and status, of nodes everything."""
    found: list[Json] = []
    for row in read_table(branch.body() if branch else ()):
        name, status = row.get("Type", ""), row.get("Status", "")
        if not name or set(name) <= {"-"}:
            continue
        one: Json = {"type": name, "status": status}
        for column, field in (("LastHeartbeatTime", "lastHeartbeatTime"), ("LastTransitionTime", "lastTransitionTime")):
            if at := rfc3339(time_in(row.get(column, ""))):
                one[field] = at
        for column, field in (("Reason", "reason"), ("Message", "message")):
            if value := told(row.get(column, "")):
                one[field] = value
        found.append(one)
    return found


def whole(text: str) -> int | None:
    """The first whole number of a text."""
    found = re.search(r"-?\d{1,9}", text)
    return int(found.group()) if found else None


def counts(text: str) -> dict[str, int]:
    """``1 desired | 1 updated`` or ``1 Running / 0 Waiting`` as numbers by word, in lower case."""
    return {word.lower(): int(number) for number, word in re.findall(r"(\d{1,9})\s+([A-Za-z]+)", text)}
