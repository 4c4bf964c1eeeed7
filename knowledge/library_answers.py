"""What the library answers with: hits and their notice, recalled cases with their reasons, the health of the index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from knowledge.library_entries import Row
from knowledge.library_ranking import outcome_factor
from knowledge.vocabulary import CaseKind, Json, Passage, RecalledCase, Text

Outcomes = Mapping[str, tuple[int, int]]
"""By case id: how often its remedy held, and how often it did not."""


@dataclass(frozen=True)
class Found:
    """What a search found, best first; ``notice`` says what it had to do without."""

    hits: tuple[RecalledCase | Passage, ...]
    notice: Text | None = None


@dataclass(frozen=True)
class IndexHealth:
    """``problem`` is empty when the index is sound and complete."""

    problem: str
    generation: str
    is_writer: bool
    cases: int
    documents: int
    embedder: str

    @property
    def is_sound(self) -> bool:
        return not self.problem

    def as_json(self) -> Json:
        return {**asdict(self), "sound": self.is_sound}


def recall_score(
    row: Row, faults: Sequence[str], alerts: Sequence[str], services: Sequence[str]
) -> tuple[float, list[str]]:
    """How well a case fits without any text, and why; 0 when it names none of what was asked for."""
    faults_met = [fault for fault in faults if fault in row.faults]
    alerts_met = [alert for alert in alerts if alert in row.alerts]
    services_met = [service for service in services if service in row.services]
    if not faults_met and not alerts_met and (faults or alerts or not services_met):
        return 0.0, []
    score = (0.7 if faults_met else 0.0) + (0.2 if alerts_met else 0.0) + (0.1 if services_met else 0.0)
    named = [("fault", faults_met), ("alert", alerts_met), ("service", services_met)]
    return score, [f"{word} {', '.join(met)}" for word, met in named if met]


def recalled_case(row: Row, score: float, reason: str, outcomes: Outcomes) -> RecalledCase:
    counts = outcomes.get(row.key[1], (0, 0))
    return RecalledCase(
        case_id=row.key[1],
        kind=CaseKind(row.kind),
        title=row.title,
        score=round(score * outcome_factor(counts), 6),
        why=reason,
        outcomes=counts,
    )


def words_only(reason: str) -> Text:
    return Text(
        en=f"Searched by words only: {reason}. Run `opsdesk kb check`.",
        zh=f"仅按关键词检索：语义索引暂不可用（{reason}）。请运行 `opsdesk kb check`。",
    )
