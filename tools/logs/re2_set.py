"""Many patterns with RE2's set: small blocks say which patterns occur at all, and only those are looked for one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import re2

from tools.logs.patterns import byte_expression, exact, latin_options

SET_MEMORY_BYTES = 512 * 1024 * 1024
"""RE2's set answers "nothing" when its automaton outgrows its memory: the default is too small for hundreds of patterns."""

BLOCK_BYTES = 8_192


class Re2Set:
    """Fills PatternSet."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self.refused: Sequence[int] = ()
        self._patterns = tuple(patterns)
        self._set: Any = None

    def candidates(self, block: bytes, begin: int = 0, until: int | None = None) -> list[tuple[int, int]]:
        if self._set is None:
            self._set = _made(self._patterns)
        found: list[tuple[int, int]] = []
        start = begin
        until = len(block) if until is None else until
        while start < until:
            stop = block.rfind(b"\n", start, min(until, start + BLOCK_BYTES)) + 1
            if stop <= start:
                stop = block.find(b"\n", start + BLOCK_BYTES, until) + 1 or until
            for number in (self._set.Match(block[start:stop]) or ()) if self._patterns else ():
                expression = exact(self._patterns[number])
                found.extend(_ends(expression, number, block, start, stop))
            start = stop
        found.sort()
        return found


def _ends(expression: Any, number: int, block: bytes, start: int, stop: int) -> list[tuple[int, int]]:
    """The end of one match for every line in which it matches; one that ran over a line's end is looked for within."""
    found: list[tuple[int, int]] = []
    here = start
    while here < stop and (match := expression.search(block, here, stop)):
        begin = match.start()
        line_end = block.find(b"\n", begin, stop)
        line_end = stop if line_end < 0 else line_end
        end = match.end()
        if end > line_end:
            inner = expression.search(block, begin, line_end)
            end = inner.end() if inner else line_end
        found.append((max(end, 1), number))
        here = line_end + 1
    return found


def _made(patterns: Sequence[str]) -> Any:
    options = latin_options()
    options.max_mem = SET_MEMORY_BYTES
    made = re2.Set.SearchSet(options)
    for one in patterns:
        made.Add(byte_expression(one))
    if patterns:
        made.Compile()
    return made
