"""Many regular expressions against one short text, in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import re2

SET_MEMORY_BYTES = 256 * 1024 * 1024
"""RE2's set answers "nothing" when its automaton outgrows its memory: the default is too small for hundreds of patterns."""


class PatternSet:
    """The automaton is built when the first text is read: most sets never meet one."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = patterns
        self._set: Any = None

    def within(self, text: str) -> Sequence[int]:
        """The places, in the given list, of the patterns that occur in the text."""
        if self._set is None:
            options = re2.Options()
            options.max_mem = SET_MEMORY_BYTES
            self._set = re2.Set.SearchSet(options)
            for pattern in self._patterns:
                self._set.Add(pattern)
            self._set.Compile()
        found: Sequence[int] = self._set.Match(text) or ()  # RE2 says None for no match
        return found
