"""`opsdesk report`: the desk's figures on the terminal, as JSON, or as CSV."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from api.figures.reports import (
        AccuracyReport,
        AccuracyRow,
        ApprovalsReport,
        DetectorRow,
        DetectorsReport,
        ModelReport,
        ModelRow,
        RecurrenceReport,
        RecurrenceRow,
        TimesReport,
        TimesRow,
        WaitingRow,
    )
    from api.figures.sums import Spread

Section = Literal["all", "times", "recurrence", "accuracy", "approvals", "model", "detectors"]


def register(app: typer.Typer) -> None:
    app.command()(report)


def report(
    section: Annotated[Section, typer.Argument(help="Which report.")] = "all",
    since: Annotated[str, typer.Option(help="An age (30d, 12h, 4w) or a time (2026-03-01).")] = "30d",
    until: Annotated[str, typer.Option(help="The same; default: now.")] = "",
    days: Annotated[float, typer.Option(min=0.01, help="Recurrence: within so many days.")] = 7.0,
    limit: Annotated[int, typer.Option(min=1, max=500, help="Rows of each table.")] = 20,
    zone: Annotated[str, typer.Option(help="IANA zone of weeks and days.")] = "UTC",
    lang: Annotated[Literal["zh", "en"], typer.Option(help="Of titles in the JSON's charts.")] = "en",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print one long table: report, group, name, measure, value.")
    ] = False,
) -> None:
    """Times to diagnose and resolve, what came back, accuracy by feedback, approvals, model use, detectors.

    It reads the ledger of this machine, all of it; over the API everybody gets what lies in their own scope.
    """
    import sys

    from api.bootstrap import open_ledger, utc_now
    from api.commands.output import print_json
    from api.figures.making import made
    from api.figures.tables import as_csv as told_as_csv
    from api.figures.windows import moment_of, window_of
    from api.settings import Settings
    from knowledge.vocabulary import Language, Scope

    if as_json and as_csv:
        raise typer.BadParameter("choose --json or --csv")
    now = utc_now()
    window = window_of(moment_of(since, now), moment_of(until, now) if until else None, now, zone)
    with open_ledger(Settings.load()) as ledger:
        reports = made(ledger, Scope(), window, section, days=days, limit=limit, language=Language(lang))
    if as_json:
        print_json(reports if section == "all" else reports[section])
    elif as_csv:
        sys.stdout.write(told_as_csv(reports))
    else:
        _show(reports)


def _show(reports: Mapping[str, object]) -> None:
    for value in reports.values():
        _SHOWN[type(value).__name__](value)


def _show_times(value: TimesReport) -> None:
    rows = [value.overall.model_copy(update={"name": "(all)"}), *value.by_severity, *value.by_service.rows]
    _table(
        "Time to diagnose and to resolve", ("of", "incidents", "open", *_SPREADS), [_times_cells(row) for row in rows]
    )


def _times_cells(row: TimesRow) -> tuple[str, ...]:
    return (
        row.name or "(no service)",
        str(row.incidents),
        str(row.open),
        *_spread(row.diagnosed),
        *_spread(row.resolved),
    )


_SPREADS = ("diagnosed p50", "p90", "resolved p50", "p90 ")


def _show_recurrence(value: RecurrenceReport) -> None:
    title = f"Came back within {value.days:g} days: {value.recurrences} of {value.diagnosed} ({_share(value.share)})"
    _table(title, ("fault", "object", "cluster", "times", "last"), [_recurrence_cells(row) for row in value.rows.rows])


def _recurrence_cells(row: RecurrenceRow) -> tuple[str, ...]:
    from api.commands.output import age

    return row.fault, row.object_key, row.cluster, str(row.times), age(row.last_at)


def _show_accuracy(value: AccuracyReport) -> None:
    title = f"Right by what people said: {_share(value.overall.right_share)} (of {_share(value.answered_share)} they said something)"
    rows = [value.overall.model_copy(update={"name": "(all)"}), *value.by_confidence, *value.by_fault.rows]
    _table(title, ("of", "right", "partly", "wrong", "share"), [_accuracy_cells(row) for row in rows])


def _accuracy_cells(row: AccuracyRow) -> tuple[str, ...]:
    return row.name, str(row.right), str(row.partly), str(row.wrong), _share(row.right_share)


def _show_approvals(value: ApprovalsReport) -> None:
    rows = [value.overall.model_copy(update={"name": "(all)"}), *value.by_severity, *value.by_service.rows]
    title = f"Approvals; glass broken: {value.glass_broken}"
    _table(title, ("of", "requests", "nobody decided", "decided p50", "p90"), [_waiting_cells(row) for row in rows])


def _waiting_cells(row: WaitingRow) -> tuple[str, ...]:
    return row.name or "(no service)", str(row.requests), str(row.expired), *_spread(row.decided)


def _show_model(value: ModelReport) -> None:
    rows = [value.overall.model_copy(update={"name": "(all)"}), *value.by_model, *value.by_purpose]
    columns = ("of", "questions", "answered", "tokens in", "tokens out", "cost", "p50", "p90")
    _table(f"Chat model, for {value.incidents} incidents", columns, [_model_cells(row) for row in rows])


def _model_cells(row: ModelRow) -> tuple[str, ...]:
    tokens = (f"{row.input_tokens:,}", f"{row.output_tokens:,}")
    return row.name, str(row.calls), _share(row.answered_share), *tokens, f"{row.cost:.4f}", *_spread(row.seconds)


def _show_detectors(value: DetectorsReport) -> None:
    columns = ("detector", "7 days", "30 days", "last", "confirmed", "refuted")
    _table("Detectors that spoke", columns, [_detector_cells(row) for row in value.rows.rows])


def _detector_cells(row: DetectorRow) -> tuple[str, ...]:
    from api.commands.output import age

    return row.fault, str(row.hits_7d), str(row.hits_30d), age(row.last_at), str(row.confirmed), str(row.refuted)


_SHOWN: dict[str, Callable[[Any], None]] = {
    "TimesReport": _show_times,
    "RecurrenceReport": _show_recurrence,
    "AccuracyReport": _show_accuracy,
    "ApprovalsReport": _show_approvals,
    "ModelReport": _show_model,
    "DetectorsReport": _show_detectors,
}


def _table(title: str, columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    from api.commands.output import print_table

    print_table(title, columns, rows, empty=f"{title}: nothing in this time")


def _spread(value: Spread) -> tuple[str, str]:
    from api.figures.units import shown_value

    def told(one: float | None) -> str:
        return "-" if one is None else shown_value(one, "seconds")

    return told(value.p50), told(value.p90)


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"
