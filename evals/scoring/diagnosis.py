"""Scores of one diagnosis against the truth of its scenario, and their sums. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from evals.scenarios.format import TrueFault, Truth
from evals.scoring.objects import is_any, is_same
from evals.scoring.said import Candidate, Said


@dataclass(frozen=True, slots=True)
class Score:
    """What is None does not apply: a healthy cluster has no cause to name."""

    is_verdict_right: bool
    top1: bool | None = None
    """Object and cause of the first candidate are those of a true fault."""
    top3: bool | None = None
    cause1: bool | None = None
    cause3: bool | None = None
    object1: bool | None = None
    found_all: bool | None = None
    """Each of several true faults is among the first candidates, one more allowed than there are faults."""
    chain: float | None = None
    """Share of the true chain's objects that the matching candidate tells, in order."""
    is_false_fault: bool = False
    is_unsure: bool = False
    """The verdict was unknown."""
    confidence: float = 0.0
    is_hit: bool = False
    """What was said with that confidence holds."""
    seconds: float = 0.0


def is_right(candidate: Candidate, fault: TrueFault) -> bool:
    return has_cause(candidate, fault) and has_object(candidate, fault)


def has_cause(candidate: Candidate, fault: TrueFault) -> bool:
    return candidate.fault in fault.causes


def has_object(candidate: Candidate, fault: TrueFault) -> bool:
    return is_any(candidate.object, (fault.object, *fault.also))


def score(said: Said, truth: Truth) -> Score:
    """A cause counts only beside the verdict that there is a fault."""
    is_verdict_right = said.verdict == truth.verdict
    is_unsure = said.verdict == "unknown"
    if truth.verdict == "no_fault":
        return Score(
            is_verdict_right=is_verdict_right, is_false_fault=said.verdict == "fault", is_unsure=is_unsure,
            confidence=said.confidence, is_hit=is_verdict_right, seconds=said.seconds,
        )  # fmt: skip
    ranked = said.ranked if said.verdict == "fault" else ()

    def among(count: int, holds: Callable[[Candidate, TrueFault], bool]) -> bool:
        return any(holds(candidate, fault) for candidate in ranked[:count] for fault in truth.faults)

    top1 = among(1, is_right)
    reach = ranked[: len(truth.faults) + 1]
    return Score(
        is_verdict_right=is_verdict_right,
        top1=top1,
        top3=among(3, is_right),
        cause1=among(1, has_cause),
        cause3=among(3, has_cause),
        object1=among(1, has_object),
        found_all=_all_found(reach, truth.faults) if len(truth.faults) > 1 else None,
        chain=chain_share(ranked, truth) if truth.chain else None,
        is_unsure=is_unsure,
        confidence=said.confidence,
        is_hit=top1,
        seconds=said.seconds,
    )


def _all_found(ranked: Sequence[Candidate], faults: Sequence[TrueFault]) -> bool:
    return all(any(is_right(candidate, fault) for candidate in ranked) for fault in faults)


def chain_share(ranked: Sequence[Candidate], truth: Truth) -> float:
    """Of the chain's objects, how many the candidate at its head tells as its own or as explained; 0 without such a one."""
    for candidate in ranked:
        if is_same(candidate.object, truth.chain[0]) or any(has_object(candidate, fault) for fault in truth.faults):
            told = (candidate.object, *candidate.explains)
            return sum(any(is_same(one, link) for one in told) for link in truth.chain) / len(truth.chain)
    return 0.0


@dataclass(frozen=True, slots=True)
class Summary:
    """Shares (0..1) over scenarios; None where nothing applies."""

    n: int
    faults: int
    healthy: int
    verdict: float | None
    top1: float | None
    top3: float | None
    cause1: float | None
    cause3: float | None
    object1: float | None
    found_all: float | None
    chain: float | None
    false_faults: int
    unsure: int
    p50_seconds: float | None
    p95_seconds: float | None


def summarise(scores: Sequence[Score]) -> Summary:
    healthy = [one for one in scores if one.top1 is None]
    return Summary(
        n=len(scores),
        faults=len(scores) - len(healthy),
        healthy=len(healthy),
        verdict=share(one.is_verdict_right for one in scores),
        top1=share(one.top1 for one in scores),
        top3=share(one.top3 for one in scores),
        cause1=share(one.cause1 for one in scores),
        cause3=share(one.cause3 for one in scores),
        object1=share(one.object1 for one in scores),
        found_all=share(one.found_all for one in scores),
        chain=share(one.chain for one in scores),
        false_faults=sum(one.is_false_fault for one in scores),
        unsure=sum(one.is_unsure for one in scores),
        p50_seconds=quantile([one.seconds for one in scores], 0.5),
        p95_seconds=quantile([one.seconds for one in scores], 0.95),
    )


def share(values: Iterable[float | None]) -> float | None:
    """The mean of those that apply."""
    found = [float(one) for one in values if one is not None]
    return sum(found) / len(found) if found else None


def quantile(values: Sequence[float], part: float) -> float | None:
    """The smallest value that at least this part of the values does not exceed (nearest rank)."""
    if not values:
        return None
    ordered = sorted(values)
    position = max(0, min(len(ordered) - 1, -(-int(part * 1_000_000) * len(ordered) // 1_000_000) - 1))
    return ordered[position]
