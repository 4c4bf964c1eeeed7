"""What was said, in the form that the scorers read, whoever said it."""

from __future__ import annotations

from dataclasses import dataclass

from knowledge.vocabulary import Diagnosis, Hypothesis, Verdict


@dataclass(frozen=True, slots=True)
class Candidate:
    """One ranked cause: the fault's id and the object it is said to be on (``Kind/namespace/name``)."""

    fault: str
    object: str
    explains: tuple[str, ...] = ()
    """Objects of what it is said to cause, near and far."""


@dataclass(frozen=True, slots=True)
class Said:
    """A verdict, its confidence, and the candidates in order."""

    verdict: str
    confidence: float
    ranked: tuple[Candidate, ...] = ()
    seconds: float = 0.0


def said_of(diagnosis: Diagnosis, *, by_model: bool = False) -> Said:
    """``by_model`` takes the chat model's order where it gave one."""
    ranked = [one for one in (diagnosis.chosen, diagnosis.runner_up, *diagnosis.others) if one is not None]
    if by_model and diagnosis.model_order:
        place = {name: number for number, name in enumerate(diagnosis.model_order)}
        ranked.sort(key=lambda one: place.get(one.id, len(place)))
    is_fault = diagnosis.verdict is Verdict.FAULT
    return Said(
        verdict=diagnosis.verdict.value,
        confidence=diagnosis.confidence,
        ranked=tuple(_candidate(one) for one in ranked) if is_fault else (),
        seconds=diagnosis.seconds,
    )


def _candidate(hypothesis: Hypothesis) -> Candidate:
    reached = dict.fromkeys(link.effect.rpartition(" @ ")[2] for link in hypothesis.chain)
    return Candidate(hypothesis.fault, hypothesis.object.key, tuple(reached))
