"""Tables that lost their alignment: web pages and chats squeeze runs of spaces into one. Known headings tell where cells end."""

from __future__ import annotations

import re

PAIRS = (
    "LAST SEEN", "FIRST SEEN", "NOMINATED NODE", "READINESS GATES", "ACCESS MODES", "RECLAIM POLICY", "VOLUMEATTRIBUTESCLASS",
    "CONTAINER RUNTIME", "POD SELECTOR", "NODE SELECTOR",
)  # fmt: skip
_HEADINGS = re.compile(r"(?:NAMESPACE |LAST )?(?:NAME|SEEN|STATUS) [A-Z][A-Z()/%-]*(?: [A-Z(%][A-Z()/%-]*)+\s*$")
_ROW = re.compile(r"\S+(?: \S+)+$")
_AGO = re.compile(r" \(((?:x\d+ over )?[0-9smhdwy]+(?: ago)?)\)")


def with_columns(lines: list[str]) -> list[str]:
    """The lines with two spaces between the cells of such tables; every other line as it is."""
    result, headings = [], 0
    for line in lines:
        if " NAME" not in f" {line}" and "SEEN" not in line and not headings:
            result.append(line)
            continue
        if "  " not in line and "\t" not in line and _HEADINGS.match(line):
            cells = _headings(line)
            headings = len(cells)
            result.append("  ".join(cells))
        elif headings and "  " not in line and _ROW.match(line):
            result.append(_row(line, headings))
        else:
            headings = 0
            result.append(line)
    return result


def _headings(line: str) -> list[str]:
    for pair in PAIRS:
        line = line.replace(pair, pair.replace(" ", "\x00"))
    return [cell.replace("\x00", " ") for cell in line.split()]


def _row(line: str, headings: int) -> str:
    """An age in brackets belongs to the cell before it; what is left over belongs to the last cell."""
    cells = _AGO.sub(lambda found: "\x00(" + found.group(1).replace(" ", "\x00") + ")", line).split(" ")
    if len(cells) > headings:
        cells = [*cells[: headings - 1], " ".join(cells[headings - 1 :])]
    return "  ".join(cell.replace("\x00", " ") for cell in cells)


__all__ = ["with_columns"]
