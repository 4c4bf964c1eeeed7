"""What an identity's rules amount to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def holds_everything(rules: Sequence[Mapping[str, Sequence[str]]]) -> bool:
    """Whether one rule gives every verb on every resource: far more than any enabled action needs."""
    return any("*" in rule.get("verbs", ()) and "*" in rule.get("resources", ()) for rule in rules)
