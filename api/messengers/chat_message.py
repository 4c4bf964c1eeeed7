"""What the chat answers, as a message. The same blocks are drawn by the console and the terminal in their own ways."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from agent.chat.reply import (
    Answered,
    Begun,
    Chart,
    Delta,
    Ended,
    Offer,
    Offers,
    Part,
    Progress,
    ProposedScript,
    Reference,
    Rows,
    Said,
    Tone,
)
from agent.chat.reply import Block as ChatBlock
from api.messengers.links import Links
from api.messengers.message import Button, Buttons, Code, Fact, Facts, Message, Note, Paragraph, Piece
from api.web.words import word
from knowledge.vocabulary import Language, Ruling

OFFER_MOST = 1_900
"""Characters of an offer that a button can carry; a longer one is typed by the person."""
CELL_MOST = 60
ROWS_MOST = 30
SAY, OPEN = "say", "open"


@dataclass
class Reply:
    """A reply as it comes in. ``message()`` is what can be shown at any moment of it."""

    language: Language
    links: Links
    blocks: list[ChatBlock] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    progress: str = ""
    written: str = ""
    is_over: bool = False
    """Nothing more comes, whether it ended well or not."""

    def take(self, part: Part) -> None:
        match part:
            case Progress():
                self.progress = part.text
            case Delta():
                self.written += part.text
            case Answered():
                self.blocks.append(part.answer)
                self.written, self.progress = "", ""
            case Ended():
                self.is_over, self.progress = True, ""
            case Begun():
                pass

    @property
    def charts(self) -> list[Chart]:
        return [block for block in self.blocks if isinstance(block, Chart)]

    def message(self) -> Message:
        pieces = [Note(text=note) for note in self.notes]
        drawn: list[Piece] = [*pieces]
        for block in self.blocks:
            drawn += drawn_block(block, self.language, self.links)
        if self.written:
            drawn.append(Paragraph(text=self.written))
        if not self.is_over:
            now = self.progress or word("messengers.looking", self.language)
            drawn.append(Note(text=now))
        plain = next((block.text for block in self.blocks if isinstance(block, Said)), "") or self.written
        return Message(
            pieces=tuple(drawn) or (Note(text="-"),),
            plain=plain or self.progress or word("messengers.looking", self.language),
            link=self.links.chat,
            more=word("messengers.more", self.language),
        )


def drawn_block(block: ChatBlock, language: Language, links: Links) -> list[Piece]:
    match block:
        case Said():
            return _said(block, language)
        case Rows():
            return _rows(block, language)
        case Chart():
            return [Note(text=word("messengers.chart_note", language, title=block.title, query=block.query))]
        case ProposedScript():
            return _script(block, language)
        case Reference():
            label, told = word("messengers.incident", language), f"{block.title} ({block.status})"
            link = links.incident(block.incident_id)
            return [Facts(facts=(Fact(label=label, value=told, link=link), Fact(label="ID", value=block.incident_id)))]
        case Offers():
            shown = [one for one in block.offers if len(one.text) <= OFFER_MOST]
            return [Buttons(buttons=tuple(_offer(one) for one in shown))] if shown else []


def _said(block: Said, language: Language) -> list[Piece]:
    drawn: list[Piece] = [Paragraph(text=block.text, tone=block.tone)]
    if block.citations:
        listed = "; ".join(f"[{at}] {one.title} ({one.kind} {one.id})" for at, one in enumerate(block.citations, 1))
        drawn.append(Note(text=f"{word('messengers.sources', language)}: {listed}"))
    return drawn


def _rows(block: Rows, language: Language) -> list[Piece]:
    shown = block.rows[:ROWS_MOST]
    drawn: list[Piece] = [Code(title=block.title, text=table(block.columns, shown))]
    left = block.left_out + len(block.rows) - len(shown)
    if left > 0:
        drawn.append(Note(text=word("messengers.left_out", language, count=left)))
    return drawn


def _script(block: ProposedScript, language: Language) -> list[Piece]:
    tone: Tone = "bad" if block.ruling in {Ruling.FORBIDDEN, Ruling.REFUSED} else "warning"
    told = f"{word('messengers.ruling', language)}: {block.ruling.value}"
    reasons = "\n".join(f"· {reason}" for reason in block.reasons)
    return [Code(text=block.script), Paragraph(text=f"{told}\n{reasons}".strip(), tone=tone)]


def _offer(offer: Offer) -> Button:
    return Button(label=offer.label, does=SAY if offer.does == "say" else OPEN, value=offer.text)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """In columns of one width each; a Chinese character takes two places."""
    lines = [[_cell(cell) for cell in row] for row in (columns, *rows)]
    widths = [max(_width(line[at]) for line in lines) for at in range(len(columns))]
    padded = ["  ".join(_padded(cell, width) for cell, width in zip(line, widths, strict=True)) for line in lines]
    rule = "  ".join("-" * width for width in widths)
    return "\n".join(line.rstrip() for line in (padded[0], rule, *padded[1:]))


def _cell(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= CELL_MOST else line[: CELL_MOST - 1] + "…"


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
