"""How often the desk was right, by what people said of it, and which detectors spoke. Blocking: it reads the ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import timedelta

from api.figures.reports import AccuracyReport, AccuracyRow, DetectorRow, DetectorsReport
from api.figures.sums import grouped, page_of, share_of
from api.figures.windows import Window
from knowledge.ledger.figures import FeedbackFact
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import Scope

_BANDS = (("0.9 - 1.0", 0.9), ("0.7 - 0.9", 0.7), ("0.5 - 0.7", 0.5), ("0.0 - 0.5", 0.0))
LATELY = timedelta(days=7)
LONG = timedelta(days=30)


def accuracy_report(
    ledger: Ledger, reach: Scope, window: Window, *, offset: int = 0, limit: int = 50
) -> AccuracyReport:
    """By what people said in the window. By confidence: where the desk was sure, was it right?"""
    said = ledger.figures.feedback(reach, window.since, window.until)
    diagnosed = [one for one in ledger.figures.incidents(reach, window.since, window.until) if one.last]
    judged = {one.incident_id for one in said}
    by_band = grouped([one for one in said if one.last], _band)
    by_service = grouped(said, lambda one: one.service)
    by_fault = grouped([one for one in said if one.last and one.last.fault], _fault)
    return AccuracyReport(
        window=window,
        overall=accuracy_of("", said),
        answered_share=share_of(sum(one.id in judged for one in diagnosed), len(diagnosed)),
        by_confidence=tuple(accuracy_of(name, by_band.get(name, [])) for name, _ in _BANDS),
        by_service=page_of(_ranked(by_service), offset, limit),
        by_fault=page_of(_ranked(by_fault), offset, limit),
    )


def accuracy_of(name: str, said: Sequence[FeedbackFact]) -> AccuracyRow:
    tally = Counter(one.verdict for one in said)
    right, partly, wrong = tally["right"], tally["partly"], tally["wrong"]
    share = share_of(right + partly / 2, right + partly + wrong)
    return AccuracyRow(name=name, right=right, partly=partly, wrong=wrong, right_share=share)


def _ranked(groups: dict[str, list[FeedbackFact]]) -> list[AccuracyRow]:
    return [accuracy_of(name, some) for name, some in sorted(groups.items(), key=lambda pair: (-len(pair[1]), pair[0]))]


def _band(one: FeedbackFact) -> str:
    confidence = one.last.confidence if one.last else 0.0
    return next(name for name, least in _BANDS if confidence >= least)


def _fault(one: FeedbackFact) -> str:
    return one.last.fault if one.last else ""


def detectors_report(
    ledger: Ledger, reach: Scope, window: Window, *, known: Collection[str] = (), offset: int = 0, limit: int = 50
) -> DetectorsReport:
    """Hits of the last 7 and 30 days before the window's end. ``known``: the detectors that there are, to count the silent."""
    until = window.until
    tally: dict[str, tuple[int, int]] = {}
    last: dict[str, float] = {}
    seen = {}
    for hit in ledger.figures.hits(reach, until - LONG, until - LATELY, until):
        few, many = tally.get(hit.fault, (0, 0))
        tally[hit.fault] = (few + hit.lately, many + hit.incidents)
        if hit.last_at.timestamp() >= last.get(hit.fault, 0.0):
            last[hit.fault], seen[hit.fault] = hit.last_at.timestamp(), hit.last_at
    said = grouped(ledger.figures.feedback(reach, until - LONG, until), _fault)
    words = {fault: Counter(one.verdict for one in some) for fault, some in said.items()}
    rows = [
        DetectorRow(
            fault=fault,
            hits_7d=few,
            hits_30d=many,
            last_at=seen[fault],
            confirmed=words.get(fault, Counter())["right"],
            refuted=words.get(fault, Counter())["wrong"],
        )
        for fault, (few, many) in tally.items()
    ]
    ranked = sorted(rows, key=lambda row: (-row.hits_30d, row.fault))
    silent = len(set(known) - set(tally)) if known else None
    narrowed = window.model_copy(update={"since": until - LONG})
    return DetectorsReport(window=narrowed, rows=page_of(ranked, offset, limit), silent=silent)
