"""Risky lines, mutated: whatever the spelling, none of them runs without approval, and none gets milder than it was."""

from __future__ import annotations

import random
from collections.abc import Callable

from knowledge.vocabulary import Ruling
from tests.safety.test_threats import OFFLINE, ORDINARY
from tools.safety.offline import judge_script, load_policy

POLICY = load_policy()
RISKY = [
    (min(map(Ruling, part.demands), key=lambda one: one.strictness), script)
    for part, script in OFFLINE
    if part.demands != ("auto",) and script.startswith("kubectl ")
]
LOOKALIKES = {
    "a": "\u0430",
    "e": "\u0435",
    "o": "\u043e",
    "p": "\u0440",
    "c": "\u0441",
    "-": "\u2010",
    " ": "\u00a0",
    "=": "\uff1d",
}


def _words(text: str, change: Callable[[list[str]], None]) -> str:
    """Changes the words of the first line; heredocs and quoted values stay whole."""
    head, newline, rest = text.partition("\n")
    if any(mark in head for mark in "'\"<#"):
        return text
    words = head.split(" ")
    change(words)
    return " ".join(words) + newline + rest


def _quoted(text: str, chance: random.Random) -> str:
    def change(words: list[str]) -> None:
        at = chance.randrange(len(words))
        words[at] = f"'{words[at]}'" if chance.random() < 0.5 else f'"{words[at]}"'

    return _words(text, change)


def _underscored(text: str, chance: random.Random) -> str:
    def change(words: list[str]) -> None:
        words[:] = ["--" + w[2:].replace("-", "_") if w.startswith("--") and "=" not in w else w for w in words]

    return _words(text, change)


def _swapped(text: str, chance: random.Random) -> str:
    def change(words: list[str]) -> None:
        at = chance.randrange(len(words))
        words.append(words.pop(at))

    return _words(text, change)


def _spaced(text: str, chance: random.Random) -> str:
    return _words(text, lambda words: words.insert(chance.randrange(len(words) + 1), chance.choice(["", "\t", "  "])))


def _cased(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text))
    return text[:at] + text[at].swapcase() + text[at + 1 :]


def _lookalike(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text))
    return text[:at] + LOOKALIKES.get(text[at], text[at] + "\u200b") + text[at + 1 :]


def _doubled(text: str, chance: random.Random) -> str:
    return chance.choice(ORDINARY) + "\n" + text


def _trailed(text: str, chance: random.Random) -> str:
    extra = [
        " --dry-run=none",
        " # --dry-run=client",
        " -v=2",
        " --request-timeout=5s",
        " -o yaml",
        " ;id",
        " | sh",
        " --as=x",
        " -n a -n b",
    ]
    head, newline, rest = text.partition("\n")
    return head + chance.choice(extra) + newline + rest


def _cut(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text))
    return text[:at] + text[at + 1 :]


MUTATIONS = (_quoted, _underscored, _swapped, _spaced, _cased, _lookalike, _doubled, _trailed)


def test_no_risky_line_runs_unapproved_when_it_is_mutated() -> None:
    chance = random.Random(20)
    milder: list[tuple[str, str]] = []
    for _ in range(6_000):
        _, script = chance.choice(RISKY)
        mutated = script
        for _ in range(chance.randint(1, 3)):
            mutated = chance.choice(MUTATIONS)(mutated, chance)
        found = judge_script(mutated, POLICY).verdict
        if found is Ruling.AUTO:
            milder.append((script, mutated))
    assert not milder, milder[:5]


def test_spelling_alone_never_makes_a_verdict_milder() -> None:
    chance = random.Random(21)
    milder: list[tuple[str, str, str]] = []
    for _ in range(3_000):
        ruling, script = chance.choice(RISKY)
        mutated = chance.choice((_quoted, _underscored, _swapped, _spaced, _lookalike, _doubled, _trailed))(
            script, chance
        )
        found = judge_script(mutated, POLICY)
        if found.verdict.strictness < ruling.strictness:
            milder.append((ruling.value, mutated, found.verdict.value))
    assert not milder, milder[:5]


def test_cut_risky_lines_never_become_automatic_changes() -> None:
    chance = random.Random(22)
    for _ in range(2_000):
        _, script = chance.choice(RISKY)
        found = judge_script(_cut(script, chance), POLICY)
        if found.verdict is Ruling.AUTO:
            assert not any(verdict.rule == "change" and verdict.ruling is not Ruling.AUTO for verdict in found.verdicts)
