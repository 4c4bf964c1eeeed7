"""One question to Prometheus, and families of questions that are asked as one.

A family is several expressions joined by ``or``; a label says which of them a series answers. Prometheus answers it in one
round trip, a part whose metric is not exported is simply absent, and a detector asks for its part by the label.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

SCOPE = re.compile(r"\{scope(?:;([^{}]*))?\}")
"""``{scope}`` and, with further matchers, ``{scope;track="canary"}``."""


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """``key`` is the name that detectors use. Without ``is_range`` only the end of the window is asked for."""

    key: str
    promql: str
    is_range: bool = True


def family_query(key: str, label: str, parts: Mapping[str, str], *, is_range: bool = False) -> MetricQuery:
    """The parts' names become the values of ``label``."""
    labelled = [f'label_replace({promql}, "{label}", "{name}", "", "")' for name, promql in parts.items()]
    return MetricQuery(key, " or ".join(labelled), is_range=is_range)


def quantile(share: float, metric: str, labels: str, *, matchers: str = "", window: str = "5m") -> str:
    """A quantile of a histogram's rate by the labels; seconds where the metric says so."""
    return f"histogram_quantile({share}, sum by ({labels}, le) (rate({metric}_bucket{matchers}[{window}])))"
