"""Reads a script: text in, typed commands out, or a refusal with its place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NoReturn

from knowledge.errors import ScriptRefused
from tools.ports import ResourceKind
from tools.script.arguments import read_operands
from tools.script.command import Command, ParsedScript
from tools.script.flags import Given, kept, split_flags
from tools.script.kinds import KindTable, table_for
from tools.script.lexer import Line, Word, refuse, split_lines
from tools.script.verbs import (
    FAMILIES,
    GLOBAL_FLAGS,
    REFUSED_VERBS,
    VERBS,
    Shape,
    Verb,
    family_members,
    find_verb,
    has_third_word,
)

MAX_COMMANDS = 100
_ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
_WRAPPERS = frozenset(
    [
        "sudo",
        "env",
        "timeout",
        "xargs",
        "time",
        "nohup",
        "nice",
        "watch",
        "sh",
        "bash",
        "zsh",
        "eval",
        "exec",
        "command",
        "source",
        "su",
        "ssh",
        "doas",
        "stdbuf",
        "flock",
    ]
)


def parse(text: str, *, kinds: Sequence[ResourceKind] | None = None) -> ParsedScript:
    """Reads a whole script. ``kinds`` is the cluster's discovery, None with no cluster at hand.

    Raises ScriptRefused with ``line`` and ``column`` (1-based) and what would have been accepted.
    """
    table = table_for(kinds)
    lines = split_lines(text)
    if not lines:
        raise ScriptRefused("the script is empty", line=1, column=1, expected="at least one kubectl command")
    if len(lines) > MAX_COMMANDS:
        refuse(f"more than {MAX_COMMANDS} commands", lines[MAX_COMMANDS].words[0], "several smaller plans")
    return ParsedScript(tuple(_command(line, table) for line in lines))


def _command(line: Line, kinds: KindTable) -> Command:
    if not line.words:
        raise ScriptRefused("a heredoc without a command", line=max(1, line.heredoc_line - 1), column=1,
                            expected="kubectl apply -f - <<'EOF'")  # fmt: skip
    _check_program(line.words[0], line.words[1:])
    verb, words = _verb_of(line.words)
    if line.heredoc is not None and verb.shape is not Shape.MANIFESTS and verb.name != "delete":
        refuse(f"kubectl {verb.name} takes no heredoc", line.words[0], "a heredoc after `kubectl apply -f -` only")
    if verb.shape is Shape.ANYTHING:
        return _forbidden(verb, words, line.words[0])
    given, operands = split_flags(
        words, {**GLOBAL_FLAGS, **verb.flags} if "namespace" in verb.flags else verb.flags, verb.name
    )
    _check_flags(verb, given, line.words[0])
    found = read_operands(verb, operands, given, line, kinds)
    return Command(
        verb.name, found.targets, found.namespace,
        kept([g for g in (*given, *found.flags) if g.flag.name not in {"namespace", "filename"}]),
        found.arguments, found.manifests, verb.is_read or _only_looks(given), line.words[0].line, line.words[0].column,
    )  # fmt: skip


def _only_looks(given: list[Given]) -> bool:
    """Whether a verb that changes is only tried or only lists: then the line is a read, and is judged as one."""
    values = {item.flag.name: item.value for item in given}
    return values.get("dry-run", "none") != "none" or values.get("list", "false") == "true"


def _check_program(word: Word, rest: tuple[Word, ...]) -> None:
    expected = "kubectl and one of its verbs"
    if word.text == "kubectl" and word.is_plain:
        return
    if word.text == "opsdesk" and rest and rest[0].text in {"rpa", "model", "profile"}:
        refuse(f"opsdesk {rest[0].text} is not enabled", word, expected)
    if _ASSIGNMENT.match(word.text):
        refuse("a variable before the command is not part of the grammar", word, expected)
    if word.text.rpartition("/")[2] in _WRAPPERS:
        refuse(f"{word.text}: wrappers are not part of the grammar", word, expected)
    if "/" in word.text or not word.is_plain:
        refuse(f"{word.text!r}: the program is kubectl, without a path and without quotes", word, expected)
    if word.text.startswith("kubectl-"):
        refuse(f"{word.text}: plug-ins are not part of the grammar", word, expected)
    refuse(f"unknown command {word.text!r}", word, expected)


def _verb_of(words: tuple[Word, ...]) -> tuple[Verb, list[Word]]:
    """The verb, and all other words but the program. Only flags that every verb knows may stand before or inside it."""
    before, at = _skip_flags(words, 1)
    if at >= len(words):
        refuse("a verb is missing", words[-1], ", ".join(sorted({name.split()[0] for name in VERBS})))
    first = words[at]
    if not first.is_plain:
        refuse("the verb in quotes", first, "the verb without quotes")
    if _is_of_heredoc(first, words[at + 1 :]):
        return VERBS[first.text], [*before, *words[at + 1 :]]
    between: list[Word] = []
    second: Word | None = None
    after = at + 1
    if first.text in FAMILIES:
        between, after = _skip_flags(words, after)
        second = words[after] if after < len(words) else None
        after += 1
        if second is not None and not second.is_plain:
            refuse("the verb in quotes", second, "the verb without quotes")
    third: Word | None = None
    if second is not None and has_third_word(first.text, second.text):
        more, after = _skip_flags(words, after)
        between += more
        third = words[after] if after < len(words) else None
        after += 1
        if third is not None and not third.is_plain:
            refuse("the verb in quotes", third, "the verb without quotes")
    verb = find_verb(first.text, second.text if second else None, third.text if third else None)
    if verb is None:
        _unknown_verb(first, second, third)
    return verb, [*before, *between, *words[after:]]


def _is_of_heredoc(first: Word, rest: tuple[Word, ...]) -> bool:
    """``create -f -``: the verb of a family that is also a verb by itself."""
    has_file = any(word.text.startswith(("-f", "--filename")) for word in rest)
    is_member = any(find_verb(first.text, word.text) for word in rest)
    return first.text in FAMILIES and first.text in VERBS and has_file and not is_member


def _skip_flags(words: tuple[Word, ...], at: int) -> tuple[list[Word], int]:
    start = at
    while at < len(words) and words[at].text.startswith("-"):
        text = words[at].text
        # A flag that takes its value from the next word carries no "=" and is not a cluster with the value in it.
        takes_next = text in {"-n", "--namespace", "--request-timeout", "-v", "--v"}
        name = text.lstrip("-").partition("=")[0].replace("_", "-")
        if not (name in GLOBAL_FLAGS or text.startswith(("-n", "-v"))) or (
            text.startswith("--") and name not in GLOBAL_FLAGS
        ):
            split_flags([words[at]], GLOBAL_FLAGS, "(before the verb)")
        at += 2 if takes_next else 1
    return list(words[start:at]), at


def _unknown_verb(first: Word, second: Word | None, third: Word | None = None) -> NoReturn:
    said = " ".join(word.text for word in (first, second) if word is not None)
    if first.text in FAMILIES:
        why, accepted = REFUSED_VERBS.get(said, ("not part of the grammar", ", ".join(family_members(first.text))))
        refuse(f"kubectl {said}: {why}", third or second or first, accepted)
    verbs = ", ".join(sorted({name.split()[0] for name in VERBS}))
    why, accepted = REFUSED_VERBS.get(first.text, ("unknown verb, or a plug-in", verbs))
    refuse(f"kubectl {first.text}: {why}", first, accepted)


def _forbidden(verb: Verb, words: list[Word], first: Word) -> Command:
    """A verb that a rule forbids whatever it is given: its words are kept as they are. Flags refused for every verb stay
    refused."""
    namespace = ""
    for index, word in enumerate(words):
        name = word.text.lstrip("-").partition("=")[0].replace("_", "-")
        if word.text.startswith("--") and name in {
            "kubeconfig",
            "context",
            "cluster",
            "server",
            "token",
            "as",
            "as-group",
            "as-uid",
        }:
            split_flags([word], {}, verb.name)
        if word.text in {"-n", "--namespace"} and index + 1 < len(words):
            namespace = words[index + 1].text
    return Command(verb.name, (), namespace, (), tuple(w.text for w in words), (), False, first.line, first.column)


def _check_flags(verb: Verb, given: list[Given], first: Word) -> None:
    names = {item.flag.name for item in given}
    for needed in verb.needs:
        if needed not in names:
            refuse(f"kubectl {verb.name} needs --{needed}", first, f"--{needed}={verb.flags[needed].expected}")
    on = {item.flag.name: item for item in given if item.value != "false"}
    if "all-namespaces" in on and "namespace" in on:
        refuse("-A and -n together", on["all-namespaces"].word, "one of them")
    if "all" in on and ("selector" in on or "field-selector" in on):
        refuse("--all and a selector together", on["all"].word, "one of them")
