"""Fills a remedy's ``<placeholders>`` from the diagnosed object and a finding's facts. What stays open is not run."""

from __future__ import annotations

import re
from collections.abc import Mapping

from knowledge.vocabulary import ObjectRef

PLACEHOLDER = re.compile(r"<([a-z][a-z0-9_-]*)>")


def filled(script: str, target: ObjectRef, facts: Mapping[str, str]) -> str:
    """``<namespace>``, ``<name>``, ``<kind>`` come from the object, everything else from the facts."""
    values = {
        **{key.replace("-", "_"): value for key, value in facts.items()},
        "namespace": target.namespace,
        "name": target.name,
        "kind": target.kind.lower(),
    }

    def value(match: re.Match[str]) -> str:
        return values.get(match[1].replace("-", "_")) or match[0]

    return PLACEHOLDER.sub(value, script)


def is_filled(script: str) -> bool:
    return bool(script.strip()) and not PLACEHOLDER.search(script)
