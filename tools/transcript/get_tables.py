"""``kubectl get``: finds the tables in an output and turns each row into the object that it is about."""

from __future__ import annotations

from collections.abc import Sequence

from knowledge.vocabulary import Json
from tools.transcript.columns import header_columns, is_header, read_row, unwrapped
from tools.transcript.harvest import Depth, Harvest
from tools.transcript.kinds import Kind, kind_of
from tools.transcript.row_readers import ROW_READERS, Row
from tools.transcript.tree import comma_pairs, told

# Headings that only one kind's table has.
_SIGNS: tuple[tuple[str, frozenset[str]], ...] = (
    ("Service", frozenset({"CLUSTER-IP"})),
    ("Deployment", frozenset({"UP-TO-DATE", "AVAILABLE"})),
    ("DaemonSet", frozenset({"NODE SELECTOR", "DESIRED"})),
    ("ReplicaSet", frozenset({"DESIRED", "CURRENT", "READY"})),
    ("Node", frozenset({"ROLES", "VERSION"})),
    ("PersistentVolume", frozenset({"RECLAIM POLICY"})),
    ("PersistentVolumeClaim", frozenset({"VOLUME", "CAPACITY"})),
    ("Endpoints", frozenset({"ENDPOINTS"})),
    ("Ingress", frozenset({"HOSTS"})),
    ("HorizontalPodAutoscaler", frozenset({"MINPODS", "TARGETS"})),
    ("CronJob", frozenset({"SCHEDULE"})),
    ("Job", frozenset({"COMPLETIONS"})),
    ("StorageClass", frozenset({"PROVISIONER"})),
    ("ConfigMap", frozenset({"DATA"})),
    ("ServiceAccount", frozenset({"SECRETS"})),
    ("NetworkPolicy", frozenset({"POD-SELECTOR"})),
    ("PodDisruptionBudget", frozenset({"ALLOWED DISRUPTIONS"})),
    ("ResourceQuota", frozenset({"REQUEST", "LIMIT"})),
    ("EndpointSlice", frozenset({"ADDRESSTYPE"})),
    ("Pod", frozenset({"READY", "STATUS", "RESTARTS"})),
    ("StatefulSet", frozenset({"READY"})),
)  # fmt: skip


_BARE = frozenset({"NAMESPACE", "NAME", "AGE", "LABELS"})


def guess_kind(headings: Sequence[str]) -> Kind | None:
    given = set(headings)
    for kind, signs in _SIGNS:
        if kind == "ConfigMap" and "TYPE" in given:
            return kind_of("Secret")
        if kind in {"Deployment", "Service", "Endpoints", "Ingress", "CronJob"}:
            if given & signs and not (kind == "Deployment" and "DESIRED" in given):
                return kind_of(kind)
        elif signs <= given:
            if kind == "StatefulSet" and "AGE" not in given:
                continue
            return kind_of(kind)
    if given in ({"NAME", "STATUS", "AGE"}, {"NAME", "STATUS"}):
        return kind_of("Namespace")
    return None


def table_spans(lines: Sequence[str]) -> list[tuple[int, int]]:
    """Where tables begin and end: from a heading to a blank line or the next heading. Blank lines of a terminal between rows
    of one table do not end it when a row goes on in the same columns."""
    spans: list[tuple[int, int]] = []
    start = -1
    for at, line in enumerate(lines):
        if is_header(line.rstrip()):
            if start >= 0 and (line.rstrip() == lines[start].rstrip() or _is_rest(lines, start, at)):
                continue
            if start >= 0:
                spans.append((start, at))
            start = at
        elif start >= 0 and not line.strip():
            spans.append((start, at))
            start = -1
    if start >= 0:
        spans.append((start, len(lines)))
    return spans


def _is_rest(lines: Sequence[str], start: int, at: int) -> bool:
    """Whether a heading right below a heading is the rest of it, broken at the terminal's width."""
    return (
        at - start <= 3
        and len(lines[start]) >= 40
        and not lines[at].startswith("NAME")
        and all(is_header(line.rstrip()) for line in lines[start:at])
    )


def read_get_table(harvest: Harvest, lines: Sequence[str], kind: Kind | None, namespace: str) -> int:
    """One table, heading first. Says how many objects it told of."""
    if len(lines) > 2:
        lines = unwrapped(lines)
    columns = header_columns(lines[0])
    headings = [heading for heading, _ in columns]
    guessed = guess_kind(headings)
    if kind is None:
        kind = guessed
    elif (
        guessed is not None
        and guessed is not kind
        and "/" not in "".join(lines[1:2]).split(" ")[0]
        and "NAME" in headings
    ):
        # The kinds of one command come as several tables in the order of the API server.
        kind = kind if kind.kind not in ROW_READERS or _suits(kind, headings) else guessed
    found = 0
    base = harvest.line
    for offset, line in enumerate(lines[1:], 1):
        if not line.strip() or line.rstrip() == lines[0].rstrip():
            continue
        harvest.line = base + offset
        row = read_row(columns, line)
        found += read_cells(harvest, row, kind, namespace)
    harvest.line = base
    return found


def _suits(kind: Kind, headings: Sequence[str]) -> bool:
    signs = next((signs for name, signs in _SIGNS if name == kind.kind), frozenset())
    return not signs or bool(signs & set(headings)) or kind.kind in {"Namespace", "Pod"}


def read_cells(harvest: Harvest, cells: dict[str, str], kind: Kind | None, namespace: str) -> int:
    """One row, its cells by heading. Says whether it told of an object."""
    name = cells.get("NAME", "")
    word, has_kind, rest = name.partition("/")
    if has_kind:
        kind, name = kind_of(word) or Kind(word[:1].upper() + word[1:].split(".")[0], "", word), rest
    if kind is None or not told(name) or " " in name or not name[0].isalnum():
        return 0
    metadata: Json = {"name": name}
    where = cells.get("NAMESPACE", "") or namespace
    if kind.is_namespaced:
        metadata["namespace"] = where or harvest.namespace
    if labels := comma_pairs(cells.get("LABELS", "")):
        metadata["labels"] = labels
    if created := harvest.ago(cells.get("AGE", "")):
        metadata["creationTimestamp"] = created
    item: Json = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata}
    reader = ROW_READERS.get(kind.kind)
    if reader is not None and set(cells) <= _BARE:
        pass  # an older server's table: that it is there is all it tells
    elif reader is not None:
        item["spec"], item["status"] = {}, {}
        reader(Row(cells), item, harvest)
        for part in ("spec", "status"):
            if item.get(part) == {}:
                del item[part]
    else:
        _custom(cells, item)
    harvest.put(item, Depth.TABLE)
    return 1


def _custom(cells: dict[str, str], item: Json) -> None:
    """A kind without a reader: a READY or STATUS column is what custom resources call their condition."""
    ready = cells.get("READY", "")
    if ready in {"True", "False", "Unknown"}:
        one: Json = {"type": "Ready", "status": ready}
        if reason := told(cells.get("REASON", "")):
            one["reason"] = reason
        item["status"] = {"conditions": [one]}
    elif status := told(cells.get("STATUS", "") or cells.get("PHASE", "") or cells.get("STATE", "")):
        item["status"] = {"phase": status, "state": status}
