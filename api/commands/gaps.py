"""What could not be read, as few lines as it takes: forty missing rights of one identity are one thing to put right."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from api.commands.words import word
from knowledge.vocabulary import Gap, Language

MOST_CHARACTERS = 300

_FORBIDDEN = re.compile(r'^(?:cluster \S+: )?(?P<asked>\w+ \S+): .*is forbidden: User "(?P<user>[^"]+)"', re.DOTALL)
_CLUSTER = re.compile(r"^cluster \S+: ")


@dataclass
class Told:
    """One line for gaps that are filled by the same step."""

    text: str
    next_step: str
    parts: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        said = self.text + (": " + ", ".join(self.parts) if self.parts else "")
        return said if len(said) <= MOST_CHARACTERS or self.parts else said[: MOST_CHARACTERS - 4] + " ..."


def told(gaps: Iterable[Gap], language: Language = Language.EN) -> list[Told]:
    """Grouped by what is said and what fills it, in the order in which they first appear."""
    groups: dict[tuple[str, str], Told] = {}
    for text, part, next_step in _read(gaps, language):
        group = groups.setdefault((text, next_step), Told(text, next_step))
        if part and part not in group.parts:
            group.parts.append(part)
    return list(groups.values())


def _read(gaps: Iterable[Gap], language: Language) -> Iterator[tuple[str, str, str]]:
    for gap in gaps:
        forbidden = _FORBIDDEN.match(gap.reason)
        if forbidden:
            yield f"{forbidden['user']} {word('may not', language)}", forbidden["asked"], gap.next_step
        else:
            reason = " ".join(_CLUSTER.sub("", gap.reason).split())
            yield f"{gap.source}: {reason}", "", gap.next_step
