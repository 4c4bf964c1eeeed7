"""The canonical text of a script: one spelling for everything, so that what people approve is what is parsed again."""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from tools.script.command import Command, ParsedScript, Target
from tools.script.flags import Flag
from tools.script.verbs import VERBS, Shape

_BARE = re.compile(r"[A-Za-z0-9._:/@=,+%][A-Za-z0-9._:/@=,+%-]*")
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9._/-]*")
_WORDS_OF_YAML = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


class _Dumper(yaml.SafeDumper):
    """Writes every text so that any YAML reader reads it as that text."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def _text_node(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS_OF_YAML:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text)
    is_block = "\n" in text and text.isprintable() is False and _is_clean_block(text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if is_block else '"')


def _is_clean_block(text: str) -> bool:
    lines = text.split("\n")
    return all(
        line == line.rstrip() and "\t" not in line and line.isprintable() for line in lines
    ) and not text.startswith((" ", "\n"))


_Dumper.add_representer(str, _text_node)


def quote(value: str) -> str:
    """One word of a line. Raises ValueError for a value that no quoting of the grammar can hold."""
    if _BARE.fullmatch(value):
        return value
    return _in_quotes(value)


def _after_equals(value: str) -> str:
    """A value that does not begin its word: a leading dash needs no quotes."""
    return value if not value or _BARE.fullmatch(f"={value}") else _in_quotes(value)


def _in_quotes(value: str) -> str:
    pieces = re.split(r"(')", value)
    if "\n" in value:
        raise ValueError("a line feed cannot stand in a word")
    return "".join('"\'"' if piece == "'" else f"'{piece}'" for piece in pieces if piece) or "''"


def canonical(script: ParsedScript) -> str:
    """The whole script, one command a line, heredocs as YAML. ``parse(canonical(x)) == x``."""
    return "".join(render_command(command) for command in script.commands)


def render_command(command: Command) -> str:
    """One command in its canonical spelling, with its line feed (and its heredoc)."""
    words = ["kubectl", *command.verb.split()]
    if VERBS[command.verb].shape is Shape.ANYTHING:
        return " ".join([*words, *(_after_equals(argument) or "''" for argument in command.arguments)]) + "\n"
    if command.manifests:
        return _apply(command, words)
    words += [*_targets(command), *(quote(argument) for argument in command.arguments)]
    if command.namespace and "namespace" in VERBS[command.verb].flags:
        words.append(f"--namespace={command.namespace}")
    return " ".join([*words, *_flags(command)]) + "\n"


def _targets(command: Command) -> list[str]:
    shape = VERBS[command.verb].shape
    if shape is Shape.FIELD:
        return []
    if shape is Shape.NODES:
        return [target.name for target in command.targets if target.name]
    if shape is Shape.NODES_THEN_ARGUMENTS:
        return ["nodes", *(target.name for target in command.targets if target.name)]
    if shape is Shape.NAMES or shape is Shape.NEW:
        return [target.name for target in command.targets]
    if command.targets and not command.targets[0].name:
        return [",".join(_spelled(target) for target in command.targets)]
    return [f"{_spelled(target)}/{target.name}" for target in command.targets]


def _spelled(target: Target) -> str:
    kind = target.kind
    return f"{kind.plural}.{kind.group}" if kind.group else kind.plural


def _flags(command: Command) -> list[str]:
    table = VERBS[command.verb].flags
    return [_flag(table[name], value) for name, values in command.flags for value in values]


def _flag(flag: Flag, value: str) -> str:
    return f"--{flag.name}" if flag.bare == value else f"--{flag.name}={_after_equals(value)}"


def _apply(command: Command, words: list[str]) -> str:
    documents = [yaml_text(json.loads(manifest.text)) for manifest in command.manifests]
    return " ".join([*words, "-f", "-", *_flags(command)]) + " <<'EOF'\n" + "---\n".join(documents) + "EOF\n"


def yaml_text(value: Any) -> str:
    """YAML of one object, keys in a fixed order, no anchors."""
    return str(
        yaml.dump(value, Dumper=_Dumper, sort_keys=True, width=2**31, allow_unicode=True, default_flow_style=False)
    )
