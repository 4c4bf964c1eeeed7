"""Charts of the console: one shape of numbers over time, drawn in the page's light or dark, with the numbers as a table for
who cannot see it. Labels are data: they are given to the chart as values, never as code or markup."""

from __future__ import annotations

import math
from typing import Any

from nicegui import ui

from agent.chat.reply import Chart, Line
from api.figures.colours import DARK, DASHES, LIGHT, Palette
from api.figures.pictures import broken_at_gaps, thinned
from api.figures.units import scale_of, shown_value
from api.web.console.parts import drawn, tag
from api.web.console.rendering import visible
from api.web.console.visit import Visit
from api.web.words import word

MOST_LINES = 6
MOST_POINTS = 400
ASK_SECONDS = 2.0
DIGITS = 4
_BRACES = str.maketrans("{}|", "()/")
"""In a chart's own rich text they would begin a style."""


async def is_dark(visit: Visit) -> bool:
    """Whether the page is dark at this moment. Where the reader left it to their system, the browser is asked: call it when
    the page is connected."""
    if visit.theme:
        return visit.theme == "dark"
    try:
        asked = ui.run_javascript('matchMedia("(prefers-color-scheme: dark)").matches', timeout=ASK_SECONDS)
        return bool(await asked)
    except TimeoutError:
        return False


def chart(visit: Visit, one: Chart, *, dark: bool) -> None:
    """Draws it where the page is being built."""
    lines = [line for line in one.lines if line.points][:MOST_LINES]
    with tag("figure", "chart", aria_label=one.title):
        tag("figcaption", text=one.title)
        if lines:
            options = _options(visit, one, lines, DARK if dark else LIGHT)
            ui.echart(options).props["aria-hidden"] = "true"
        drawn(visit, "chart_numbers.html", chart=one, rows=[_row(line, one.unit) for line in lines],
              left_out=len([line for line in one.lines if line.points]) - len(lines))  # fmt: skip


def _row(line: Line, unit: str) -> dict[str, str]:
    values = [value for _, value in line.points if math.isfinite(value)]
    low, high, last = (min(values), max(values), values[-1]) if values else (0.0, 0.0, 0.0)
    told = {"low": low, "high": high, "last": last}
    return {"label": line.label, **{name: shown_value(value, unit) for name, value in told.items()}}


def _options(visit: Visit, one: Chart, lines: list[Line], palette: Palette) -> dict[str, Any]:
    top = max((abs(value) for line in lines for _, value in line.points if math.isfinite(value)), default=0.0)
    divisor, symbol = scale_of(top, one.unit)
    series = [_series(line, divisor, place, palette) for place, line in enumerate(lines)]
    if one.onset is not None:
        series[0]["markLine"] = _onset(one.onset.timestamp() * 1000, palette, word("onset.mark", visit.language))
    muted = {"color": palette.muted, "fontSize": 11}
    return {
        "animation": False,
        "backgroundColor": "transparent",
        "color": list(palette.lines),
        "grid": {"left": 8, "right": 14, "top": 26, "bottom": 8 + 20 * (len(lines) > 1), "containLabel": True},
        "tooltip": {"trigger": "axis", "renderMode": "richText", "confine": True, "backgroundColor": palette.ground,
                    "borderColor": palette.grid, "textStyle": {"color": palette.text, "fontSize": 11}},
        "legend": {"show": len(lines) > 1, "type": "scroll", "bottom": 0, "icon": "roundRect", "itemHeight": 3,
                   "textStyle": muted, "pageTextStyle": muted},
        "xAxis": {"type": "time", "axisLabel": {**muted, "hideOverlap": True}, "axisLine": {"lineStyle": {"color": palette.grid}}},
        "yAxis": {"type": "value", "name": symbol, "nameTextStyle": {**muted, "align": "left"}, "scale": False,
                  "axisLabel": muted, "splitLine": {"lineStyle": {"color": palette.grid}}, "splitNumber": 4},
        "series": series,
    }  # fmt: skip


def _series(line: Line, divisor: float, place: int, palette: Palette) -> dict[str, Any]:
    times, values = broken_at_gaps(thinned(line.points, MOST_POINTS))
    points = [
        [at.timestamp() * 1000, _rounded(value / divisor) if math.isfinite(value) else None]
        for at, value in zip(times, values, strict=True)
    ]
    return {
        "name": visible(line.label).translate(_BRACES),
        "type": "line",
        "showSymbol": len(points) == 1,
        "connectNulls": False,
        "lineStyle": {"width": 1.8, "type": list(DASHES[place]) or "solid", "color": palette.lines[place]},
        "data": points,
    }


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")


def _onset(at: float, palette: Palette, said: str) -> dict[str, Any]:
    return {
        "silent": True,
        "symbol": "none",
        "lineStyle": {"color": palette.onset, "type": "dashed", "width": 1.4},
        "label": {"formatter": said, "color": palette.onset, "fontSize": 11, "position": "end"},
        "data": [{"xAxis": at}],
    }
