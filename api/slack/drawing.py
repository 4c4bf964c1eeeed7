"""A message or a form as Block Kit: within its limits, and without a character in it that Slack would read as its own.

Body text is rich text: its elements are typed, so a log line cannot become a mention, a link or bold. What does not fit is
counted and the reader is sent to the console.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from api.messengers.message import (
    Button,
    Buttons,
    Code,
    Entry,
    Fact,
    Facts,
    Form,
    Heading,
    Message,
    Note,
    Paragraph,
    Piece,
    Rule,
)
from api.slack.escaping import cut, fitted, literal, unmarked

Json = dict[str, Any]

TEXT_MOST = 3_000
HEADER_MOST = 150
BLOCKS_MOST = 50
MODAL_BLOCKS_MOST = 100
BUTTONS_MOST = 25
BUTTON_LABEL_MOST = 75
BUTTON_VALUE_MOST = 2_000
FALLBACK_MOST = 3_000
MODAL_TITLE_MOST = 24
PRIVATE_MOST = 3_000
CHARACTERS_MOST = 12_000
"""Of all text in one message. Slack refuses far longer ones as a whole, without saying where its bound is."""
MODAL_CHARACTERS_MOST = 40_000
CODE_MOST = 2_900
FACTS_MOST = 20

_TONES = {"plain": "", "good": "✅ ", "warning": "⚠️ ", "bad": "⛔ "}
_STYLES = {"good": "primary", "bad": "danger"}
PREFIX = "opsdesk."
"""Of our action ids: Bolt routes by it."""


def message_body(message: Message) -> Json:
    """``text`` and ``blocks`` of chat.postMessage and chat.update."""
    sheet = _Sheet(BLOCKS_MOST, CHARACTERS_MOST, message.link, message.more)
    return {"text": fitted(unmarked(message.plain), FALLBACK_MOST) or " ", "blocks": sheet.filled(message.pieces)}


def view_body(form: Form) -> Json:
    """A modal view."""
    entries = [_entry(entry) for entry in form.entries]
    sheet = _Sheet(MODAL_BLOCKS_MOST - len(entries), MODAL_CHARACTERS_MOST, form.link, form.more)
    view: Json = {
        "type": "modal",
        "callback_id": PREFIX + (form.does or "read"),
        "private_metadata": form.value[:PRIVATE_MOST],
        "title": _plain(form.title, MODAL_TITLE_MOST),
        "close": _plain(form.close, MODAL_TITLE_MOST),
        "blocks": [*sheet.filled(form.pieces), *entries],
    }
    if form.submit:
        view["submit"] = _plain(form.submit, MODAL_TITLE_MOST)
    return view


@dataclass
class _Sheet:
    """Takes pieces while there is room; one block is always kept for the word about what is left out."""

    most_blocks: int
    room: int
    link: str
    more: str
    blocks: list[Json] = field(default_factory=list)
    left_out: int = 0

    def filled(self, pieces: Sequence[Piece]) -> list[Json]:
        ends = [piece for piece in pieces if isinstance(piece, Buttons)]
        reserved = 1 + sum(-(-len(one.buttons) // BUTTONS_MOST) for one in ends)
        for piece in pieces:
            if isinstance(piece, Buttons):
                reserved -= -(-len(piece.buttons) // BUTTONS_MOST)
                self._rest_told()
                self.blocks.extend(_buttons(piece, len(self.blocks)))
            else:
                self._take(_drawn(piece), reserved)
        self._rest_told()
        return self.blocks

    def _take(self, drawn: list[tuple[Json, int]], reserved: int) -> None:
        for block, characters in drawn:
            fits = characters <= self.room and len(self.blocks) < self.most_blocks - reserved
            if self.left_out or not fits:
                self.left_out += 1
            else:
                self.room -= characters
                self.blocks.append(block)

    def _rest_told(self) -> None:
        """Said before the buttons, so that nobody decides without having seen that there is more."""
        if not self.left_out:
            return
        before, _, after = self.more.format(count=self.left_out, link="\x00").partition("\x00")
        elements: list[Json] = [_text(f"… {before}", bold=True)]
        if self.link:
            elements.append(_link(self.link, self.link))
        if after:
            elements.append(_text(after))
        self.blocks.append(_rich([{"type": "rich_text_section", "elements": elements}]))
        self.left_out = 0


def _drawn(piece: Piece) -> list[tuple[Json, int]]:
    """Blocks with the characters in each."""
    match piece:
        case Heading():
            text = fitted(" ".join(piece.text.split()), HEADER_MOST) or "-"
            return [({"type": "header", "text": {"type": "plain_text", "text": text, "emoji": False}}, len(text))]
        case Paragraph():
            return [_section([_text(part)], len(part)) for part in _parts(_TONES[piece.tone] + literal(piece.text))]
        case Facts():
            return [_facts(piece.facts[start : start + FACTS_MOST]) for start in range(0, len(piece.facts), FACTS_MOST)]
        case Code():
            return _code(piece)
        case Note():
            text = cut(literal(piece.text), TEXT_MOST // 2)
            element = {"type": "plain_text", "text": fitted(text, TEXT_MOST), "emoji": False}
            return [({"type": "context", "elements": [element]}, len(text))]
        case Rule():
            return [({"type": "divider"}, 0)]
        case Buttons():
            raise AssertionError("buttons are placed by the sheet")


def _code(piece: Code) -> list[tuple[Json, int]]:
    drawn: list[tuple[Json, int]] = []
    if piece.title:
        title = cut(literal(piece.title), TEXT_MOST // 2)
        drawn.append(_section([_text(title, bold=True)], len(title)))
    for part in _parts(literal(piece.text).rstrip("\n") or " ", CODE_MOST):
        element = {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": part}]}
        drawn.append((_rich([element]), len(part)))
    return drawn


def _facts(facts: Sequence[Fact]) -> tuple[Json, int]:
    elements: list[Json] = []
    most = TEXT_MOST // max(1, len(facts)) - 8
    for position, fact in enumerate(facts):
        if position:
            elements.append(_text("\n"))
        label = cut(literal(fact.label), 60)
        elements.append(_text(f"{label}: ", bold=True))
        if isinstance(fact.value, datetime):
            elements.append(_moment(fact.value))
            continue
        value = cut(literal(fact.value), max(20, most - len(label))) or "-"
        elements.append(_link(fact.link, value) if fact.link else _text(value))
    return _section(elements, sum(len(element.get("text", "") or "x" * 24) for element in elements))


def _section(elements: list[Json], characters: int) -> tuple[Json, int]:
    return _rich([{"type": "rich_text_section", "elements": elements}]), characters


def _rich(elements: list[Json]) -> Json:
    return {"type": "rich_text", "elements": elements}


def _text(text: str, *, bold: bool = False) -> Json:
    return {"type": "text", "text": text, "style": {"bold": True}} if bold else {"type": "text", "text": text}


def _link(url: str, text: str) -> Json:
    return {"type": "link", "url": url, "text": text}


def _moment(at: datetime) -> Json:
    """Drawn by Slack in the reader's zone, with how long ago it was."""
    told = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return {
        "type": "date",
        "timestamp": int(at.timestamp()),
        "format": "{date_num} {time_secs} ({ago})",
        "fallback": told,
    }


