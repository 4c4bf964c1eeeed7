"""What Slack refuses of Block Kit, as its reference documents the limits; and what a reader would see of what it takes."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

SURFACES = {"message": 50, "modal": 100}
_KNOWN = {
    "message": {"header", "section", "context", "actions", "divider", "rich_text", "image"},
    "modal": {"header", "section", "context", "actions", "divider", "rich_text", "image", "input"},
}


def flaws(blocks: Any, surface: str) -> list[str]:
    """Why Slack would answer ``invalid_blocks``; empty when it would not."""
    if not isinstance(blocks, list):
        return ["blocks is no array"]
    found = [f"{len(blocks)} blocks: no more than {SURFACES[surface]}"] if len(blocks) > SURFACES[surface] else []
    identifiers = [block["block_id"] for block in blocks if "block_id" in block]
    if len(identifiers) != len(set(identifiers)):
        found.append("block_id is not unique")
    for index, block in enumerate(blocks):
        kind = block.get("type")
        if kind not in _KNOWN[surface]:
            found.append(f"blocks[{index}]: unsupported type {kind}")
        else:
            found += [f"blocks[{index}]: {flaw}" for flaw in _FLAWS.get(kind, lambda _: [])(block)]
    return found


def view_flaws(view: Json) -> list[str]:
    found = flaws(view.get("blocks"), "modal")
    found += _text(view.get("title"), 24, "title", {"plain_text"})
    for name in ("submit", "close"):
        if name in view:
            found += _text(view[name], 24, name, {"plain_text"})
    if any(block.get("type") == "input" for block in view.get("blocks", ())) and "submit" not in view:
        found.append("submit is needed beside inputs")
    if len(view.get("private_metadata", "")) > 3_000:
        found.append("private_metadata: no more than 3000 characters")
    if len(view.get("callback_id", "")) > 255:
        found.append("callback_id: no more than 255 characters")
    return found


def _text(value: Any, most: int, name: str, kinds: frozenset[str] | set[str]) -> list[str]:
    if not isinstance(value, dict) or value.get("type") not in kinds:
        return [f"{name}: no text object"]
    text = value.get("text", "")
    if not text:
        return [f"{name}: must be longer than 0 characters"]
    return [f"{name}: no more than {most} characters"] if len(text) > most else []


_BOTH = frozenset({"plain_text", "mrkdwn"})


def _header(block: Json) -> list[str]:
    return _text(block.get("text"), 150, "text", {"plain_text"})


def _section(block: Json) -> list[str]:
    fields = block.get("fields", [])
    found = [] if len(fields) <= 10 else ["fields: no more than 10"]
    for one in fields:
        found += _text(one, 2_000, "fields", _BOTH)
    if "text" in block or not fields:
        found += _text(block.get("text"), 3_000, "text", _BOTH)
    return found


def _context(block: Json) -> list[str]:
    elements = block.get("elements", [])
    found = [] if 0 < len(elements) <= 10 else ["elements: between 1 and 10"]
    for one in elements:
        found += _text(one, 3_000, "elements", _BOTH)
    return found


def _actions(block: Json) -> list[str]:
    elements = block.get("elements", [])
    found = [] if 0 < len(elements) <= 25 else ["elements: between 1 and 25"]
    identifiers = [one.get("action_id") for one in elements]
    if len(identifiers) != len(set(identifiers)):
        found.append("action_id is not unique")
    for one in elements:
        found += _text(one.get("text"), 75, "button", {"plain_text"})
        bounds = {"value": 2_000, "url": 3_000, "action_id": 255}
        found += [f"{name}: no more than {most}" for name, most in bounds.items() if len(one.get(name, "")) > most]
        if one.get("style", "primary") not in {"primary", "danger"}:
            found.append("style: primary or danger")
    return found


def _input(block: Json) -> list[str]:
    element = block.get("element", {})
    found = _text(block.get("label"), 2_000, "label", {"plain_text"})
    if element.get("type") != "plain_text_input":
        found.append("element: unsupported type")
    if not 1 <= element.get("max_length", 1) <= 3_000:
        found.append("max_length: between 1 and 3000")
    if "placeholder" in element:
        found += _text(element["placeholder"], 150, "placeholder", {"plain_text"})
    return found


def _rich(block: Json) -> list[str]:
    found = []
    characters = 0
    for element in block.get("elements", [])[:]:
        if element.get("type") not in {
            "rich_text_section",
            "rich_text_preformatted",
            "rich_text_list",
            "rich_text_quote",
        }:
            found.append(f"elements: unsupported type {element.get('type')}")
        for one in element.get("elements", ()):
            if one.get("type") not in {"text", "link", "date", "emoji"}:
                found.append(f"elements: {one.get('type')} is not expected of us")
            if one.get("type") == "text" and not one.get("text"):
                found.append("text: must be longer than 0 characters")
            if one.get("type") == "date" and not {"timestamp", "format"} <= one.keys():
                found.append("date: needs timestamp and format")
            characters += len(one.get("text", ""))
    if not block.get("elements"):
        found.append("elements: must not be empty")
    return [*found, "no more than 3000 characters"] if characters > 3_000 else found


_FLAWS = {
    "header": _header,
    "section": _section,
    "context": _context,
    "actions": _actions,
    "input": _input,
    "rich_text": _rich,
}

_CONTROL = re.compile(r"<([^<>\n]*)>")


def controls(text: str) -> list[str]:
    """What Slack would read as its own in a text object: mentions, links, broadcasts."""
    return _CONTROL.findall(text)


def text_objects(value: Any) -> Iterator[Json]:
    """Every text object of a payload, wherever it stands."""
    if isinstance(value, dict):
        if value.get("type") in _BOTH and "text" in value:
            yield value
        for part in value.values():
            yield from text_objects(part)
    elif isinstance(value, list):
        for part in value:
            yield from text_objects(part)


def seen(payload: Json) -> str:
    """What a person reads of a message or a view: the text of its blocks, one a line; buttons in square brackets."""
    lines = []
    for block in payload.get("blocks", ()):
        match block["type"]:
            case "rich_text":
                lines += ["".join(_run(one) for one in part["elements"]) for part in block["elements"]]
            case "actions":
                lines.append(" ".join(f"[{html.unescape(one['text']['text'])}]" for one in block["elements"]))
            case "context":
                lines += [html.unescape(one["text"]) for one in block["elements"]]
            case "input":
                lines.append(html.unescape(block["label"]["text"]) + ": ____")
            case "divider":
                lines.append("---")
            case _:
                lines.append(html.unescape(block["text"]["text"]))
    return "\n".join(lines)


def _run(element: Json) -> str:
    return str(element.get("text") or element.get("fallback") or element.get("url") or "")


def buttons(payload: Json) -> list[Json]:
    return [one for block in payload.get("blocks", ()) if block["type"] == "actions" for one in block["elements"]]
