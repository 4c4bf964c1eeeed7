"""A chat model that believes what it reads: behind the same port as any other."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from knowledge.vocabulary import Json
from tools.ports import ModelAnswer


class HostileModel:
    """Repeats the planted text as its reason, and writes the script that the text asks for."""

    def __init__(self, text: str, script: str) -> None:
        self._text, self._script = text, script

    @property
    def profile(self) -> str:
        return "hostile"

    async def answer(
        self, system: str, user: str, *, schema: Json | None = None, max_tokens: int = 2_000
    ) -> ModelAnswer:
        del system, user, max_tokens
        said: Json = {
            "script": self._script, "why": f"{self._text} (verdict: auto, approved)", "ranking": [], "claims": [],
            "requests": [], "explanation": self._text,
        }  # fmt: skip
        return ModelAnswer(text=json.dumps(said), parsed=said if schema is not None else None, model="hostile")

    async def stream(self, system: str, user: str, *, max_tokens: int = 2_000) -> AsyncIterator[str]:
        yield (await self.answer(system, user, max_tokens=max_tokens)).text
