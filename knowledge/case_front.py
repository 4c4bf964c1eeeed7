"""The front matter of a case file: read by position, so that every complaint names its line.

Scalars are always text (``id: 507`` is the text ``507``, ``on`` is not a truth value): YAML's guesses about types would
only lose what the author wrote. Tags, anchors and nesting beyond the format are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

import yaml

from knowledge.vocabulary import CaseKind, Layer, Text

Problem = tuple[int, str]
"""Line (from 1) and what is wrong there."""

IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9-]{2,99}")
LISTS = ("services", "faults", "alerts", "ask_for", "sources")
KEYS = ("id", "kind", "layer", *LISTS, "title")
MAX_ITEM_CHARACTERS = 2_000

Choice = TypeVar("Choice", bound=StrEnum)


@dataclass
class FrontMatter:
    id: str = ""
    kind: CaseKind = CaseKind.FAULT
    layer: Layer = Layer.APPLICATION
    title: Text = field(default_factory=lambda: Text(en="", zh=""))
    lists: dict[str, tuple[str, ...]] = field(default_factory=lambda: dict.fromkeys(LISTS, ()))
    problems: list[Problem] = field(default_factory=list)


def read_front_matter(yaml_text: str, first_line: int) -> FrontMatter:
    """Reads the YAML between the two ``---`` lines; what is wrong is in ``problems``, nothing is raised."""
    front = FrontMatter()
    try:
        root = yaml.compose(yaml_text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        front.problems.append((first_line + (mark.line if mark else 0), f"not YAML: {error.problem}"))
        return front
    except yaml.YAMLError as error:
        front.problems.append((first_line, f"not YAML: {error}"))
        return front
    if not isinstance(root, yaml.MappingNode):
        front.problems.append((first_line, "the front matter must be 'key: value' lines"))
        return front
    _Reader(front, first_line).read(root)
    return front


class _Reader:
    def __init__(self, front: FrontMatter, first_line: int) -> None:
        self._front = front
        self._first_line = first_line

    def read(self, root: yaml.MappingNode) -> None:
        entries = self._entries(root, KEYS)
        for key in ("id", "kind", "layer", "sources", "title"):
            if key not in entries:
                self._front.problems.append((self._first_line, f"'{key}' is missing"))
        if node := entries.get("id"):
            self._front.id = self._scalar(node, "id")
            if self._front.id and not IDENTIFIER.fullmatch(self._front.id):
                self._complain(node, "'id' is 3 to 100 small letters, digits and hyphens")
        if node := entries.get("kind"):
            self._front.kind = self._choice(node, "kind", CaseKind.FAULT)
        if node := entries.get("layer"):
            self._front.layer = self._choice(node, "layer", Layer.APPLICATION)
        for key in LISTS:
            if node := entries.get(key):
                self._front.lists[key] = self._list(node, key)
        if (node := entries.get("sources")) and not self._front.lists["sources"]:
            self._complain(node, "'sources' names at least one source")
        if node := entries.get("title"):
            self._front.title = self._text(node)

    def _complain(self, node: yaml.Node, what: str) -> None:
        self._front.problems.append((self._first_line + node.start_mark.line, what))

    def _entries(self, node: yaml.MappingNode, allowed: tuple[str, ...]) -> dict[str, yaml.Node]:
        found: dict[str, yaml.Node] = {}
        for key_node, value in node.value:
            key = str(key_node.value)
            if key not in allowed:
                self._complain(key_node, f"unknown key {key!r}; known are {', '.join(allowed)}")
            elif key in found:
                self._complain(key_node, f"the key {key!r} stands twice")
            else:
                found[key] = value
        return found

    def _scalar(self, node: yaml.Node, name: str) -> str:
        if not isinstance(node, yaml.ScalarNode):
            self._complain(node, f"'{name}' must be text; put it in quotes if it has a colon")
            return ""
        value = str(node.value).strip()
        if not value:
            self._complain(node, f"'{name}' is empty")
        if len(value) > MAX_ITEM_CHARACTERS:
            self._complain(node, f"'{name}' is longer than {MAX_ITEM_CHARACTERS:,} characters")
        return value

    def _list(self, node: yaml.Node, name: str) -> tuple[str, ...]:
        if isinstance(node, yaml.ScalarNode) and not node.value:
            return ()
        if not isinstance(node, yaml.SequenceNode):
            self._complain(node, f"'{name}' must be a list: [a, b] or lines that begin with '- '")
            return ()
        return tuple(dict.fromkeys(self._scalar(item, name) for item in node.value))

    def _choice(self, node: yaml.Node, name: str, fallback: Choice) -> Choice:
        value = self._scalar(node, name)
        choices = type(fallback)
        try:
            return choices(value)
        except ValueError:
            if value:
                self._complain(node, f"'{name}' is {value!r}; it may be {', '.join(choices)}")
            return fallback

    def _text(self, node: yaml.Node) -> Text:
        if not isinstance(node, yaml.MappingNode):
            self._complain(node, "'title' has two lines below it: en and zh")
            return Text(en="", zh="")
        entries = self._entries(node, ("en", "zh"))
        for language in ("en", "zh"):
            if language not in entries:
                self._complain(node, f"'title' has no {language}")
        said = {language: self._scalar(value, f"title.{language}") for language, value in entries.items()}
        return Text(en=said.get("en", ""), zh=said.get("zh", ""))
