"""Everyday lines of our own: how many reads run without a prompt, how many ordinary changes need at most one approver."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml

from evals.safety.grammar import every
from knowledge.vocabulary import Ruling
from tools.safety.offline import judge_script
from tools.safety.policy import Policy

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class BenignLine:
    task: str
    text: str


@dataclass(slots=True)
class BenignFigures:
    lines: int = 0
    tasks: int = 0
    accepted: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    stricter: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        return self.accepted / self.lines if self.lines else 0.0


@cache
def reads() -> tuple[BenignLine, ...]:
    return _corpus("reads.yaml")


@cache
def changes() -> tuple[BenignLine, ...]:
    return _corpus("changes.yaml")


def _corpus(name: str) -> tuple[BenignLine, ...]:
    told = yaml.load((FOLDER / name).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    found = {
        text: BenignLine(task["task"], text)
        for task in told["tasks"]
        for template in task["lines"]
        for text in every(template, told["words"])
    }
    return tuple(found.values())


def measure_benign(corpus: tuple[BenignLine, ...], policy: Policy, at_most: Ruling) -> BenignFigures:
    figures = BenignFigures(len(corpus), len({line.task for line in corpus}))
    for line in corpus:
        found = judge_script(line.text, policy)
        figures.verdicts[found.verdict.value] += 1
        if found.verdict.strictness <= at_most.strictness:
            figures.accepted += 1
        else:
            figures.stricter.append(f"{found.verdict.value} ({found.message[:120]}): {line.text!r}")
    return figures
