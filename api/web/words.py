"""Every word of the console, in English and Chinese. A missing key is an error in the tests, not a blank on a page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml
from starlette.requests import Request

from knowledge.vocabulary import Language, Text

LANGUAGE_COOKIE = "opsdesk_language"
_FILE = Path(__file__).parent / "words.yaml"


def _catalogue() -> Mapping[str, Text]:
    """``words.yaml``: group, then key, then ``[English, Chinese]``."""
    groups: dict[str, dict[str, list[str]]] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return {
        f"{group}.{key}": Text(en=pair[0], zh=pair[1]) for group, pairs in groups.items() for key, pair in pairs.items()
    }


WORDS = _catalogue()


def word(key: str, language: Language, **values: object) -> str:
    """The words of ``key`` with ``{name}`` filled from ``values``. KeyError for a key that there is not."""
    text = WORDS[key].within(language)
    return text.format(**values) if values else text


def language_of(request: Request) -> Language:
    """What the reader chose, else what the browser asks for, else English."""
    chosen = request.cookies.get(LANGUAGE_COOKIE, "")
    if chosen in set(Language):
        return Language(chosen)
    ranked = sorted(_asked_for(request.headers.get("accept-language", "")[:500]), key=lambda pair: -pair[1])
    for tag, _ in ranked:
        if tag.split("-")[0] in set(Language):
            return Language(tag.split("-")[0])
    return Language.EN


def _asked_for(header: str) -> list[tuple[str, float]]:
    found = []
    for part in header.lower().split(","):
        tag, _, weight = part.strip().partition(";q=")
        try:
            found.append((tag, float(weight) if weight else 1.0))
        except ValueError:
            continue
    return found
