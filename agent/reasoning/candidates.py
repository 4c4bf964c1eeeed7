"""A closed list of causes that the asker gave: which of them a hypothesis means. The names are read as words at run time;
nothing here knows any list.

Two questions are weighed for each pair: how much of the candidate's name is said by the hypothesis (rare words of the list
count more than those that many candidates share), and how much of what the hypothesis says in the list's own words the
candidate leaves out.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agent.reasoning.words import field_words, meanings, merged, units
from knowledge.errors import BadInput
from knowledge.vocabulary import Finding, Hypothesis

ID_WEIGHT, TITLE_WEIGHT, EXPLANATION_WEIGHT, FACT_WEIGHT, KIND_WEIGHT = 1.0, 0.9, 0.55, 0.45, 0.6
RECALL_SHARE = 0.62
TAXONOMY_SHARE = 0.12
STATE_WEIGHT = 0.6
"""How something is (missing, wrong, full) tells candidates apart less than what it is."""

STRANGER, HALF_STRANGER = 0.6, 0.85
LEAST_MATCH = 0.3
"""Below this a candidate is not what the hypothesis means: none is said."""

MOST_CANDIDATES = 2_000


@dataclass(frozen=True, slots=True)
class Candidate:
    """One cause of the asker's list: its taxonomy (may be empty) and its name."""

    taxonomy: str
    name: str


@dataclass(frozen=True, slots=True)
class Match:
    candidate: Candidate
    score: float
    """0 to 1: how well the words agree."""


def read_candidates(path: Path) -> list[Candidate]:
    """A JSON list of ``[taxonomy, name]`` pairs, of names, or of objects with ``taxonomy`` and ``name``.

    Raises BadInput naming the first entry that cannot be read."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as problem:
        raise BadInput(
            f"{path} cannot be read: {problem.strerror}", next_step="name a JSON file of candidates"
        ) from None
    except (UnicodeDecodeError, ValueError) as problem:
        raise BadInput(f"{path} is not JSON: {problem}", next_step='write [["taxonomy", "cause name"], ...]') from None
    return candidates_of(raw)


def candidates_of(raw: object) -> list[Candidate]:
    """The same, from what JSON already gave. Repeated entries count once; the order is kept."""
    if not isinstance(raw, list) or not raw:
        raise BadInput(
            "the candidates are not a list with entries", next_step='write [["taxonomy", "cause name"], ...]'
        )
    if len(raw) > MOST_CANDIDATES:
        raise BadInput(f"{len(raw)} candidates are too many; at most {MOST_CANDIDATES} are compared")
    return list(dict.fromkeys(_candidate(number, entry) for number, entry in enumerate(raw)))


def _candidate(number: int, entry: object) -> Candidate:
    if isinstance(entry, str) and entry.strip():
        return Candidate("", entry)
    if (
        isinstance(entry, list)
        and len(entry) == 2
        and all(isinstance(part, str) for part in entry)
        and entry[1].strip()
    ):
        return Candidate(entry[0], entry[1])
    if isinstance(entry, dict) and isinstance(entry.get("name"), str) and isinstance(entry.get("taxonomy", ""), str):
        return Candidate(entry.get("taxonomy", ""), entry["name"])
    raise BadInput(
        f"candidate {number} is {json.dumps(entry, ensure_ascii=False)[:80]}, not a pair of taxonomy and name",
        next_step='write [["taxonomy", "cause name"], ...]',
    )


class CandidateList:
    """The list with its words weighed once; ``matches`` is asked for each hypothesis."""

    def __init__(self, candidates: Sequence[Candidate]) -> None:
        self._concepts = {one: _concepts(one.name) for one in candidates}
        self._taxonomy = {one: meanings(one.taxonomy) for one in candidates}
        shared = Counter(concept for concepts in self._concepts.values() for concept in concepts)
        many = len(candidates)
        states = {f"={one}" for one in field_words()["states"]}
        self._rarity = {
            concept: math.log(1 + many / count) * (STATE_WEIGHT if concept in states else 1.0)
            for concept, count in shared.items()
        }
        self._rivals = [frozenset(f"={one}" for one in rivals) for rivals in field_words()["rivals"]]

    def matches(self, hypothesis: Hypothesis, finding: Finding | None = None) -> list[Match]:
        """Best first, those that agree well enough."""
        said = _said(hypothesis, finding)
        named = merged(_own_names(hypothesis))
        texts = _names_in_order(hypothesis, finding)
        after = [_named_after(rivals, texts) for rivals in self._rivals]
        found = [Match(one, self._score(one, said, named) * self._strangeness(one, after)) for one in self._concepts]
        return sorted((match for match in found if match.score >= LEAST_MATCH), key=lambda match: -match.score)

    def _score(self, candidate: Candidate, said: Mapping[str, float], named: Mapping[str, float]) -> float:
        concepts = self._concepts[candidate]
        whole = sum(self._rarity[concept] for concept in concepts)
        if not whole:
            return 0.0
        held = {concept: _weight(concept, forms, said) for concept, forms in concepts.items()}
        recall = sum(self._rarity[concept] * value for concept, value in held.items()) / whole
        precision = self._precision(concepts, named)
        taxonomy = self._taxonomy[candidate]
        agrees = max((said.get(word, 0.0) for word in taxonomy), default=0.0)
        score = RECALL_SHARE * recall + (1 - RECALL_SHARE) * precision
        return (1 - TAXONOMY_SHARE) * score + TAXONOMY_SHARE * agrees

    def _strangeness(self, candidate: Candidate, named_after: Sequence[frozenset[str]]) -> float:
        """Below 1 for each matter in which the candidate names another thing than the fault does."""
        factor = 1.0
        for rivals, fault in zip(self._rivals, named_after, strict=True):
            names = rivals & self._concepts[candidate].keys()
            if names and fault and not names <= fault:
                factor *= STRANGER if not names & fault else HALF_STRANGER
        return factor

    def _precision(self, concepts: Mapping[str, frozenset[str]], named: Mapping[str, float]) -> float:
        """Of what the hypothesis's own name says in words of the list, the share that this candidate says too."""
        forms = frozenset().union(*concepts.values())
        spoken = {concept: weight for concept in self._rarity if (weight := named.get(concept, 0.0))}
        whole = sum(self._rarity[concept] * weight for concept, weight in spoken.items())
        if not whole:
            return 0.0
        return (
            sum(self._rarity[one] * weight for one, weight in spoken.items() if one in concepts or one in forms) / whole
        )


