"""The reports, as values: what JSON, CSV, the console and the command line draw. Durations are in seconds; shares lie between
0 and 1; a figure of no cases is None, never nought."""

from __future__ import annotations

from datetime import datetime

from agent.chat.reply import Chart
from api.figures.sums import Rows, Spread
from api.figures.windows import Window
from knowledge.vocabulary import ApprovalStatus, Noun


class TimesRow(Noun):
    """``name`` is the service, the severity, or when the week began."""

    name: str
    incidents: int
    diagnosed: Spread
    """From opening to the first diagnosis."""
    resolved: Spread
    """From opening to the end, of those that were resolved or closed."""
    open: int
    """How many of them are not over."""


class TimesReport(Noun):
    window: Window
    overall: TimesRow
    by_service: Rows[TimesRow]
    by_severity: tuple[TimesRow, ...]
    by_week: tuple[TimesRow, ...]
    charts: tuple[Chart, ...] = ()


class RecurrenceRow(Noun):
    """One fault on one object that came back. ``times`` counts its incidents."""

    fault: str
    cluster: str
    object_key: str
    times: int
    last_at: datetime
    incidents: tuple[str, ...]


class RecurrenceReport(Noun):
    """An incident is a recurrence when the same fault was named on the same object within ``days`` before it opened."""

    window: Window
    days: float
    diagnosed: int
    recurrences: int
    share: float | None
    rows: Rows[RecurrenceRow]


class AccuracyRow(Noun):
    """What people said of the diagnoses; ``right_share`` counts `partly` as half."""

    name: str
    right: int
    partly: int
    wrong: int
    right_share: float | None


class AccuracyReport(Noun):
    """``answered_share``: of how many diagnosed incidents anybody said anything: few answers say little."""

    window: Window
    overall: AccuracyRow
    answered_share: float | None
    by_confidence: tuple[AccuracyRow, ...]
    by_service: Rows[AccuracyRow]
    by_fault: Rows[AccuracyRow]


class WaitingRow(Noun):
    name: str
    requests: int
    decided: Spread
    """From asking to the deciding vote."""
    expired: int


class ApprovalsReport(Noun):
    window: Window
    overall: WaitingRow
    by_status: dict[ApprovalStatus, int]
    glass_broken: int
    by_service: Rows[WaitingRow]
    by_severity: tuple[WaitingRow, ...]


class ModelRow(Noun):
    name: str
    calls: int
    answered_share: float | None
    input_tokens: int
    output_tokens: int
    cost: float
    seconds: Spread


class ModelReport(Noun):
    """``cost`` is in the currency of the prices in the settings. ``by_incident``: the dearest first."""

    window: Window
    overall: ModelRow
    by_model: tuple[ModelRow, ...]
    by_purpose: tuple[ModelRow, ...]
    by_outcome: dict[str, int]
    by_incident: Rows[ModelRow]
    incidents: int
    charts: tuple[Chart, ...] = ()


class DetectorRow(Noun):
    """``hits``: incidents in which it spoke; ``confirmed`` and ``refuted``: where it was the named cause and people said so."""

    fault: str
    hits_7d: int
    hits_30d: int
    last_at: datetime
    confirmed: int
    refuted: int


class DetectorsReport(Noun):
    window: Window
    rows: Rows[DetectorRow]
    silent: int | None = None
    """Detectors of this desk that said nothing in this time; None when it is not known which there are."""
