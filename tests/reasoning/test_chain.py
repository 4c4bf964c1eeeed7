"""The causal chain as a tree, as text and as a drawing."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from agent.reasoning.chain import chain_lines, chain_of
from api.web.chain_drawing import draw_chain
from knowledge.vocabulary import ChainLink, Hypothesis, ObjectRef, Text


def hypothesis(*links: tuple[str, str, str]) -> Hypothesis:
    return Hypothesis(
        id="h-1",
        fault="disk-full",
        object=ObjectRef(cluster="c", kind="Node", namespace="", name="n1"),
        title=Text(en="disk", zh="磁盘"),
        explanation=Text(en="disk", zh="磁盘"),
        score=0.9,
        chain=tuple(ChainLink(cause=cause, effect=effect, relation=relation) for cause, effect, relation in links),
    )


ROOT, EVICTED, EMPTY, GATEWAY = (
    "disk-full @ Node/n1",
    "evicted @ Pod/a/p",
    "no-endpoints @ Service/a/s",
    "5xx @ Ingress/a/i",
)
LONG = hypothesis((ROOT, EVICTED, "runs_on"), (EVICTED, EMPTY, "selects"), (EMPTY, GATEWAY, "routes"))


def test_chain_is_told_from_cause_to_last_effect() -> None:
    assert chain_lines(chain_of(LONG)) == [
        ROOT,
        f"└─ runs_on: {EVICTED}",
        f"   └─ selects: {EMPTY}",
        f"      └─ routes: {GATEWAY}",
    ]


def test_chain_ends_when_links_lead_back() -> None:
    lines = chain_lines(
        chain_of(hypothesis((ROOT, EVICTED, "runs_on"), (EVICTED, ROOT, "same"), (EVICTED, EVICTED, "same")))
    )
    assert lines == [ROOT, f"└─ runs_on: {EVICTED}"]


def test_drawing_is_well_formed_and_shows_every_object_when_names_are_hostile() -> None:
    evil = '5xx @ Ingress/a/<script>alert("x")</script>'
    drawn = draw_chain(
        chain_of(hypothesis((ROOT, EVICTED, "runs_on"), (EVICTED, evil, "routes"))), {ROOT: "磁盘写满" * 20}, "chain"
    )
    assert "<script" not in drawn
    texts = [one.text or "" for one in ET.fromstring(str(drawn)).iter() if one.tag.endswith("text")]
    assert "Node/n1" in texts
    assert "Pod/a/p" in texts
    assert any("<script>" in text for text in texts)


def test_nothing_is_drawn_when_the_cause_explains_nothing() -> None:
    assert draw_chain(chain_of(hypothesis()), {}, "chain") == ""
