"""How a chat's answer looks on a terminal: paragraphs, tables, charts as lines of blocks, scripts, numbered offers. All of it cleaned."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import datetime

from agent.chat.numbers import shown
from agent.chat.reply import Block, Chart, Offer, Offers, ProposedScript, Reference, Rows, Said
from api.commands.output import clean, console, print_table
from knowledge.vocabulary import Language, Ruling

_STYLES = {"good": "green", "warning": "yellow", "bad": "red"}
_BARS = "▁▂▃▄▅▆▇█"
SPARK_CELLS = 48
_RULED = {
    Ruling.AUTO: ("needs no approval", "无需审批"),
    Ruling.ONE: ("needs one approver", "需一名审批人"),
    Ruling.TWO: ("needs two approvers", "需两名审批人"),
    Ruling.FORBIDDEN: ("forbidden", "禁止"),
    Ruling.REFUSED: ("cannot be translated", "无法解析"),
}


def print_block(block: Block, language: Language) -> None:
    match block:
        case Said():
            _print_said(block)
        case Rows():
            folding = block.columns[-1:]
            rows = [[_short(cell) for cell in row] for row in block.rows]
            print_table(clean(block.title), [clean(one) for one in block.columns], rows, empty="–", folding=folding)
            if block.left_out:
                _dim(f"+ {block.left_out}")
        case Chart():
            _print_chart(block)
        case ProposedScript():
            _print_script(block, language)
        case Reference():
            console().print(clean(f"{block.incident_id}  {block.status}  {block.title}"), markup=False, style="bold")
        case Offers():
            pass  # whoever runs the loop numbers them


def _print_said(block: Said) -> None:
    console().print(clean(block.text), markup=False, style=_STYLES.get(block.tone, ""))
    for number, one in enumerate(block.citations, start=1):
        _dim(
            f"  [{number}] {one.kind} {_short(one.id, 160)}"
            + (f": {_short(one.title, 120)}" if one.title != one.id else "")
        )


def _short(text: str, most: int = 400) -> str:
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def _dim(text: str) -> None:
    console().print(clean(text), markup=False, style="dim")


def _print_chart(chart: Chart) -> None:
    console().print(clean(chart.title), markup=False, style="italic")
    width = max((len(line.label) for line in chart.lines), default=0)
    for line in chart.lines:
        values = [value for _, value in line.points]
        bounds = f"{shown(min(values), chart.unit)} – {shown(max(values), chart.unit)}" if values else ""
        console().print(clean(f"  {line.label:<{width}} {spark(values)} {bounds}"), markup=False)
    moments = [at for line in chart.lines for at, _ in line.points]
    if moments:
        _dim(f"  {_local(min(moments))} – {_local(max(moments))}")
    _dim(f"  {_short(chart.query, 2_000)}")


def _local(at: datetime) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M")


def spark(values: Sequence[float], cells: int = SPARK_CELLS) -> str:
    """At most ``cells`` blocks, each the highest value of its share; ASCII where the terminal has no blocks."""
    if not values:
        return ""
    count = min(cells, len(values))
    parts = [
        max(values[len(values) * at // count : max(len(values) * (at + 1) // count, len(values) * at // count + 1)])
        for at in range(count)
    ]
    low, high = min(values), max(values)
    bars = _BARS if "utf" in (sys.stdout.encoding or "").lower() else "_.-=+*#@"
    if high == low:
        return bars[0] * count
    return "".join(bars[min(len(bars) - 1, int((value - low) / (high - low) * len(bars)))] for value in parts)


def _print_script(block: ProposedScript, language: Language) -> None:
    ruled = _RULED[block.ruling][language is Language.ZH]
    style = "red" if block.ruling in {Ruling.FORBIDDEN, Ruling.REFUSED} else "yellow"
    console().print(
        clean("\n".join(f"    {line}" for line in block.script.rstrip().splitlines())), markup=False, style="bold"
    )
    console().print(f"  {ruled}", markup=False, style=style)
    for reason in block.reasons:
        _dim(f"  - {reason}")


def print_offers(offers: Sequence[Offer], language: Language) -> None:
    if not offers:
        return
    head = "输入序号即可：" if language is Language.ZH else "type a number:"
    _dim("  ".join([head, *(f"{number}) {offer.label}" for number, offer in enumerate(offers, start=1))]))
