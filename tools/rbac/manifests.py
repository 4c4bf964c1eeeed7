"""All of it as text: what ``opsdesk rbac print`` prints, ready to be applied."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml

from knowledge.vocabulary import Json, Mode
from tools.rbac.admission import Bounds, admission_policies
from tools.rbac.grants import EVERY, Right, enabled_actions, rights_of_actions
from tools.rbac.roles import (
    Accounts,
    Needed,
    executor_objects,
    executor_rules,
    reader_needs,
    reader_objects,
    reader_rules,
)
from tools.safety.policy import Policy

Part = Literal["reader", "executor", "policy"]
PARTS: tuple[Part, ...] = ("reader", "executor", "policy")


@dataclass(frozen=True, slots=True)
class Privileges:
    """What a site gives its desk: from its enabled actions, its mode and the namespaces that it opens (none: all)."""

    policy: Policy
    actions: tuple[str, ...] = (EVERY,)
    mode: Mode = Mode.EXECUTE
    namespaces: tuple[str, ...] = ()
    custom: tuple[str, ...] | None = None
    accounts: Accounts = field(default_factory=Accounts)

    @property
    def needs(self) -> tuple[Needed, ...]:
        return reader_needs(self.custom)

    @property
    def rights(self) -> tuple[Right, ...]:
        """The executor's; none where nothing is executed."""
        if self.mode is not Mode.EXECUTE:
            return ()
        return rights_of_actions(enabled_actions(self.actions), self.custom or ())

    @property
    def allowed(self) -> list[Json]:
        """Every rule that the executor's identity may hold: the reader's and its own."""
        return [*reader_rules(self.needs), *executor_rules(self.rights)]

    def objects(self, parts: Sequence[Part] = PARTS) -> list[Json]:
        """The objects to apply, in an order in which they can be."""
        found: list[Json] = []
        if "reader" in parts:
            found += reader_objects(self.needs, self.accounts, self.namespaces)
        if self.rights and "executor" in parts:
            found += executor_objects(self.rights, self.accounts, self.namespaces)
        if self.rights and "policy" in parts:
            found += admission_policies(self.rights, Bounds(self.accounts, self.policy, self.namespaces))
        return found


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the library's signature
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)


def as_yaml(objects: Sequence[Json], head: str = "") -> str:
    """YAML documents, expressions of several lines as blocks; ``head`` stands above as comments."""
    comments = "".join(f"# {line}".rstrip() + "\n" for line in head.splitlines())
    documents = [yaml.dump(one, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True) for one in objects]
    return comments + "---\n".join(documents)


def as_json(objects: Sequence[Json]) -> str:
    """One List."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": list(objects)}, indent=2, ensure_ascii=False) + "\n"
