"""The causal chain of a hypothesis as a tree, and the tree as text. Drawing it is the business of each face."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from knowledge.vocabulary import Hypothesis

BRANCH, LAST, THROUGH, BLANK = "├─ ", "└─ ", "│  ", "   "


@dataclass(frozen=True, slots=True)
class ChainNode:
    """``label`` is ``fault @ object``; ``relation`` how the node above it reaches it (empty at the root)."""

    label: str
    relation: str = ""
    effects: tuple[ChainNode, ...] = ()

    @property
    def fault(self) -> str:
        return self.label.partition(" @ ")[0]

    @property
    def object_key(self) -> str:
        return self.label.partition(" @ ")[2]


def chain_of(hypothesis: Hypothesis) -> ChainNode:
    """The root is the hypothesis; each effect hangs once, under what explains it most directly."""
    links: dict[str, list[tuple[str, str]]] = {}
    for link in hypothesis.chain:
        links.setdefault(link.cause, []).append((link.effect, link.relation))
    root = f"{hypothesis.fault} @ {hypothesis.object.key}"
    return _grown(root, "", links, {root})


def _grown(label: str, relation: str, links: dict[str, list[tuple[str, str]]], seen: set[str]) -> ChainNode:
    effects = []
    for effect, how in links.get(label, []):
        if effect not in seen:
            seen.add(effect)
            effects.append((effect, how))
    return ChainNode(label, relation, tuple(_grown(effect, how, links, seen) for effect, how in effects))


def chain_lines(node: ChainNode) -> list[str]:
    """The tree with box characters, one line a node: ``└─ selects: service-without-endpoints @ Service/shop/cart``."""
    return [node.label, *_indented(node, "")]


def _indented(node: ChainNode, indent: str) -> Iterator[str]:
    for number, effect in enumerate(node.effects, start=1):
        is_last = number == len(node.effects)
        yield f"{indent}{LAST if is_last else BRANCH}{effect.relation}: {effect.label}"
        yield from _indented(effect, indent + (BLANK if is_last else THROUGH))


__all__ = ["ChainNode", "chain_lines", "chain_of"]
