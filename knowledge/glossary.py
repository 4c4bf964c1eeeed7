"""Chinese operations words into English, before a text is embedded.

The bundled embedding model knows hardly any Chinese: most characters become one unknown token. A fixed glossary of
operations words turns 推理服务显存不足 into "inference service CUDA out of memory GPU", which the model does know. What
the glossary does not know is left out of the text to embed; :attr:`Translation.coverage` says how much that was, so that
the search can trust words over meaning when little is left.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import yaml

from knowledge.vocabulary import Language

HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_WIDE = str.maketrans("，。；：？！（）【】、“”‘’《》", ",.;:?!()[],\"\"''<>")
# Particles carry no meaning that an embedding could use; leaving them out does not count as a loss.
_PARTICLES = frozenset(
    "的了是在和与及或被把就也都着过吗呢吧啊很个这那有我你他它们请到从对为中上下里时后会要能后再还又不"
)


@dataclass(frozen=True)
class Translation:
    """``text`` has no Chinese characters; ``coverage`` is the share of the Chinese characters that the glossary knew
    (1.0 for a text without any)."""

    text: str
    coverage: float


class Glossary:
    """Longest match first, from left to right. Immutable, safe to share."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self._words = dict(words)
        self._longest = max(map(len, self._words), default=0)

    @property
    def words(self) -> Mapping[str, str]:
        return self._words

    def translate(self, text: str) -> Translation:
        if not HAN.search(text):
            return Translation(text, 1.0)
        text = text.translate(_WIDE)
        parts: list[str] = []
        known = unknown = at = 0
        while at < len(text):
            word = self._match(text, at)
            if word:
                parts.append(f" {self._words[word]} ")
                known += len(HAN.findall(word))
                at += len(word)
                continue
            if HAN.match(text[at]):
                unknown += text[at] not in _PARTICLES
                parts.append(" ")
            else:
                parts.append(text[at])
            at += 1
        translated = re.sub(r"[ \t]+", " ", "".join(parts)).strip()
        return Translation(translated, known / (known + unknown) if known + unknown else 0.0)

    def _match(self, text: str, at: int) -> str:
        for length in range(min(self._longest, len(text) - at), 0, -1):
            if (word := text[at : at + length]) in self._words:
                return word
        return ""


@lru_cache(maxsize=1)
def bundled_glossary() -> Glossary:
    """The glossary that comes with the desk."""
    text = files("knowledge").joinpath("glossary.yaml").read_text(encoding="utf-8")
    words = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe loaders
    return Glossary({str(zh): str(en) for zh, en in words.items()})


def language_of(text: str) -> Language:
    """Chinese when at least a tenth of the letters are Chinese characters: runbooks mix in English names freely."""
    han = len(HAN.findall(text))
    latin = len(re.findall(r"[A-Za-z]+", text))
    return Language.ZH if han and han * 10 >= han + latin else Language.EN
