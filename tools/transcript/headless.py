"""Rows whose heading was cut off or filtered away (``| grep web``), and descriptions whose beginning was."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tools.transcript.columns import split_row
from tools.transcript.event_tables import read_described_events
from tools.transcript.get_tables import read_cells
from tools.transcript.harvest import Harvest
from tools.transcript.kinds import KINDS, Kind

_AGE = r"(?:<unknown>|<invalid>|(?:\d{1,6}[ydhms])+)"
_POD = re.compile(
    rf"\s*(?:[a-z0-9][a-z0-9\-]*\s+)?(?:pod/)?[a-z0-9][a-z0-9.\-]*\s+\d+/\d+\s+[A-Z][\w:/\-]*\s+\d+(?:\s+\(\S+ ago\))?\s+{_AGE}(?:\s|$)"
)
_COLUMNS = {
    "Pod": "NAME READY STATUS RESTARTS AGE IP NODE NOMINATED_NODE READINESS_GATES",
    "Deployment": "NAME READY UP-TO-DATE AVAILABLE AGE CONTAINERS IMAGES SELECTOR",
    "StatefulSet": "NAME READY AGE CONTAINERS IMAGES",
    "ReplicaSet": "NAME DESIRED CURRENT READY AGE CONTAINERS IMAGES SELECTOR",
    "DaemonSet": "NAME DESIRED CURRENT READY UP-TO-DATE AVAILABLE NODE_SELECTOR AGE CONTAINERS IMAGES SELECTOR",
    "Service": "NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE SELECTOR",
    "Node": "NAME STATUS ROLES AGE VERSION INTERNAL-IP EXTERNAL-IP OS-IMAGE KERNEL-VERSION CONTAINER-RUNTIME",
    "Endpoints": "NAME ENDPOINTS AGE",
    "Namespace": "NAME STATUS AGE",
    "ServiceAccount": "NAME SECRETS AGE",
    "ConfigMap": "NAME DATA AGE",
    "Job": "NAME STATUS COMPLETIONS DURATION AGE",
}


def is_pod_row(line: str) -> bool:
    return "/" in line and _POD.match(line) is not None


def read_headless_rows(
    harvest: Harvest, lines: Sequence[str], kind: Kind | None, namespace: str, *, is_all: bool
) -> int:
    """Rows in the columns that their kind has by default; rows of no known kind are read when they look like pods."""
    kind = kind or KINDS["Pod"]
    names = _COLUMNS.get(kind.kind)
    if names is None:
        return 0
    headings = [name.replace("_", " ") for name in names.split()]
    found = 0
    for line in lines:
        if not line.strip() or (kind.kind == "Pod" and not is_pod_row(line)):
            continue
        here = ["NAMESPACE", *headings] if is_all or _has_namespace(line, kind) else headings
        cells = split_row(here, line.strip())
        if len(line.split("  ")) < 3:
            # A chat has eaten the spaces between the columns.
            words = re.sub(r" (?=\(\S+ ago\))", "\0", line.strip()).split()
            cells = {heading: word.replace("\0", " ") for heading, word in zip(here, words, strict=False)}
        if re.fullmatch(_AGE, cells.get("AGE", "")):
            found += read_cells(harvest, cells, kind, namespace)
    return found


_SUBJECTS = (
    re.compile(r"Successfully assigned (?P<namespace>[\w\-]+)/(?P<name>[\w.\-]+) to"),
    re.compile(r"in pod (?P<name>[a-z0-9][a-z0-9.\-]*)_(?P<namespace>[a-z0-9\-]+)\("),
)


def read_event_fragment(harvest: Harvest, lines: Sequence[str], namespace: str) -> int:
    """The events at the end of a description whose beginning was not pasted: about the pod that they name, or the only one."""
    text = "\n".join(lines)
    named = next((found for pattern in _SUBJECTS if (found := pattern.search(text))), None)
    pods = [key for key in harvest.objects if key[0] == "Pod"]
    if named is not None:
        where, name = named["namespace"], named["name"]
    elif len(pods) == 1:
        _, where, name = pods[0]
    else:
        harvest.gap(
            "transcript",
            f"line {harvest.line}: events",
            "it cannot be told whose events these are",
            "paste the whole describe",
        )
        return 0
    start = next((at for at, line in enumerate(lines) if "Reason" in line), 0)
    before = harvest.facts
    read_described_events(harvest, lines[start:], "Pod", where or namespace or harvest.namespace, name)
    return harvest.facts - before


def _has_namespace(line: str, kind: Kind) -> bool:
    """Whether two names stand before the ready count, as ``-A`` prints them."""
    return (
        kind.kind == "Pod"
        and re.match(r"\s*[a-z0-9][\w.\-]*\s+(?:pod/)?[a-z0-9][\w.\-]*\s+\d+/\d+\s", line) is not None
    )
