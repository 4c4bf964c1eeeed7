"""Charts as pictures, for where nobody can draw one from numbers: Slack, e-mail, a report's file.

matplotlib is imported at the first picture (it takes a second), draws without a display, and is not safe in several threads
at once: pictures are drawn one after the other.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from functools import cache
from io import BytesIO
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from agent.chat.reply import Chart, Line
from api.figures.colours import DARK, DASHES, LIGHT, Palette
from api.figures.units import shown_value
from api.figures.zones import zone_named
from knowledge.vocabulary import Language, Text

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_LINES = 6
"""A seventh colour nobody could tell apart; the legend says how many lines are left out."""
MOST_POINTS = 1_000
LONGEST_LABEL, SHORT_LABEL, LONGEST_TITLE = 44, 27, 56
GAP_STEPS = 2.5
"""Points further apart than so many usual steps are not joined: what was not measured is not drawn."""

HEADROOM = 0.12
"""Of the height, above the highest point: there the onset is told."""

NOTHING = Text(en="no points in this time", zh="该时间段内无数据")
ONSET = Text(en="onset {time}", zh="开始 {time}")
MORE = Text(en="and {count} more", zh="另有 {count} 条")

_CJK = ("Noto Sans CJK SC", "Noto Sans CJK JP", "Source Han Sans SC", "WenQuanYi Micro Hei", "Microsoft YaHei", "PingFang SC", "Noto Serif CJK SC")  # fmt: skip
_drawing = threading.Lock()


def picture(chart: Chart, dark: bool = False, language: Language = Language.EN, *, zone: str = "UTC") -> bytes:
    """A PNG of 1080 x 720 pixels, readable at the width of a phone. ``zone``: IANA name of the time axis; an unknown one is
    UTC. What is written on it is drawn as it is: no markup, no formula, no control character has an effect."""
    palette = DARK if dark else LIGHT
    place = zone_named(zone)
    with _drawing:
        return _drawn(chart, palette, language, place)


def _drawn(chart: Chart, palette: Palette, language: Language, zone: ZoneInfo) -> bytes:
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    with mpl.rc_context({"font.family": list(_families()), "axes.unicode_minus": False, "text.parse_math": False}):
        figure = Figure(figsize=(6.0, 4.0), dpi=180, facecolor=palette.ground, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        _dress(axes, chart, palette)
        shown = _lines_with_points(chart)
        if shown:
            _draw_lines(axes, shown, palette)
            _time_axis(axes, chart, shown, palette, language, zone)
            _legend(figure, chart, shown, palette, language)
        else:
            axes.text(0.5, 0.5, NOTHING.within(language), ha="center", va="center", color=palette.muted,
                      transform=axes.transAxes, fontsize=13)  # fmt: skip
            axes.set_xticks([])
            axes.set_yticks([])
        held = BytesIO()
        figure.savefig(held, format="png", facecolor=palette.ground)
        return held.getvalue()


@cache
def _families() -> tuple[str, ...]:
    """Latin first, then whichever font with Chinese characters this machine has."""
    from matplotlib import font_manager

    there = {font.name for font in font_manager.fontManager.ttflist}
    return ("DejaVu Sans", *(name for name in _CJK if name in there))


def _dress(axes: Axes, chart: Chart, palette: Palette) -> None:
    axes.set_facecolor(palette.ground)
    axes.set_title(plain(chart.title, LONGEST_TITLE), loc="left", fontsize=13, color=palette.text, pad=10)
    axes.grid(visible=True, axis="y", color=palette.grid, linewidth=0.8)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(palette.grid)
    axes.tick_params(colors=palette.muted, labelsize=10.5, length=0)
    axes.yaxis.set_major_formatter(lambda value, _: shown_value(value, chart.unit))


def _lines_with_points(chart: Chart) -> list[tuple[Line, list[tuple[datetime, float]]]]:
    found = []
    for line in chart.lines:
        points = [(at, value) for at, value in line.points if math.isfinite(value)]
        if points:
            found.append((line, thinned(points)))
    return found


def thinned(points: Sequence[tuple[datetime, float]], most: int = MOST_POINTS) -> list[tuple[datetime, float]]:
    """At most so many points. Of each stretch the least and the greatest stay: a spike is what one looks for."""
    if len(points) <= most:
        return list(points)
    width = -(-len(points) * 2 // most)
    kept: list[tuple[datetime, float]] = []
    for start in range(0, len(points), width):
        stretch = points[start : start + width]
        ends = {min(stretch, key=lambda point: point[1]), max(stretch, key=lambda point: point[1])}
        kept += sorted(ends)
    return kept


def _draw_lines(axes: Axes, shown: Sequence[tuple[Line, list[tuple[datetime, float]]]], palette: Palette) -> None:
    for place, (_, points) in enumerate(shown[:MOST_LINES]):
        times, values = broken_at_gaps(points)
        marker = "o" if len(points) == 1 else None
        (drawn,) = axes.plot(times, values, color=palette.lines[place], linewidth=2.0, marker=marker)  # type: ignore[arg-type]
        if DASHES[place]:
            drawn.set_dashes(DASHES[place])
    low, high = axes.get_ylim()
    bottom = 0.0 if 0 < low < high / 3 else low
    axes.set_ylim(bottom, high + (high - bottom) * HEADROOM)


def broken_at_gaps(points: Sequence[tuple[datetime, float]]) -> tuple[list[datetime], list[float]]:
    """Times and values, with a NaN where points are further apart than usual."""
    steps = sorted((later[0] - earlier[0] for earlier, later in pairwise(points)))
    usual = steps[len(steps) // 2] if steps else timedelta(0)
    times: list[datetime] = []
    values: list[float] = []
    for at, value in points:
        if times and usual and at - times[-1] > usual * GAP_STEPS:
            times.append(times[-1] + usual)
            values.append(math.nan)
        times.append(at)
        values.append(value)
    return times, values


def _time_axis(
    axes: Axes, chart: Chart, shown: Sequence[tuple[Line, Any]], palette: Palette, language: Language, zone: tzinfo
) -> None:
    from matplotlib import dates as untyped

    dates: Any = untyped

    times = [at for _, points in shown for at, _ in points]
    first, last = min(times), max(times)
    if chart.onset is not None and first - (last - first) <= chart.onset <= last + (last - first):
        first, last = min(first, chart.onset), max(last, chart.onset)
        is_late = chart.onset - first > (last - first) * 0.7
        _mark_onset(axes, chart.onset, palette, language, zone, is_late=is_late)
    if first == last:
        axes.set_xlim(dates.date2num(first - timedelta(minutes=5)), dates.date2num(last + timedelta(minutes=5)))
    span = last - first
    form = "%H:%M:%S" if span < timedelta(minutes=4) else "%H:%M" if span < timedelta(hours=20) else "%m-%d %H:%M"
    if span > timedelta(days=4):
        form = "%m-%d"
    axes.xaxis.set_major_locator(dates.AutoDateLocator(tz=zone, minticks=3, maxticks=5 if "%d %H" in form else 7))
    axes.xaxis.set_major_formatter(dates.DateFormatter(form, tz=zone))
    axes.set_xlabel(_told_zone(first, last, zone), fontsize=10, color=palette.muted, loc="left")


def _told_zone(first: datetime, last: datetime, zone: tzinfo) -> str:
    """The day and the zone, with its distance from UTC: a time without both is a riddle at three in the morning."""
    begins, ends = first.astimezone(zone), last.astimezone(zone)
    day = f"{begins:%Y-%m-%d}" if begins.date() == ends.date() else f"{begins:%Y-%m-%d} - {ends:%Y-%m-%d}"
    offset = f"{begins:%z}"
    name = str(zone)
    return f"{day}  {name}" if name == "UTC" else f"{day}  {name} (UTC{offset[:3]}:{offset[3:]})"


def _mark_onset(
    axes: Axes, onset: datetime, palette: Palette, language: Language, zone: tzinfo, *, is_late: bool
) -> None:
    axes.axvline(onset, color=palette.onset, linewidth=1.6, linestyle=(0, (2, 2)))  # type: ignore[arg-type]
    told = ONSET.within(language).format(time=f"{onset.astimezone(zone):%H:%M}")
    axes.annotate(told, (onset, 1.0), xycoords=("data", "axes fraction"), xytext=(-5 if is_late else 5, 0),
                  textcoords="offset points", ha="right" if is_late else "left", va="top", fontsize=10.5, color=palette.onset)  # fmt: skip


def _legend(
    figure: Figure, chart: Chart, shown: Sequence[tuple[Line, Any]], palette: Palette, language: Language
) -> None:
    from matplotlib.lines import Line2D

    drawn = figure.axes[0].get_lines()[: min(len(shown), MOST_LINES)]
    longest = LONGEST_LABEL if len(shown) <= 3 else SHORT_LABEL
    labels = [" " + plain(line.label, longest) for line, _ in shown[:MOST_LINES]]  # a leading _ would hide it
    handles: list[Any] = list(drawn)
    left_out = len(chart.lines) - len(labels)
    if left_out > 0:
        handles.append(Line2D([], [], linestyle="none"))
        labels.append(" " + MORE.within(language).format(count=left_out))
    if labels == [" "]:
        return
    columns = 2 if len(labels) > 1 and max(map(len, labels)) <= SHORT_LABEL + 1 else 1
    legend = figure.legend(handles, labels, loc="outside lower left", ncols=columns,
                           frameon=False, fontsize=10.5, labelcolor=palette.text, handlelength=2.4)  # fmt: skip
    for text in legend.get_texts():
        text.set_parse_math(False)


def plain(text: str, longest: int) -> str:
    """One line of harmless text, shortened in its middle: the ends of pods' names tell them apart."""
    shown = "".join(character if character.isprintable() else " " for character in text)
    shown = " ".join(shown.split())
    if len(shown) <= longest:
        return shown
    half = (longest - 1) // 2
    return f"{shown[: longest - 1 - half]}…{shown[-half:]}"
