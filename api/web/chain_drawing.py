"""The causal chain drawn as SVG: cause on the left, each effect one column further right. No script, no outside font; colours
are the page's own (``currentColor`` and classes), so that it follows light and dark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup, escape

from agent.reasoning.chain import ChainNode

BOX_WIDTH, BOX_HEIGHT, GAP_X, GAP_Y, MARGIN = 250, 48, 92, 14, 6
LONGEST = 34
MOST_NODES = 60


@dataclass(slots=True)
class _Placed:
    node: ChainNode
    x: int
    y: float
    parent: _Placed | None


def draw_chain(root: ChainNode, titles: Mapping[str, str], label: str) -> Markup:
    """``titles`` gives the words to show for a node's label where they are known; ``label`` names the picture to a screen
    reader. Empty when the cause explains nothing else: one box is no chain."""
    if not root.effects:
        return Markup("")
    placed: list[_Placed] = []
    rows = _place(root, 0, 0.0, None, placed)
    width = max(one.x for one in placed) + BOX_WIDTH + MARGIN
    height = int(rows * (BOX_HEIGHT + GAP_Y)) + MARGIN
    edges = Markup("").join(_edge(one) for one in placed if one.parent is not None)
    boxes = Markup("").join(_box(one, titles) for one in placed)
    return Markup(
        '<svg class="chain-drawing" role="img" aria-label="{label}" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        "<title>{label}</title>{edges}{boxes}</svg>"
    ).format(label=label, width=width, height=height, edges=edges, boxes=boxes)


def _place(node: ChainNode, depth: int, row: float, parent: _Placed | None, placed: list[_Placed]) -> float:
    """Depth first; a node stands in the middle of what it explains. Returns the next free row."""
    here = _Placed(node, MARGIN + depth * (BOX_WIDTH + GAP_X), 0.0, parent)
    placed.append(here)
    first = row
    for effect in node.effects:
        if len(placed) < MOST_NODES:
            row = _place(effect, depth + 1, row, here, placed)
    end = max(row, first + 1)
    here.y = MARGIN + (first + end - 1) / 2 * (BOX_HEIGHT + GAP_Y)
    return end


def _edge(one: _Placed) -> Markup:
    assert one.parent is not None
    start_x, start_y = one.parent.x + BOX_WIDTH, one.parent.y + BOX_HEIGHT / 2
    end_y = one.y + BOX_HEIGHT / 2
    middle = (start_x + one.x) / 2
    return Markup(
        '<path class="edge" d="M{a} {b} C{m} {b} {m} {d} {c} {d}"/><path class="tip" d="M{c} {d} l-7 -4 v8 z"/>'
        '<text class="rel" x="{t}" y="{u}" text-anchor="end">{relation}</text>'
    ).format(a=start_x, b=start_y, m=middle, c=one.x, d=end_y, t=one.x - 9, u=end_y - 5, relation=one.node.relation)


def _box(one: _Placed, titles: Mapping[str, str]) -> Markup:
    said = titles.get(one.node.label, one.node.fault)
    return Markup(
        '<g class="{kind}"><title>{whole}</title><rect x="{x}" y="{y}" width="{w}" height="{h}" rx="7"/>'
        '<text x="{t}" y="{first}">{said}</text><text class="where" x="{t}" y="{second}">{where}</text></g>'
    ).format(
        kind="root" if one.parent is None else "effect",
        whole=f"{said} ({one.node.object_key})",
        x=one.x,
        y=one.y,
        w=BOX_WIDTH,
        h=BOX_HEIGHT,
        t=one.x + 10,
        first=one.y + 20,
        second=one.y + 37,
        said=escape(_short(said)),
        where=escape(_short(one.node.object_key)),
    )


def _short(text: str) -> str:
    """Cut to what the box holds; a Chinese character takes two places."""
    taken, used = "", 0
    for letter in text:
        used += 2 if ord(letter) > 0x2E7F else 1
        if used > LONGEST:
            return taken.rstrip() + "…"
        taken += letter
    return taken


__all__ = ["draw_chain"]
