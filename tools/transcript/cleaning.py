"""Takes off what terminals, pagers and chats put around an output, line for line, so that line numbers stay those of the paste."""

from __future__ import annotations

import itertools
import re

from tools.transcript.squeezed import with_columns

MAX_CHARACTERS = 64_000_000
MAX_LINE = 200_000

_ESCAPES = re.compile(
    r"\x1b\][^\x07\x1b]{0,500}(?:\x07|\x1b\\)|\x1b\[[0-9;?:<=>!]{0,40}[ -/]?[@-~]|\x1b[()][0-9A-B]|\x1b[=>78cDEHMNOZ]"
)
_BARE_COLOUR = re.compile(r"(?<![\w\[])\[(?:0|1)?(?:;?\d{1,2}){1,3}m|\[0m|\[m\b")
_OVERSTRUCK = re.compile(r"[^\n\x08]\x08")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u200b\ufeff]")
_PAGER = re.compile(
    r"\s*(?:--More--(?:\s*\(\d+%\))?|lines \d+-\d+(?:/\d+)?(?: \((?:END|\d+%)\))?|\(END\)|-- 更多 --)\s*$"
)
_FENCE = re.compile(r"\s{0,3}(?:```+|~~~+)[\w.+-]{0,20}\s*$")
_QUOTED = re.compile(r"\s{0,3}>(?: |$)")
_NUMBERED = re.compile(r"\s{0,8}(\d{1,7})(?:[:|│\t]\s?| {1,4}(?=\S)| ?$)")


def decode(raw: bytes) -> str:
    """Text of any bytes: a byte order mark, UTF-8, else GB18030 (which reads most of what Chinese terminals save)."""
    for mark, name in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if raw.startswith(mark):
            return raw[len(mark) :].decode(name, errors="replace")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        pass
    try:
        return raw.decode("gb18030")
    except UnicodeDecodeError:
        return raw.decode("utf-8", errors="replace")


def clean_lines(text: str) -> list[str]:
    """The paste's lines without colours, pagers, quoting, fences and line numbers. As many lines as the paste has."""
    text = text[:MAX_CHARACTERS].replace("\r\n", "\n")
    if "\x1b" in text:
        text = _ESCAPES.sub("", text)
    elif "[0m" in text or "[m" in text:
        text = _BARE_COLOUR.sub("", text)
    if "\x08" in text:
        text = _OVERSTRUCK.sub("", text)
    if "\r" in text:
        # A progress line was drawn over: the last drawing stands. Old Mac files break lines with it.
        text = re.sub(r"[^\n\r]*\r(?=[^\n\r])", "", text) if "\n" in text else text.replace("\r", "\n")
    text = _CONTROL.sub("", text.replace("\u00a0", " ").replace("\u3000", "  "))
    lines = [line[:MAX_LINE].rstrip() for line in text.split("\n")]
    if "```" in text or "~~~" in text:
        lines = ["" if _FENCE.match(line) else line for line in lines]
    if "--More--" in text or "(END)" in text or "lines " in text or "更多" in text:
        lines = [
            _PAGER.sub("", line) if line.endswith(("-", ")")) or line.startswith("lines ") else line for line in lines
        ]
    if "> " in text:
        lines = _without_quotes(lines)
    return with_columns(_without_numbers(lines))


def _without_quotes(lines: list[str]) -> list[str]:
    """Runs of quoted lines lose their mark; a lone ``>`` is the shell's second prompt or data."""
    start = 0
    while start < len(lines):
        if lines[start].lstrip()[:1] != ">" or not _QUOTED.match(lines[start]):
            start += 1
            continue
        end = start
        while end < len(lines) and _QUOTED.match(lines[end]):
            end += 1
        if end - start >= 3:
            for at in range(start, end):
                lines[at] = _QUOTED.sub("", lines[at], count=1)
        start = end
    return lines


def _without_numbers(lines: list[str]) -> list[str]:
    """``cat -n`` and editors number lines: taken off where nearly all lines bear rising numbers."""
    told = [(at, line) for at, line in enumerate(lines) if line]
    if len(told) < 4:
        return lines
    sample = told[:40]
    numbers = [int(found.group(1)) if (found := _NUMBERED.match(line)) else -1 for _, line in sample]
    rising = sum(1 for left, right in itertools.pairwise(numbers) if left >= 0 and 0 < right - left < 4)
    if rising < 0.9 * (len(sample) - 1):
        return lines
    return [_NUMBERED.sub("", line, count=1) for line in lines]
