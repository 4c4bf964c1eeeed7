"""A chat model's typed claims, checked by code against the evidence that they cite.

A claim holds only when the evidence exists, speaks of the claimed object, and shows the claimed value under the claimed
predicate. What cannot be checked is an opinion and is marked as one; it supports nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from knowledge.vocabulary import Claim, Evidence

NUMBER = re.compile(r"^-?\d+(?:\.\d+)?$")
SHORTEST_TOLD = 3


def check_claims(raw: Iterable[Mapping[str, Any]], evidence: Mapping[str, Evidence]) -> tuple[Claim, ...]:
    """``raw`` are the model's {object, predicate, value, evidence_id}; ``evidence`` is what it was shown, by id."""
    return tuple(_checked(item, evidence) for item in raw)


def _checked(item: Mapping[str, Any], evidence: Mapping[str, Evidence]) -> Claim:
    subject, predicate, value, evidence_id = (
        str(item.get(name, ""))[:300] for name in ("object", "predicate", "value", "evidence_id")
    )

    def claim(standing: Any, because: str) -> Claim:
        return Claim(
            object=subject,
            predicate=predicate,
            value=value,
            evidence_id=evidence_id,
            standing=standing,
            because=because,
        )

    cited = evidence.get(evidence_id)
    if cited is None:
        return claim("opinion", "cites no evidence of this incident")
    if not _speaks_of(cited, subject):
        return claim("contradicted", f"{evidence_id} does not speak of {subject}")
    shown = list(values_under(cited.body, predicate))
    if shown:
        if any(_same(value, found) for found in shown):
            return claim("holds", f"{predicate} is {value} in {evidence_id}")
        return claim("contradicted", f"{predicate} is {shown[0]} in {evidence_id}")
    if _is_told(value, subject, cited.text):
        return claim("holds", f"{evidence_id} shows the text")
    return claim("opinion", f"{evidence_id} says nothing of {predicate}")


def _speaks_of(evidence: Evidence, subject: str) -> bool:
    if evidence.object is None:
        return True
    name = subject.rsplit("/", 1)[-1].lower()
    return bool(name) and (name in evidence.object.key.lower() or name in evidence.text.lower())


def _is_told(value: str, subject: str, text: str) -> bool:
    """Whole words only, and more than a letter or the object's own name: those stand in every text."""
    wanted = value.strip().lower()
    if len(wanted) < SHORTEST_TOLD or wanted in subject.lower():
        return False
    return re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", text.lower()) is not None


def values_under(body: Any, predicate: str) -> Iterable[str]:
    """All leaf values whose path ends with ``predicate`` (``status.phase``, ``restartCount``), as text."""
    wanted = [part.lower() for part in re.split(r"[.\s]+", predicate.replace("[*]", "")) if part]
    if wanted:
        yield from _walk(body, [], wanted)


def _walk(value: Any, path: list[str], wanted: list[str]) -> Iterable[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _walk(inner, [*path, str(key).lower()], wanted)
    elif isinstance(value, list):
        for inner in value:
            yield from _walk(inner, path, wanted)
    elif path[-len(wanted) :] == wanted:
        yield "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _same(claimed: str, shown: str) -> bool:
    if NUMBER.match(claimed) and NUMBER.match(shown):
        return float(claimed) == float(shown)
    return claimed.strip().lower() == shown.strip().lower()
