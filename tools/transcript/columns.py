"""Reads tables whose columns stand under their headings."""

from __future__ import annotations

import re
from collections.abc import Sequence

_HEADING = re.compile(r"\S+(?: \S+)*")
_CELLS = re.compile(r"\S+(?: \S+)*")
_WORD = r"[A-Z(%#][A-Z0-9()\-_/%*.#]*(?:\([a-z]+\))?"
_UPPER = re.compile(rf"{_WORD}(?: {_WORD})*(?:(?:\s{{2,}}|\t){_WORD}(?: {_WORD})*)*\s*")


def is_header(line: str) -> bool:
    """A line of upper-case headings, two at least, or ``NAME`` alone."""
    if not line or not line[0].isupper() or len(line) > 2_000:
        return False
    if line.rstrip() == "NAME":
        return True
    return ("  " in line or "\t" in line) and _UPPER.fullmatch(line) is not None


_HEADING_REST = re.compile(r"[A-Z][A-Z0-9()\-_/%*.]*(?:\s+[A-Z(][A-Z0-9()\-_/%*.]*)*\s*$")


def unwrapped(lines: Sequence[str]) -> list[str]:
    """A table that the terminal broke at its width: the heading takes as many lines as each row does."""
    rest = 0
    while (
        rest + 1 < len(lines)
        and rest < 4
        and _HEADING_REST.match(lines[rest + 1].lstrip())
        and not lines[rest + 1].startswith("NAME")
    ):
        rest += 1
    each = rest + 1
    width = max((len(line) for line in lines), default=0)
    if not rest or width < 40 or len(lines) % each:
        return list(lines)
    return ["".join(part.ljust(width) for part in lines[at : at + each]).rstrip() for at in range(0, len(lines), each)]


def header_columns(line: str) -> list[tuple[str, int]]:
    """Headings and where they begin. Two headings are apart by two spaces at least; one space belongs to a heading."""
    return [(found.group(), found.start()) for found in _HEADING.finditer(line.expandtabs(8))]


def read_row(columns: Sequence[tuple[str, int]], line: str) -> dict[str, str]:
    """Cells by heading. Cells begin under their heading; one that is longer than its column pushes the rest to the right,
    which is told by counting the gaps of two spaces."""
    line = line.expandtabs(8)
    if _fits(columns, line):
        row = {}
        for at, (heading, start) in enumerate(columns):
            end = columns[at + 1][1] if at + 1 < len(columns) else len(line)
            row[heading] = line[start:end].strip()
        return row
    return split_row([heading for heading, _ in columns], line)


def split_row(headings: Sequence[str], line: str) -> dict[str, str]:
    """Cells by their order, where positions say nothing."""
    cells = _CELLS.findall(line.expandtabs(8))
    if len(cells) > len(headings):
        last = len(headings) - 1
        cells = [*cells[:last], "  ".join(cells[last:])]
    return {heading: cells[at] if at < len(cells) else "" for at, heading in enumerate(headings)}


def _fits(columns: Sequence[tuple[str, int]], line: str) -> bool:
    """Whether no cell runs over the beginning of a column."""
    for _, start in columns[1:]:
        if start < len(line) and line[start - 1] != " ":
            return False
    return line[:1] != " " or columns[0][1] > 0


def read_table(lines: Sequence[str]) -> list[dict[str, str]]:
    """A table inside ``describe``: a heading line, a rule of dashes that may be missing, rows. Indentation is taken off."""
    told = [line for line in lines if line.strip()]
    if not told:
        return []
    indent = len(told[0]) - len(told[0].lstrip())
    head = told[0][indent:]
    columns = header_columns(head)
    rule = told[1][indent:] if len(told) > 1 else ""
    body = told[1:]
    if rule and set(rule) <= set("- "):
        columns = _ruled(head, rule) or columns
        body = told[2:]
    return [read_row(columns, line[indent:] if not line[:indent].strip() else line.lstrip()) for line in body]


def _ruled(head: str, rule: str) -> list[tuple[str, int]]:
    """Columns by the dashes beneath the headings, which end where a heading does."""
    starts = [found.start() for found in re.finditer(r"-+", rule)]
    ends = [*starts[1:], len(head) + 1]
    return [(head[start:end].strip(), start) for start, end in zip(starts, ends, strict=True)]