def _buttons(piece: Buttons, position: int) -> list[Json]:
    groups = [piece.buttons[start : start + BUTTONS_MOST] for start in range(0, len(piece.buttons), BUTTONS_MOST)]
    return [
        {"type": "actions", "elements": [_button(one, f"{position}.{row}.{place}") for place, one in enumerate(group)]}
        for row, group in enumerate(groups)
    ]


def _button(button: Button, place: str) -> Json:
    drawn: Json = {
        "type": "button",
        "text": _plain(button.label, BUTTON_LABEL_MOST),
        "action_id": f"{PREFIX}{button.does or 'look'}.{place}",
    }
    if button.value:
        drawn["value"] = button.value[:BUTTON_VALUE_MOST]
    if button.link:
        drawn["url"] = button.link
    if button.style in _STYLES:
        drawn["style"] = _STYLES[button.style]
    return drawn


def _entry(entry: Entry) -> Json:
    element: Json = {
        "type": "plain_text_input",
        "action_id": entry.key,
        "multiline": True,
        "max_length": min(entry.maximum, 3_000),
    }
    if entry.hint:
        element["placeholder"] = _plain(entry.hint, 150)
    return {
        "type": "input",
        "block_id": entry.key,
        "label": _plain(entry.label, 2_000),
        "element": element,
        "optional": not entry.is_required,
    }


def _plain(text: str, most: int) -> Json:
    return {"type": "plain_text", "text": fitted(" ".join(text.split()), most) or "-", "emoji": False}


def _parts(text: str, most: int = TEXT_MOST) -> list[str]:
    """The text in pieces that fit, broken at line ends where there are some."""
    parts = []
    while len(text) > most:
        end = text.rfind("\n", most // 2, most)
        end = most if end < 0 else end + 1
        parts.append(text[:end])
        text = text[end:]
    if text.strip():
        parts.append(text)
    return [part.rstrip("\n") or " " for part in parts]
