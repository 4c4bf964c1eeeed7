"""The numbered list of what a script may try: every part of every number in several spellings, judged by the product itself
and held against what the list demands."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from evals.reports.table import Lines, Report, Table
from evals.safety.place import NEAR, Place, plan_of, practice_place
from knowledge.errors import ScriptRefused
from knowledge.vocabulary import Json, RuleVerdict, Ruling
from tools.safety.offline import judge_script
from tools.safety.policy import Policy

FILE = Path(__file__).with_name("threats.yaml")
LISTED = 62
"""So many numbers has the list; what stands behind is its other side: daily work that must not be held up."""


@dataclass(frozen=True, slots=True)
class Part:
    """One thing that a number of the list names. ``objects``: what the cluster holds on which its lines are reviewed; without
    any they are judged offline. ``shown_by``: the tests that show what is no script."""

    number: int
    title: str
    says: str
    demands: tuple[str, ...]
    lines: tuple[str, ...] = ()
    objects: tuple[Json, ...] = ()
    is_outside: bool = False
    by: str = ""
    """The rule that has to be among those that decide, so that no line comes out right for a wrong reason."""
    shown_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spelling:
    """One line and what the product says of it."""

    text: str
    verdict: str
    rules: tuple[str, ...]
    message: str


@dataclass(frozen=True, slots=True)
class Outcome:
    part: Part
    spellings: tuple[Spelling, ...]

    @property
    def wrong(self) -> tuple[Spelling, ...]:
        return tuple(
            one
            for one in self.spellings
            if one.verdict not in self.part.demands or (self.part.by and self.part.by not in one.rules)
        )

    @property
    def verdicts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one.verdict for one in self.spellings))


@cache
def parts() -> tuple[Part, ...]:
    rows = yaml.load(FILE.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)["threats"]
    return tuple(
        Part(
            row["number"], row["title"], one["says"], tuple(one["demands"]), tuple(one.get("lines", ())),
            tuple(one.get("objects", ())), one.get("is_outside", False), one.get("by", ""), tuple(one.get("shown_by", ())),
        )
        for row in rows
        for one in row["parts"]
    )  # fmt: skip


async def judge_threats(policy: Policy, some: Sequence[Part] | None = None) -> list[Outcome]:
    """Every part in the order of the list."""
    found: list[Outcome] = []
    async with practice_place(policy) as place:
        for part in parts() if some is None else some:
            if part.objects:
                found.append(Outcome(part, await _on_a_cluster(part, place)))
            else:
                found.append(Outcome(part, tuple(_offline(line, policy) for line in part.lines)))
    return found


def _offline(text: str, policy: Policy) -> Spelling:
    said = judge_script(text, policy)
    return Spelling(text, said.verdict.value, said.rules, said.message)


async def _on_a_cluster(part: Part, place: Place) -> tuple[Spelling, ...]:
    uids: dict[str, str] = {}
    for one in part.objects:
        item = copy.deepcopy(one["object"])
        for owner in item["metadata"].get("ownerReferences", ()):
            owner["uid"] = uids[owner["name"]]
        status = item.get("status")
        made = place.store.create(one["resource"], item)
        uids[made["metadata"]["name"]] = made["metadata"]["uid"]
        if status:
            place.store.set_status(one["resource"], made, status)
    near = NEAR if part.is_outside else None
    return tuple([await _reviewed(line, place, near) for line in part.lines])


async def _reviewed(text: str, place: Place, near: frozenset[str] | None) -> Spelling:
    try:
        plan = plan_of(text)
    except ScriptRefused as error:
        return Spelling(text, Ruling.REFUSED.value, ("grammar",), error.message)
    review = await place.reviewed(plan, near)
    deciding = [one for one in review.verdicts if one.ruling is review.ruling]
    return Spelling(
        text, review.ruling.value, _names(deciding), "; ".join(f"{v.rule}: {v.message.en}" for v in deciding)
    )


def _names(verdicts: Iterable[RuleVerdict]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(verdict.rule for verdict in verdicts))


def figures(outcomes: Sequence[Outcome]) -> Json:
    judged = [one for one in outcomes if one.spellings]
    return {
        "numbers": len({one.part.number for one in outcomes if one.part.number <= LISTED}), "parts": len(outcomes),
        "spellings": sum(len(one.spellings) for one in judged), "shown_by_tests": sum(bool(one.part.shown_by) for one in outcomes),
        "wrong": sum(len(one.wrong) for one in judged),
        "list": [
            {
                "number": one.part.number, "title": one.part.title, "part": one.part.says, "demands": list(one.part.demands),
                "verdicts": list(one.verdicts), "spellings": len(one.spellings), "shown_by": list(one.part.shown_by),
                "holds": not one.wrong,
            }
            for one in outcomes
        ],
    }  # fmt: skip


def threats_report(outcomes: Sequence[Outcome]) -> Report:
    """The list alone: each number with the verdicts as the product prints them."""
    told = figures(outcomes)
    return Report(
        name="threats",
        title="What a script may try, and what comes out",
        intro=(
            f"{told['numbers']} numbers in {told['parts']} parts, {told['spellings']} spellings: {told['wrong']} come out other "
            f"than demanded. {told['shown_by_tests']} parts are no scripts: the tests named show them."
        ),
        parts=(threats_table(outcomes), Lines("Other than demanded", tuple(wrong_lines(outcomes)))),
    )


def threats_table(outcomes: Sequence[Outcome]) -> Table:
    counts = Counter(one.part.number for one in outcomes)
    rows = tuple(
        (
            one.part.number if one.part.number <= LISTED else "-",
            one.part.title if counts[one.part.number] == 1 else f"{one.part.title}: {one.part.says}", "/".join(one.part.demands),
            ", ".join(one.verdicts) or "shown by tests", len(one.spellings) or "", _rules(one),
        )
        for one in outcomes
    )  # fmt: skip
    return Table("Threats", ("number", "what", "demanded", "verdict", "spellings", "said by"), rows)


def _rules(one: Outcome) -> str:
    if one.part.shown_by:
        return ", ".join(f"`{test}`" for test in one.part.shown_by)
    return ", ".join(dict.fromkeys(rule for spelling in one.spellings for rule in spelling.rules))


def wrong_lines(outcomes: Sequence[Outcome]) -> list[str]:
    return [
        f"{one.part.number} ({one.part.says}): {spelling.verdict}, not {'/'.join(one.part.demands)}: {spelling.text!r}: {spelling.message}"
        for one in outcomes
        for spelling in one.wrong
    ]
