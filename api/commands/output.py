"""What every command prints with: Rich for people, one JSON value for machines, errors on standard error."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from knowledge.errors import BadInput, OpsdeskError, Refused, Temporary

if TYPE_CHECKING:
    from rich.console import Console

    from knowledge.vocabulary import Language

PIPED_WIDTH = 10_000
EXIT_PERMANENT, EXIT_REFUSED, EXIT_TEMPORARY = 1, 3, 75


@cache
def console(*, to_stderr: bool = False) -> Console:
    from rich.console import Console

    made = Console(stderr=to_stderr, highlight=False)
    if made.is_terminal:
        return made
    return Console(stderr=to_stderr, highlight=False, width=PIPED_WIDTH)  # whole lines: who reads a file searches them


def print_json(value: Any) -> None:
    """One JSON value on standard output, UTF-8, times in ISO 8601."""
    sys.stdout.write(harmless_json(json.dumps(value, ensure_ascii=False, indent=2, default=_plain)) + "\n")


def harmless_json(text: str) -> str:
    """The same JSON value with every character that a terminal would obey, or an eye would miss, as an escape."""
    return _ACTING.sub(lambda found: _escaped(found[0]), text)


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at] << 8 | units[at + 1]:04x}" for at in range(0, len(units), 2))


def _plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def print_table(
    title: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    empty: str,
    folding: Sequence[str] = (),
    dropping: Sequence[str] = (),
) -> None:
    """A table, or the sentence ``empty`` that says how to get a first row.

    Ids and other single words stay whole: only the columns in ``folding`` break their text, and on a narrow terminal those in
    ``dropping`` are left out, the first one first. Into a pipe everything goes unbroken.
    """
    from rich.table import Table
    from rich.text import Text

    out = console()
    listed = [[clean(cell) for cell in row] for row in rows]
    if not listed:
        out.print(Text(empty, style="dim"))
        return
    width = out.width if out.is_terminal else None
    shown = columns_that_fit(columns, listed, width, folding=folding, dropping=dropping)
    out.print(title, style="italic", markup=False)
    table = Table(header_style="bold")
    for place in shown:
        folds = columns[place] in folding
        table.add_column(columns[place], overflow="fold", no_wrap=not folds, min_width=FOLDED if folds else None)
    for row in listed:
        table.add_row(*(Text(row[place]) for place in shown))
    out.print(table)
    if len(shown) < len(columns):
        left_out = ", ".join(name for place, name in enumerate(columns) if place not in shown)
        out.print(f"(left out for want of room: {left_out}; --json shows all)", style="dim", markup=False)


FOLDED = 20
"""The least room for text that breaks over lines; a narrower column cannot be read."""


def columns_that_fit(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    width: int | None,
    *,
    folding: Sequence[str],
    dropping: Sequence[str],
) -> list[int]:
    """The places of the columns to show in ``width`` cells (None: as many as it takes)."""
    needed = _natural_widths(columns, rows)
    needed = [min(cells, FOLDED) if name in folding else cells for name, cells in zip(columns, needed, strict=True)]
    shown = list(range(len(columns)))
    for name in dropping:
        if width is None or sum(needed[place] + 3 for place in shown) + 1 <= width:
            break
        shown.remove(columns.index(name))
    return shown


def _natural_widths(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    from rich.cells import cell_len

    cells = [[name, *(line for row in rows for line in row[place].split("\n"))] for place, name in enumerate(columns)]
    return [max(map(cell_len, column)) for column in cells]


def clean(text: str) -> str:
    """Foreign text as harmless text: control and bidirectional characters become visible, so that a log line cannot
    move the cursor, colour itself or read backwards."""
    return _ACTING.sub(lambda found: _visible(found[0]), text)


_UNSEEN = ((0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x200B, 0x200F),
           (0x2028, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xD800, 0xDFFF), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0),
           (0xFFF9, 0xFFFB), (0xE0000, 0xE0FFF))  # fmt: skip
"""What prints as nothing, or turns text round: the same that the console's pages spell out."""


_CONTROL = ((0x00, 0x08), (0x0B, 0x1F), (0x7F, 0x9F))
"""What a terminal obeys; lines and tabs stay."""
_ACTING = re.compile("[" + "".join(f"{chr(first)}-{chr(last)}" for first, last in (*_CONTROL, *_UNSEEN)) + "]")


def _visible(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0xA0 else f"\\u{code:04x}"


def one_line(text: str) -> str:
    """Foreign text that has one line: a line feed in it is spelled out, so that it cannot begin a line of its own."""
    return clean(text).replace("\n", "\\n").replace("\t", "\\t")


def age(at: datetime, now: datetime | None = None) -> str:
    """``5m ago``: short and relative, for tables."""
    seconds = max(0, int(((now or datetime.now(UTC)) - at).total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit} ago"
    return f"{seconds}s ago"


def local_time(at: datetime) -> str:
    """Absolute, in the zone of the person's machine."""
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def utc_time(at: datetime, language: Language, now: datetime | None = None) -> str:
    """``2026-03-01 10:00:00 UTC (in 3 h 58 min)``: the same moment for everyone, and how far away it is."""
    from api.commands.words import word

    seconds = int((at - (now or datetime.now(UTC))).total_seconds())
    minutes, is_ahead = abs(seconds) // 60, seconds > 0
    days, hours = minutes // 1_440, minutes % 1_440 // 60
    if days:
        span = f"{days} {word('d', language)} {hours} h"
    elif hours:
        span = f"{hours} h {minutes % 60} min"
    else:
        span = f"{minutes} min" if minutes else f"{abs(seconds)} s"
    relative = word("in {span}" if is_ahead else "{span} ago", language).format(span=span)
    return f"{at.astimezone(UTC).strftime('%Y-%m-%d %H:%M:%S')} UTC ({relative})"


def tell_error(error: OpsdeskError) -> int:
    """The error as a person needs it; returns the exit code."""
    from rich.text import Text

    where = ""
    if isinstance(error, BadInput) and (error.source or error.line):
        where = f" ({error.source}{f', line {error.line}' if error.line else ''})"
    out = console(to_stderr=True)
    out.print(Text.assemble((f"{error.title}: ", "bold red"), clean(error.message), where))
    if error.next_step:
        out.print(Text.assemble(("next: ", "bold"), clean(error.next_step)))
    if isinstance(error, Temporary):
        return EXIT_TEMPORARY
    return EXIT_REFUSED if isinstance(error, Refused) else EXIT_PERMANENT
