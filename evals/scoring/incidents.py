"""Scores of diagnoses of pasted incidents whose causes come from a closed list. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evals.scoring.diagnosis import quantile, share
from evals.scoring.objects import is_same

OF_AN_APP = (
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicaSet",
    "ReplicationController",
    "Job",
    "CronJob",
    "Pod",
    "Service",
)
"""Kinds that meet ``app/X`` when they are named X, or made by one that is."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is true: the cause's taxonomy and name, and its object as ``app/X``, ``node/X`` or ``namespace/X``."""

    taxonomy: str
    cause: str
    object: str


@dataclass(frozen=True, slots=True)
class Guess:
    """One ranked hypothesis. ``candidate`` is (taxonomy, name) of the closed list, None when it names none of it."""

    kind: str
    namespace: str
    name: str
    candidate: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class IncidentScore:
    both1: bool
    both3: bool
    cause1: bool
    cause3: bool
    seconds: float = 0.0


def meets(guess: Guess, wanted: str) -> bool:
    """Whether the guessed object is the wanted one. A quota stands for its namespace."""
    sort, _, name = wanted.partition("/")
    if sort == "node":
        return guess.kind == "Node" and guess.name == name
    if sort == "namespace":
        is_quota = guess.kind == "ResourceQuota" and guess.namespace == name
        return is_quota or (guess.kind == "Namespace" and guess.name == name)
    if sort == "app":
        if guess.kind not in OF_AN_APP:
            return False
        named = f"{guess.kind}/-/{guess.name}"
        return any(is_same(named, f"{kind}/-/{name}") for kind in OF_AN_APP)
    named = f"{guess.kind}/{guess.namespace}/{guess.name}" if guess.namespace else f"{guess.kind}/{guess.name}"
    return named.lower() == wanted.lower() or f"{guess.kind}/{guess.name}".lower() == wanted.lower()


def score_incident(guesses: Sequence[Guess], answer: Answer, seconds: float = 0.0) -> IncidentScore:
    """``guesses`` in order. Object and cause must be right in one and the same guess."""
    causes = [guess.candidate == (answer.taxonomy, answer.cause) for guess in guesses[:3]]
    both = [is_cause and meets(guess, answer.object) for guess, is_cause in zip(guesses[:3], causes, strict=True)]
    return IncidentScore(any(both[:1]), any(both), any(causes[:1]), any(causes), seconds)


def totals(scores: Sequence[IncidentScore]) -> dict[str, object]:
    """The figures as `opsdesk eval diagnosis --incidents DIR --json` prints them: shares from 0 to 1, seconds."""
    seconds = [one.seconds for one in scores]
    return {
        "n": len(scores),
        "object_and_cause": {"top1": share(one.both1 for one in scores), "top3": share(one.both3 for one in scores)},
        "cause": {"top1": share(one.cause1 for one in scores), "top3": share(one.cause3 for one in scores)},
        "seconds": {"p50": quantile(seconds, 0.5), "p95": quantile(seconds, 0.95)},
    }
