"""A report as data: titles, tables, bar charts, lists. Rendered as Markdown and as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from api.commands.output import one_line

Cell = str | int | float | bool | None


@dataclass(frozen=True)
class Table:
    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Bars:
    """Horizontal bars from 0 to ``top``; a second value is drawn as a line across its bar (what was said, or the bar to reach)."""

    title: str
    rows: tuple[tuple[str, float, float | None], ...]
    top: float = 1.0


@dataclass(frozen=True)
class Lines:
    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Report:
    name: str
    """The stem of its files."""
    title: str
    intro: str
    parts: tuple[Table | Bars | Lines, ...] = field(default=())


def shown(cell: Cell) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return f"{cell:.3f}" if isinstance(cell, float) else one_line(str(cell))


def percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


# -- Markdown -----------------------------------------------------------------------------------------------------


def markdown(report: Report) -> str:
    found = [f"# {report.title}", "", report.intro, ""]
    for part in report.parts:
        found += [f"## {part.title}", ""]
        if isinstance(part, Table):
            found += _markdown_table(part.heads, part.rows)
        elif isinstance(part, Bars):
            found += _markdown_table(("", "value", "mark"), [(name, value, mark) for name, value, mark in part.rows])
        else:
            found += [f"- {_plain(one_line(line))}" for line in part.lines] or ["none"]
        found.append("")
    return "\n".join(found)


def _markdown_table(heads: Sequence[str], rows: Sequence[tuple[Cell, ...]]) -> list[str]:
    found = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    return found + ["| " + " | ".join(_plain(shown(cell)).replace("|", "\\|") for cell in row) + " |" for row in rows]


def _plain(text: str) -> str:
    """What a report quotes is text: no element, no link, no picture."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("[", "\\[").replace("](", "]\\(")


# -- HTML ---------------------------------------------------------------------------------------------------------

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
table{border-collapse:collapse;margin:1rem 0;font-variant-numeric:tabular-nums}
th,td{border-bottom:1px solid #d0d7de;padding:.25rem .7rem;text-align:left;vertical-align:top}
th{background:#f3f5f7}svg{max-width:100%;height:auto}li{margin:.2rem 0}
@media(prefers-color-scheme:dark){body{color:#e6e9ec;background:#14171a}th{background:#22272c}th,td{border-color:#39414a}}
"""
_BAR, _GAP, _LEFT, _WIDTH = 18, 8, 220, 720


def html(report: Report) -> str:
    """No script, nothing loaded from elsewhere."""
    body = [f"<h1>{escape(report.title)}</h1>", f"<p>{escape(report.intro)}</p>"]
    for part in report.parts:
        body.append(f"<h2>{escape(part.title)}</h2>")
        if isinstance(part, Table):
            body.append(_html_table(part))
        elif isinstance(part, Bars):
            body.append(bars_svg(part))
        else:
            items = "".join(f"<li>{escape(one_line(line))}</li>" for line in part.lines)
            body.append(f"<ul>{items}</ul>" if items else "<p>none</p>")
    head = f'<meta charset="utf-8"><title>{escape(report.title)}</title><style>{_STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{"".join(body)}</body></html>\n'


def _html_table(table: Table) -> str:
    heads = "".join(f"<th>{escape(head)}</th>" for head in table.heads)
    rows = "".join("<tr>" + "".join(f"<td>{escape(shown(cell))}</td>" for cell in row) + "</tr>" for row in table.rows)
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"


def bars_svg(bars: Bars) -> str:
    """The chart as inline SVG; each bar carries its number, so that colour alone says nothing."""
    height = len(bars.rows) * (_BAR + _GAP) + _GAP
    room = _WIDTH - _LEFT - 70
    found = [f'<svg viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" role="img" aria-label="{escape(bars.title)}">']
    for number, (name, value, mark) in enumerate(bars.rows):
        top = _GAP + number * (_BAR + _GAP)
        long = max(0.0, min(value / bars.top, 1.0)) * room if bars.top else 0.0
        text = top + _BAR - 5
        found.append(
            f'<text x="{_LEFT - 8}" y="{text}" text-anchor="end" font-size="12" fill="currentColor">{escape(name)}</text>'
        )
        found.append(f'<rect x="{_LEFT}" y="{top}" width="{long:.1f}" height="{_BAR}" fill="#3b78c4" rx="2"/>')
        found.append(
            f'<text x="{_LEFT + long + 6:.1f}" y="{text}" font-size="12" fill="currentColor">{value:.2f}</text>'
        )
        if mark is not None:
            at = _LEFT + max(0.0, min(mark / bars.top, 1.0)) * room
            found.append(
                f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top - 3}" y2="{top + _BAR + 3}" stroke="#c4562b" stroke-width="3"/>'
            )
    return "".join(found) + "</svg>"


def write(report: Report, folder: Path) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{report.name}.md", folder / f"{report.name}.html"]
    paths[0].write_text(markdown(report), encoding="utf-8")
    paths[1].write_text(html(report), encoding="utf-8")
    return paths
