"""Judges a script with no cluster at hand: grammar, rules and policy alone. What only a cluster could tell is said to be
open, and never lowers a verdict."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

from knowledge.errors import MalformedPolicy, ScriptRefused
from knowledge.vocabulary import Json, Noun, RuleVerdict, Ruling, Text
from tools.safety.contract import Subject
from tools.safety.load import judge_step, strictest
from tools.safety.policy import Policy, line_of
from tools.safety.writing import writes_of
from tools.script.parser import parse
from tools.script.refusal import show
from tools.script.translate import single_commands


class OfflineVerdict(Noun):
    """The verdict on a script; ``line`` and ``column`` are set when it was refused."""

    verdict: Ruling
    rules: tuple[str, ...]
    message: str
    verdicts: tuple[RuleVerdict, ...] = ()
    open_points: tuple[Text, ...] = ()
    line: int | None = None
    column: int | None = None
    shown: str = ""
    """A refusal's place as people see it: the line, a caret under the column, and what would have been accepted."""

    def as_json(self) -> Json:
        """One line of ``opsdesk review --jsonl``: these five keys; what is open stands at the end of the message."""
        still_open = [text.en for text in self.open_points if text.en not in self.message]
        message = "; open: ".join([self.message, *still_open])
        return {
            "verdict": self.verdict.value, "rules": list(self.rules), "message": message, "line": self.line,
            "column": self.column,
        }  # fmt: skip


def judge_script(text: str, policy: Policy, at: datetime | None = None) -> OfflineVerdict:
    """Never raises for a text: what cannot be read is ``refused`` with its place. ``at`` is when it is reviewed; None: open."""
    try:
        script = parse(text)
    except ScriptRefused as error:
        message = f"{error.message}; expected: {error.expected}" if error.expected else error.message
        return OfflineVerdict(
            verdict=Ruling.REFUSED, rules=("grammar",), message=message, line=error.line, column=error.column,
            shown=show(error, text),
        )  # fmt: skip
    verdicts: list[RuleVerdict] = []
    open_points: list[Text] = []
    base = Subject(script.commands[0], (), script.commands, at=at)
    for index, command in enumerate(single_commands(script)):
        subject = replace(base, command=command, writes=writes_of(command))
        said, still_open = judge_step(subject, policy, index)
        verdicts += said
        open_points += [verdict.message for verdict in still_open]
    ruling = strictest(verdicts)
    deciding = [verdict for verdict in verdicts if verdict.ruling is ruling]
    message = "; ".join(dict.fromkeys(f"{verdict.rule}: {verdict.message.en}" for verdict in deciding))
    names = tuple(dict.fromkeys(verdict.rule for verdict in deciding))
    return OfflineVerdict(
        verdict=ruling,
        rules=names,
        message=message,
        verdicts=tuple(verdicts),
        open_points=tuple(dict.fromkeys(open_points)),
    )


def judge_bytes(content: bytes, policy: Policy) -> OfflineVerdict:
    """The same of what somebody hands in: bytes that are no UTF-8 text are refused where they stop being one."""
    try:
        return judge_script(content.decode("utf-8"), policy)
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line, column = before.count(b"\n") + 1, len(before.rpartition(b"\n")[2].decode("utf-8")) + 1
        said, expected = f"byte {error.start} is not UTF-8", "a script as UTF-8 text"
        refused = ScriptRefused(said, line=line, column=column, expected=expected)
        return OfflineVerdict(
            verdict=Ruling.REFUSED, rules=("grammar",), message=f"{said}; expected: {expected}", line=line, column=column,
            shown=show(refused, content.decode("utf-8", "replace")),
        )  # fmt: skip


def load_policy(path: Path | None = None) -> Policy:
    """The policy, with its own examples checked, and the floor below which no site goes. Raises MalformedPolicy for one that
    does not come out as it says."""
    policy = Policy.load(path)
    where = path or "the default policy"
    for number, example in enumerate(policy.examples, start=1):
        found = judge_script(example.script, policy, example.at)
        if found.verdict is not example.verdict:
            raise MalformedPolicy(
                f"{where}: example {number}, {example.script!r}, is {found.verdict.value} ({found.message}), not "
                f"{example.verdict.value}",
                source=str(path or ""), line=line_of(path, "examples") if path else None,
                next_step="correct the example or the setting that it shows",
            )  # fmt: skip
    for script in policy.floor:
        found = judge_script(script, policy)
        if found.verdict.strictness < Ruling.FORBIDDEN.strictness:
            raise MalformedPolicy(
                f"{where}: it lets through what is forbidden whoever approves: {script!r} comes out {found.verdict.value}",
                source=str(path or ""),
                next_step="a list of the file replaces the default's as a whole: put back what it left out",
            )  # fmt: skip
    return policy
