"""How fast a service spends its error budget, by several pairs of windows: a pair burns when its long window says that much
was spent, and its short one that it is still being spent. The pairs and factors are those of Google's SRE workbook.

A burn rate of 1 spends the budget exactly within the objective's period; 14.4 spends 2 % of a month's budget in an hour.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from knowledge.vocabulary import Alert, Json

Pace = Literal["fast", "slow"]


@dataclass(frozen=True, slots=True)
class Pair:
    short: str
    long: str
    factor: float


PAIRS: Mapping[Pace, tuple[Pair, ...]] = {
    "fast": (Pair("5m", "1h", 14.4), Pair("30m", "6h", 6.0)),
    "slow": (Pair("2h", "1d", 3.0), Pair("6h", "3d", 1.0)),
}
WINDOWS = tuple(
    dict.fromkeys(window for pairs in PAIRS.values() for pair in pairs for window in (pair.short, pair.long))
)

DEFAULT_OBJECTIVES: Mapping[str, float] = {"errors": 0.99, "latency": 0.95}
"""What is asked of a service that declares nothing. A service that did not keep it over three days never meant to."""


@dataclass(frozen=True, slots=True)
class Objective:
    """``share`` of good requests, above 0 and below 1; ``declared_by`` says where it stands, empty for the default."""

    share: float
    declared_by: str = ""


@dataclass(frozen=True, slots=True)
class Burn:
    """``rate`` is that of the long window; ``strength`` 1 or more means that both windows burn at the pair's factor."""

    strength: float
    rate: float
    pair: Pair


def burn(ratios: Mapping[str, float], objective: Objective, pace: Pace) -> Burn | None:
    """The pair that burns most, from the share of bad requests per window (``5m``, ``1h`` ...). None when no pair is known,
    or when the default objective was not kept in the past: then it is nobody's objective."""
    budget = 1.0 - objective.share
    if not objective.declared_by and ratios.get("3d", 0.0) > budget:
        return None
    found: Burn | None = None
    for pair in PAIRS[pace]:
        if pair.short not in ratios or pair.long not in ratios:
            continue
        long = ratios[pair.long] / budget
        strength = min(ratios[pair.short] / budget, long) / pair.factor
        if found is None or strength > found.strength:
            found = Burn(strength, long, pair)
    return found


ANNOTATION = "opsdesk.io/slo-{}"
"""On a Service: ``opsdesk.io/slo-errors: "99.9"`` and ``opsdesk.io/slo-latency: "95"``, in percent."""

SHARE = re.compile(r"^\s*(\d+(?:\.\d+)?)\s*%?\s*$")


def objective_of(
    sort: str,
    *,
    service: Json | None = None,
    recorded: float | None = None,
    alerts: Sequence[Alert] = (),
    name: str = "",
) -> Objective:
    """The service's own word first, then a recorded objective, then what a firing alert's label says, then the default."""
    annotations = ((service or {}).get("metadata") or {}).get("annotations") or {}
    if share := _share(annotations.get(ANNOTATION.format(sort))):
        return Objective(share, "annotation")
    if recorded is not None and 0 < recorded < 1:
        return Objective(recorded, "recording rule")
    for alert in alerts:
        is_its = name and name in (alert.service, alert.labels.get("service"), alert.labels.get("sloth_service"))
        if is_its and (share := _share(alert.labels.get("objective") or alert.labels.get("slo_objective"))):
            return Objective(share, f"alert {alert.name}")
    return Objective(DEFAULT_OBJECTIVES.get(sort, DEFAULT_OBJECTIVES["errors"]))


def _share(text: object) -> float | None:
    """``99.9``, ``99.9%`` or ``0.999`` as 0.999; None for what is no share between nothing and all."""
    found = SHARE.match(str(text)) if text is not None else None
    if found is None:
        return None
    value = float(found.group(1))
    value = value / 100 if value > 1 else value
    return value if 0 < value < 1 else None
