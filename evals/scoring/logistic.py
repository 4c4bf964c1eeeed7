"""A logistic map whose weights may point in one direction only, fitted to weighted answers. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

STEPS = 20_000
RIDGE = 0.002
"""Keeps a weight that the answers do not ask for near zero."""


@dataclass(frozen=True, slots=True)
class Looked:
    """One answer: its facts by name (0 to 1 each), whether it held, and how much it counts."""

    facts: Mapping[str, float]
    is_hit: bool
    counts: float = 1.0


@dataclass(frozen=True, slots=True)
class Fitted:
    intercept: float
    weights: dict[str, float]


def fit(looks: Sequence[Looked], directions: Mapping[str, int], *, ridge: float = RIDGE, steps: int = STEPS) -> Fitted:
    """Least weighted log loss, each weight zero or of the sign that ``directions`` gives. The same answers give the same
    numbers: gradient steps of a fixed length from zero. Raises ValueError without answers of both sorts."""
    if len({one.is_hit for one in looks}) < 2:
        raise ValueError("to fit a confidence takes answers that held and answers that did not")
    names = list(directions)
    facts = np.array([[1.0, *(one.facts.get(name, 0.0) for name in names)] for one in looks])
    hits = np.array([float(one.is_hit) for one in looks])
    share = np.array([one.counts for one in looks])
    share /= share.sum()
    signs = np.array([0.0, *(float(directions[name]) for name in names)])
    penalty = np.array([0.0, *(ridge for _ in names)])
    length = 1.0 / (0.25 * float(np.linalg.eigvalsh(facts.T @ (facts * share[:, None]))[-1]) + ridge)
    found = np.zeros(len(names) + 1)
    for _ in range(steps):
        said = 1.0 / (1.0 + np.exp(-(facts @ found)))
        found = found - length * (facts.T @ (share * (said - hits)) + penalty * found)
        found = np.where(found * signs < 0, 0.0, found)
    return Fitted(float(found[0]), {name: float(value) for name, value in zip(names, found[1:], strict=True)})
