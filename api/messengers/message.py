"""What the desk shows on a chat platform, in pieces that every platform draws in its own way.

Pieces hold plain text, never markup: telemetry stands in them. Whoever draws them escapes it, or hands it over in a form that
has no markup. A moment is a moment until it is drawn: its reader's zone is the platform's to know.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from agent.chat.reply import Tone
from knowledge.vocabulary import Noun

Style = Literal["plain", "good", "bad"]


class Heading(Noun):
    piece: Literal["heading"] = "heading"
    text: str


class Paragraph(Noun):
    piece: Literal["paragraph"] = "paragraph"
    text: str
    tone: Tone = "plain"


class Fact(Noun):
    label: str
    value: str | datetime
    link: str = ""
    """Where the value leads to, when it is text."""


class Facts(Noun):
    """Short values with their names, one line each."""

    piece: Literal["facts"] = "facts"
    facts: tuple[Fact, ...]


class Code(Noun):
    """What must be shown letter by letter: a script, a diff, a table."""

    piece: Literal["code"] = "code"
    text: str
    title: str = ""


class Note(Noun):
    """Small print."""

    piece: Literal["note"] = "note"
    text: str


class Button(Noun):
    """``does`` names what a press means, ``value`` what it is about. With ``link`` it only leads there."""

    label: str
    does: str
    value: str = ""
    style: Style = "plain"
    link: str = ""


class Buttons(Noun):
    piece: Literal["buttons"] = "buttons"
    buttons: tuple[Button, ...]


class Rule(Noun):
    """A line between two parts."""

    piece: Literal["rule"] = "rule"


Piece = Annotated[Heading | Paragraph | Facts | Code | Note | Buttons | Rule, Field(discriminator="piece")]


class Message(Noun):
    """``plain`` is the whole in one line, for notifications and readers aloud. ``link``: where the rest is when a platform
    cannot show all; ``more`` says so, with ``{count}`` for what is left out."""

    pieces: tuple[Piece, ...]
    plain: str
    link: str = ""
    more: str = "{count} more: {link}"


class Entry(Noun):
    """One thing that a person types into a form."""

    key: str
    label: str
    hint: str = ""
    is_required: bool = False
    maximum: int = Field(default=2_000, ge=1)


class Form(Noun):
    """A confirmation. ``does`` and ``value`` come back with what was typed."""

    title: str
    pieces: tuple[Piece, ...]
    entries: tuple[Entry, ...] = ()
    does: str = ""
    value: str = ""
    submit: str = ""
    """Empty: there is nothing to send, only to read."""
    close: str
    link: str = ""
    more: str = "{count} more: {link}"


class Picture(Noun):
    """A PNG. ``alt`` says the same to who cannot see it."""

    png: bytes
    title: str
    alt: str