def _concepts(name: str) -> dict[str, frozenset[str]]:
    """The name's units of meaning, each with the forms that stand for it: a group of the field, or a word of its own."""
    return {unit: frozenset({unit}) for unit in units(name)}


def _weight(concept: str, forms: frozenset[str], said: Mapping[str, float]) -> float:
    best = max((said.get(form, 0.0) for form in (concept, *forms)), default=0.0)
    return min(best / 0.8, 1.0) if concept.startswith("=") else best


SHORT_FACT = 80


def _names_in_order(hypothesis: Hypothesis, finding: Finding | None) -> list[frozenset[str]]:
    """What the fault is called, the surest first: its id, what it is also called, its short facts, its titles."""
    facts = [text for text in (finding.facts.values() if finding else ()) if len(str(text)) <= SHORT_FACT]
    texts = (
        hypothesis.fault,
        *map(str, facts),
        hypothesis.title.en,
        hypothesis.title.zh,
    )
    return [frozenset(units(text)) for text in texts]


def _named_after(rivals: frozenset[str], texts: Sequence[frozenset[str]]) -> frozenset[str]:
    """Which of the rivals the fault is named after."""
    return next((found for text in texts if (found := rivals & text)), frozenset())


def _own_names(hypothesis: Hypothesis) -> list[tuple[str, float]]:
    return [
        (hypothesis.fault, ID_WEIGHT),
        (hypothesis.title.en, TITLE_WEIGHT),
        (hypothesis.title.zh, TITLE_WEIGHT),
    ]


def _said(hypothesis: Hypothesis, finding: Finding | None) -> dict[str, float]:
    parts = [
        *_own_names(hypothesis),
        (hypothesis.explanation.en, EXPLANATION_WEIGHT),
        (hypothesis.explanation.zh, EXPLANATION_WEIGHT),
        (hypothesis.object.kind, KIND_WEIGHT),
    ]
    if finding is not None:
        parts.append((finding.layer.value, KIND_WEIGHT))
        parts += [(f"{name} {value}", FACT_WEIGHT) for name, value in finding.facts.items()]
    return merged(parts)


__all__ = ["Candidate", "CandidateList", "Match", "candidates_of", "read_candidates"]
