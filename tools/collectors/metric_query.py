"""One question to Prometheus, and families of questions that are asked as one.

A family is several expressions joined by ``or``; a label says which of them a series answers. Prometheus answers it in one
round trip, a part whose metric is not exported is simply absent, and a detector asks for its part by the label.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

SCOPE = re.compile(r"\{scope(?:;([^{}]*))?\}")
"""``{scope}`` and, with further matchers, ``{scope;track="canary"}``."""


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """``key`` is the name that detectors use. Without ``is_range`` only the end of the window is asked for. ``days``: the same
    is asked of so many days ago too (one more question for all of them), for detectors that know the time of day.

    ``parts``: into how many series one object's answer falls; the bound on series counts objects."""

    key: str
    promql: str
    is_range: bool = True
    days: tuple[int, ...] = ()
    parts: int = 1


WEEK = (1, 2, 3, 4, 5, 6, 7, 14)
"""Every day of the week, and the same weekday twice."""

USUAL_WINDOW = "30m"
RANGE = re.compile(r"\[\d+[smhd]\]")


def with_companions(queries: Iterable[MetricQuery]) -> Iterator[MetricQuery]:
    """Each question, and after one that has ``days`` its companion ``<key>_usual``: the level at this time of day on those
    days, told apart by the label ``ago``. Raises ValueError where a question has no range that could be moved back."""
    for query in queries:
        yield query
        if query.days:
            yield _companion(query)


def _companion(query: MetricQuery) -> MetricQuery:
    if not RANGE.search(query.promql):
        raise ValueError(f"{query.key} cannot be asked of earlier days: it has no range")
    parts = {f"{day}d": RANGE.sub(f"[{USUAL_WINDOW}] offset {day}d", query.promql) for day in query.days}
    family = family_query(f"{query.key}_usual", "ago", parts)
    return replace(family, parts=len(parts))


def family_query(key: str, label: str, parts: Mapping[str, str], *, is_range: bool = False) -> MetricQuery:
    """The parts' names become the values of ``label``."""
    labelled = [f'label_replace({promql}, "{label}", "{name}", "", "")' for name, promql in parts.items()]
    return MetricQuery(key, " or ".join(labelled), is_range=is_range)


def quantile(share: float, metric: str, labels: str, *, matchers: str = "", window: str = "5m") -> str:
    """A quantile of a histogram's rate by the labels; seconds where the metric says so."""
    return f"histogram_quantile({share}, sum by ({labels}, le) (rate({metric}_bucket{matchers}[{window}])))"
