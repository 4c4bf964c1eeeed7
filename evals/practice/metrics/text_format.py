"""Prometheus' text format."""

from __future__ import annotations

from evals.practice.metrics.traffic import Histogram

Labels = dict[str, str]


class Page:
    """Samples by metric, written with their help and type in the order they came."""

    def __init__(self) -> None:
        self._order: list[str] = []
        self._kinds: dict[str, tuple[str, str]] = {}
        self._rows: dict[str, list[str]] = {}

    def declare(self, name: str, kind: str, about: str) -> None:
        if name not in self._kinds:
            self._order.append(name)
            self._kinds[name] = (kind, about)
            self._rows[name] = []

    def add(self, name: str, labels: Labels, value: float) -> None:
        self._rows[name].append(_line(name, labels, value))

    def add_histogram(self, name: str, labels: Labels, found: Histogram) -> None:
        for bound, count in found.buckets.items():
            self._rows[name].append(_line(f"{name}_bucket", {**labels, "le": f"{bound:g}"}, count))
        self._rows[name].append(_line(f"{name}_bucket", {**labels, "le": "+Inf"}, found.count))
        self._rows[name].append(_line(f"{name}_sum", labels, found.total))
        self._rows[name].append(_line(f"{name}_count", labels, found.count))

    def text(self) -> str:
        parts = []
        for name in self._order:
            kind, about = self._kinds[name]
            if self._rows[name]:
                parts.append(f"# HELP {name} {about}\n# TYPE {name} {kind}\n" + "\n".join(self._rows[name]) + "\n")
        return "".join(parts)


def _line(name: str, labels: Labels, value: float) -> str:
    shown = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    number = f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return f"{name}{{{shown}}} {number}" if shown else f"{name} {number}"


def _escaped(text: str) -> str:
    return str(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
