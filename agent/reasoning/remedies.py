"""Fills a case's remedy from the diagnosed object and a finding's facts. What stays open is not run."""

from __future__ import annotations

from collections.abc import Mapping

from knowledge.errors import ScriptRefused
from knowledge.vocabulary import ObjectRef
from tools.script.placeholders import fill


def filled(script: str, target: ObjectRef, facts: Mapping[str, str]) -> str | None:
    """The script, or None when a placeholder has no value or one that is more than a plain word.

    ``<namespace>``, ``<name>`` and ``<kind>`` come from the object (and ``<deployment>`` and the like, when it is one),
    everything else from the facts.
    """
    kind = target.kind.lower()
    values = {
        **facts,
        **{key.replace("_", "-"): value for key, value in facts.items()},
        "namespace": target.namespace,
        "name": target.name,
        "kind": kind,
        kind: target.name,
    }
    try:
        return fill(script, {key: value for key, value in values.items() if value})
    except ScriptRefused:
        return None
