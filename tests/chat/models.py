"""Chat models as ports: one that says what a test scripts, a slow one, one that breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from knowledge.errors import ModelUnavailable
from knowledge.vocabulary import Json
from tools.ports import ModelAnswer


@dataclass
class ScriptedModel:
    """``sorts``: what it gives for a schema; ``writes``: the pieces it streams. ``fails`` / ``hangs``: instead of either."""

    sorts: Json = field(default_factory=lambda: {"intent": "unclear"})
    writes: tuple[str, ...] = ()
    fails: Exception | None = None
    hangs: bool = False
    asked: list[str] = field(default_factory=list)

    @property
    def profile(self) -> str:
        return "scripted"

    async def answer(
        self, system: str, user: str, *, schema: Json | None = None, max_tokens: int = 2_000
    ) -> ModelAnswer:
        del max_tokens
        self.asked.append(f"{system}\n{user}")
        await self._trouble()
        return ModelAnswer("", self.sorts if schema else None)

    async def stream(self, system: str, user: str, *, max_tokens: int = 2_000) -> AsyncIterator[str]:
        del max_tokens
        self.asked.append(f"{system}\n{user}")
        for piece in self.writes:
            yield piece
        await self._trouble()

    async def _trouble(self) -> None:
        if self.fails is not None:
            raise self.fails
        if self.hangs:
            await asyncio.Event().wait()


def away() -> ModelUnavailable:
    return ModelUnavailable("the model server failed", next_step="check it")
