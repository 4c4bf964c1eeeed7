"""Risky lines, drawn from the threats' templates and mutated: how many of them come out milder than they may."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random

import yaml

from evals.safety.grammar import Chance, Words, drawn
from evals.safety.mutations import mutated
from knowledge.vocabulary import Ruling
from tools.safety.offline import judge_script
from tools.safety.policy import Policy

FILE = Path(__file__).with_name("risky.yaml")


@dataclass(frozen=True, slots=True)
class Threat:
    """Templates of one threat; ``at_least`` is the mildest verdict that a line of it may get."""

    number: int
    at_least: Ruling
    templates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RiskyLine:
    threat: Threat
    text: str
    mutations: tuple[str, ...]


@dataclass(slots=True)
class Milder:
    """A line that came out milder than its threat allows."""

    line: RiskyLine
    verdict: Ruling

    def as_text(self) -> str:
        how = "+".join(self.line.mutations) or "as drawn"
        return f"{self.line.threat.number} ({how}) {self.verdict.value}: {self.line.text!r}"


@dataclass(slots=True)
class RiskyFigures:
    lines: int = 0
    distinct: int = 0
    unapproved: list[Milder] = field(default_factory=list)
    below_forbidden: list[Milder] = field(default_factory=list)
    milder: list[Milder] = field(default_factory=list)
    verdicts: Counter[str] = field(default_factory=Counter)
    by_threat: dict[int, Counter[str]] = field(default_factory=dict)
    by_mutation: Counter[str] = field(default_factory=Counter)


@cache
def threats() -> tuple[tuple[Threat, ...], Words]:
    told = yaml.load(FILE.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    found = tuple(Threat(row["number"], Ruling(row["at_least"]), tuple(row["lines"])) for row in told["threats"])
    return found, told["words"]


def draw(chance: Chance, most_mutations: int = 3) -> RiskyLine:
    """One line: every threat as likely as every other, every template of it too."""
    found, words = threats()
    threat = chance.choice(found)
    text, names = mutated(drawn(chance.choice(threat.templates), words, chance), chance, most_mutations)
    return RiskyLine(threat, text, names)


def lines(count: int, seed: int) -> Iterator[RiskyLine]:
    """So many different lines. The first of them are every template once without any mutation."""
    chance = Random(seed)
    found, words = threats()
    seen: set[str] = set()
    for threat in found:
        for template in threat.templates:
            text = drawn(template, words, chance)
            if text not in seen:
                seen.add(text)
                yield RiskyLine(threat, text, ())
    while len(seen) < count:
        line = draw(chance)
        if line.text not in seen:
            seen.add(line.text)
            yield line


def is_milder(line: RiskyLine, verdict: Ruling) -> bool:
    """Whether it came out milder than it may: what can only be refused may be forbidden just as well."""
    wanted = min(line.threat.at_least, Ruling.FORBIDDEN, key=lambda ruling: ruling.strictness)
    return verdict.strictness < wanted.strictness


def measure_risky(policy: Policy, count: int, seed: int) -> RiskyFigures:
    figures = RiskyFigures()
    for line in lines(count, seed):
        verdict = judge_script(line.text, policy).verdict
        figures.lines += 1
        figures.verdicts[verdict.value] += 1
        figures.by_threat.setdefault(line.threat.number, Counter())[verdict.value] += 1
        figures.by_mutation.update(line.mutations)
        if not is_milder(line, verdict):
            continue
        one = Milder(line, verdict)
        figures.milder.append(one)
        if verdict is Ruling.AUTO:
            figures.unapproved.append(one)
        if line.threat.at_least.strictness >= Ruling.FORBIDDEN.strictness:
            figures.below_forbidden.append(one)
    figures.distinct = figures.lines
    return figures
