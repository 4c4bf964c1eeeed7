"""Any of the reports, or all, by name."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import BaseModel

from api.figures.durations import recurrence_report, times_report
from api.figures.judgements import accuracy_report, detectors_report
from api.figures.spending import approvals_report, model_report
from api.figures.windows import Window
from knowledge.ledger.ledger import Ledger
from knowledge.vocabulary import Language, Scope

NAMES = ("times", "recurrence", "accuracy", "approvals", "model", "detectors")


def made(
    ledger: Ledger,
    reach: Scope,
    window: Window,
    name: str = "all",
    *,
    days: float = 7.0,
    limit: int = 50,
    language: Language = Language.EN,
) -> dict[str, BaseModel]:
    """Blocking."""
    makers: dict[str, Callable[[], BaseModel]] = {
        "times": lambda: times_report(ledger, reach, window, language=language, limit=limit),
        "recurrence": lambda: recurrence_report(ledger, reach, window, days=days, limit=limit),
        "accuracy": lambda: accuracy_report(ledger, reach, window, limit=limit),
        "approvals": lambda: approvals_report(ledger, reach, window, limit=limit),
        "model": lambda: model_report(ledger, reach, window, language=language, limit=limit),
        "detectors": lambda: detectors_report(ledger, reach, window, limit=limit),
    }
    return {one: make() for one, make in makers.items() if name in {"all", one}}
