"""Every question that was put to a chat model, with what it cost and what came of it: the ground of reports on its use."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from knowledge.ledger.ids import new_id
from knowledge.ledger.rows.figures import ModelCallRow
from knowledge.ledger.store import Store
from knowledge.vocabulary import Noun

CallOutcome = Literal["answered", "unavailable", "invalid", "timeout", "failed"]


class ModelCall(Noun):
    """``purpose`` is the stage that asked (diagnose, answer, plan, chat). ``invalid``: an answer that fits no schema.
    ``is_estimated``: the server told no counts, or none for a call that failed."""

    incident_id: str = ""
    purpose: str = ""
    profile: str
    model: str = ""
    outcome: CallOutcome
    input_tokens: int = Field(default=0, ge=0)
    output_tokens: int = Field(default=0, ge=0)
    cost: float = Field(default=0.0, ge=0)
    seconds: float = Field(default=0.0, ge=0)
    is_estimated: bool = False


class ModelCalls:
    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, call: ModelCall) -> datetime:
        """Keeps it; returns when."""
        with self._store.write() as writing:
            row = ModelCallRow(id=new_id("mdl", writing.at), at=writing.at, **call.model_dump())
            writing.session.add(row)
            return writing.at
