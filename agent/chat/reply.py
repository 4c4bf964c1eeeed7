"""What the chat answers, in blocks that every face draws in its own way: the console, Slack, a terminal, JSON.

A block holds plain text, never markup: whoever draws it escapes it. Times are aware; a face shows them in its reader's zone.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from knowledge.vocabulary import Noun, Ruling

CitationKind = Literal["evidence", "case", "document", "incident", "metric", "finding"]
Tone = Literal["plain", "good", "warning", "bad"]


class Citation(Noun):
    """What a sentence rests on. ``id`` is found under ``kind`` in the ledger or the library; ``metric``: the PromQL itself."""

    kind: CitationKind
    id: str
    title: str


class Said(Noun):
    """A paragraph. ``[1]`` in ``text`` is the first of ``citations``."""

    block: Literal["said"] = "said"
    text: str
    tone: Tone = "plain"
    citations: tuple[Citation, ...] = ()


class Rows(Noun):
    """A small table; every row has as many cells as ``columns``."""

    block: Literal["rows"] = "rows"
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: int = 0
    """Rows that there are beyond those shown."""


class Line(Noun):
    """One series: points of (time, value), in order of time. A missing value is left out."""

    label: str
    points: tuple[tuple[datetime, float], ...]


class Chart(Noun):
    """Numbers over time, with the query that anybody can run again. ``unit`` as Prometheus spells base units."""

    block: Literal["chart"] = "chart"
    title: str
    query: str
    unit: str
    lines: tuple[Line, ...]
    onset: datetime | None = None
    """Where the trouble began: drawn as a mark."""


class ProposedScript(Noun):
    """A change, reviewed offline; it runs only as an incident's plan, after its approvals."""

    block: Literal["script"] = "script"
    script: str
    ruling: Ruling
    reasons: tuple[str, ...] = ()


class Reference(Noun):
    """An incident that this led to, or that is meant."""

    block: Literal["incident"] = "incident"
    incident_id: str
    title: str
    status: str


class Offer(Noun):
    """What can be said or done next. ``say``: sent as if the person had typed it; ``open``: opens an incident with it."""

    label: str
    does: Literal["say", "open"]
    text: str


class Offers(Noun):
    block: Literal["offers"] = "offers"
    offers: tuple[Offer, ...]


Block = Annotated[Said | Rows | Chart | ProposedScript | Reference | Offers, Field(discriminator="block")]


class Begun(Noun):
    """The first part: where the reply will be kept."""

    part: Literal["begun"] = "begun"
    conversation_id: str


class Progress(Noun):
    """Something is being looked at; shown until the next part comes."""

    part: Literal["progress"] = "progress"
    text: str


class Delta(Noun):
    """More of the last paragraph, as a model writes it. The block that ends it repeats the whole, checked."""

    part: Literal["delta"] = "delta"
    text: str


class Answered(Noun):
    """A finished block."""

    part: Literal["answered"] = "answered"
    answer: Block


class Ended(Noun):
    """The reply is whole and kept. ``message_id`` names it in its conversation."""

    part: Literal["ended"] = "ended"
    message_id: str
    understood_as: str
    """The intent, as the engine names it; ``unclear`` when it did not understand."""
    conversation_id: str = ""


Part = Annotated[Begun | Progress | Delta | Answered | Ended, Field(discriminator="part")]
