"""Reports as one long table (report, group, name, measure, value): a spreadsheet's or a data frame's food.

A cell that a spreadsheet would take for a formula is told as text: names of services come from outside.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel

from api.figures.sums import Rows

COLUMNS = ("report", "group", "name", "measure", "value")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_LEFT_OUT = frozenset({"charts", "window"})
_NAMES = ("name", "fault")


def as_csv(reports: Mapping[str, BaseModel]) -> str:
    held = io.StringIO()
    writer = csv.writer(held, lineterminator="\r\n")  # RFC 4180
    writer.writerow(COLUMNS)
    for name, report in reports.items():
        writer.writerows([_safe(cell) for cell in row] for row in _rows(name, report))
    return held.getvalue()


def _rows(name: str, report: BaseModel) -> Iterator[tuple[str, ...]]:
    for field in type(report).model_fields:
        value = getattr(report, field)
        if field in _LEFT_OUT:
            continue
        if isinstance(value, Rows):
            yield from _table(name, field, value.rows)
        elif isinstance(value, tuple):
            yield from _table(name, field, value)
        elif isinstance(value, BaseModel):
            yield from _table(name, field, [value])
        elif isinstance(value, dict):
            yield from ((name, field, str(key), "count", str(count)) for key, count in value.items())
        else:
            yield name, "", "", field, _cell(value)


def _table(name: str, group: str, rows: Iterable[BaseModel]) -> Iterator[tuple[str, ...]]:
    for row in rows:
        called = next((str(getattr(row, key)) for key in _NAMES if hasattr(row, key)), "")
        if getattr(row, "object_key", ""):
            called += f" @ {row.object_key}"  # type: ignore[attr-defined]
        for measure, value in _measures(row):
            yield name, group, called, measure, value


def _measures(row: BaseModel, prefix: str = "") -> Iterator[tuple[str, str]]:
    for field in type(row).model_fields:
        value = getattr(row, field)
        if isinstance(value, BaseModel):
            yield from _measures(value, f"{prefix}{field}_")
        elif field not in _NAMES or prefix:
            yield f"{prefix}{field}", _cell(value)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return str(value)


def _safe(cell: str) -> str:
    if not cell.startswith(_FORMULA):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell
