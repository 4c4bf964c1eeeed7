"""``kubectl top`` as metrics of one point each, and what ``kubectl rollout`` says of a workload."""

from __future__ import annotations

import re
from collections.abc import Sequence

from knowledge.vocabulary import Json
from tools.ports import Series
from tools.transcript.columns import header_columns, is_header, read_row
from tools.transcript.command import Command
from tools.transcript.harvest import Depth, Harvest

_QUANTITY = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)(m|n|u|k|Ki|Mi|Gi|Ti|M|G|T)?$")
_FACTORS = {"": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
            "Ki": 1024.0, "Mi": 1024.0**2, "Gi": 1024.0**3, "Ti": 1024.0**4}  # fmt: skip


def quantity(text: str) -> float | None:
    """``250m``, ``512Mi``: the number; None for anything else."""
    found = _QUANTITY.match(text.strip())
    return float(found.group(1)) * _FACTORS[found.group(2) or ""] if found else None


def read_usage(harvest: Harvest, lines: Sequence[str], command: Command) -> int:
    at = next((at for at, line in enumerate(lines) if is_header(line)), None)
    if at is None:
        return 0
    columns = header_columns(lines[at])
    kind = command.kinds[0].kind if command.kinds else "Pod"
    found = 0
    for line in lines[at + 1 :]:
        row = read_row(columns, line)
        name = row.get("POD") or row.get("NAME", "")
        if not name or kind not in {"Pod", "Node"}:
            continue
        labels = (
            {"node": name}
            if kind == "Node"
            else {"namespace": row.get("NAMESPACE") or command.namespace or harvest.namespace, "pod": name}
        )
        if kind == "Pod" and row.get("POD"):
            labels["container"] = row.get("NAME", "")
        found += _keep(harvest, kind, "cpu", row.get("CPU(cores)", ""), labels)
        found += _keep(harvest, kind, "memory", row.get("MEMORY(bytes)", ""), labels)
    return found


def _keep(harvest: Harvest, kind: str, what: str, told: str, labels: dict[str, str]) -> int:
    value = quantity(told)
    if value is None:
        return 0
    key = f"{'node' if kind == 'Node' else 'container'}_{what}"
    harvest.usage.setdefault(key, []).append(Series({"__name__": key, **labels}, [(harvest.now.timestamp(), value)]))
    harvest.facts += 1
    return 1


_STUCK = re.compile(r'(?:error: )?deployment "(?P<name>[\w.\-]+)" exceeded its progress deadline')


def read_rollout(harvest: Harvest, lines: Sequence[str], command: Command) -> int:
    """A rollout that ran out of time says so in the Deployment's condition; its history and its waiting are no state."""
    for line in lines:
        if found := _STUCK.search(line):
            condition = {
                "type": "Progressing",
                "status": "False",
                "reason": "ProgressDeadlineExceeded",
                "message": line.strip(),
            }
            item: Json = {"kind": "Deployment", "metadata": {"name": found["name"], "namespace": command.namespace}}
            harvest.put({**item, "status": {"conditions": [condition]}}, Depth.TABLE)
            return 1
    return 0
