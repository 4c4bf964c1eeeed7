"""Why something is as it is: a live look, the cause with its citations, what else was seen, and the offer to open an incident."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import replace

from agent.chat.asking import EVERYWHERE, MOST_GAPS, Asking, gaps_told, headline, marks, offers, progress, said
from agent.chat.numbers import answer_metric
from agent.chat.reply import Answered, Citation, Offer, Part, Progress
from agent.chat.understood import Understood
from agent.look import Look, look
from knowledge.vocabulary import Hypothesis, RecalledCase, Verdict

MOST_CITED = 4
_SLOW = re.compile(r"(?i)\b(?:slow\w*|sluggish|lag\w*|latency|tim(?:e|es|ed|ing) ?out)\b|慢|卡顿|延迟|超时|时延")
MOST_CASES = 3


async def answer_diagnose(asked: Understood, asking: Asking) -> AsyncIterator[Part]:
    name = subject_of(asked, asking)
    yield progress(
        asking,
        f"looking at {name} in cluster {asking.cluster.name} ...",
        f"正在查看集群 {asking.cluster.name} 中的 {name}……",
    )
    deps = asking.deps
    asking.places.add(EVERYWHERE)
    focus = asking.focus_on(asked)
    found = await look(asking.cluster, focus, deps.collectors, deps.detectors, deps.clock, limits=deps.options.limits)
    for fact in found.evidence:
        if asking.may_hear_of(fact.object.namespace if fact.object else "", fact.object.name if fact.object else ""):
            asking.evidence[fact.id] = fact
    chosen = found.diagnosis.chosen
    if chosen is not None and not _may_tell(chosen, asking):
        yield said(
            asking.text(
                "There is a fault, but its cause lies outside your scope.", "存在故障，但其原因超出您的权限范围。"
            ),
            tone="warning",
        )
        return
    for part in _told(asked, found, asking):
        yield part
    cases = await _cases(found, asking)
    if cases:
        yield said(
            asking.text("Cases of this fault: ", "同类故障案例：")
            + "; ".join(f"{asking.of(case.title)} [{number}]" for number, case in enumerate(cases, start=1)),
            [Citation(kind="case", id=case.case_id, title=asking.of(case.title)) for case in cases],
        )
    if _is_slow(asked) and asking.cluster.metrics is not None:
        async for part in answer_metric(replace(asked, intent="metric", metric="latency"), asking):
            if not isinstance(part, Progress) and not (isinstance(part, Answered) and part.answer.block == "offers"):
                yield part
    yield _offers(asked, found, asking)


def _is_slow(asked: Understood) -> bool:
    """A slow service may have no fault at all: then its latency is what can be told."""
    return asked.target is not None and bool(_SLOW.search(asked.words))


def _may_tell(one: Hypothesis, asking: Asking) -> bool:
    return asking.may_hear_of(one.object.namespace, one.object.name)


def subject_of(asked: Understood, asking: Asking) -> str:
    if asked.target is not None:
        return f"{asked.target.namespace}/{asked.target.name}"
    if asked.node is not None:
        return asked.node.name
    return asked.namespace or asking.text("everything", "全部对象")


def _told(asked: Understood, found: Look, asking: Asking) -> list[Part]:
    diagnosis = found.diagnosis
    chosen = diagnosis.chosen
    tone = {Verdict.FAULT: "bad", Verdict.NO_FAULT: "good"}.get(diagnosis.verdict, "warning")
    summary = asking.of(diagnosis.summary)
    parts: list[Part] = []
    if chosen is None:
        parts.append(said(summary, tone=tone))
    else:
        is_whole = "*" in asking.scope.services
        if not is_whole:  # the summary names what follows from it, other services among them
            summary = f"{chosen.object.key}: {asking.of(chosen.title)}"
        citations = asking.cited(chosen.evidence_ids)[:MOST_CITED]
        sure = asking.text(f"Confidence {diagnosis.confidence:.0%}.", f"置信度 {diagnosis.confidence:.0%}。")
        parts.append(said(f"{summary} {marks(len(citations))} {sure}", citations, tone))
        why = asking.of(chosen.explanation)
        if is_whole and why and why not in summary:
            parts.append(said(why))
        parts += _others(asked, found, asking)
    if diagnosis.gaps and diagnosis.verdict is not Verdict.NO_FAULT:
        parts += gaps_told(asking, diagnosis.gaps[: MOST_GAPS + 1])
    return parts


def _others(asked: Understood, found: Look, asking: Asking) -> list[Part]:
    """The runner-up; and, where the cause lies elsewhere than asked, that it does."""
    chosen, runner_up = found.diagnosis.chosen, found.diagnosis.runner_up
    assert chosen is not None
    parts: list[Part] = []
    if asked.target is not None and not _is_about(chosen, asked):
        name = asked.target.name
        parts.append(
            said(asking.text(
                f"This is the clearest fault in sight; that it is what troubles {name} is not proven unless the chain says so.",
                f"这是目前最明确的故障；除非因果链有所显示，否则并不能证明它就是 {name} 的问题所在。",
            ), tone="warning")
        )  # fmt: skip
    if runner_up is not None and _may_tell(runner_up, asking):
        citations = asking.cited(runner_up.evidence_ids)[:2]
        text = f"{runner_up.object.key}: {asking.of(runner_up.title)} {marks(len(citations))}"
        parts.append(said(asking.text(f"Runner-up: {text}", f"其次可能：{text}"), citations))
    return parts


def _is_about(chosen: Hypothesis, asked: Understood) -> bool:
    assert asked.target is not None
    name = asked.target.name
    keys = {chosen.object.key, *(link.effect for link in chosen.chain), *(link.cause for link in chosen.chain)}
    return any(key.rsplit("/", 1)[-1] == name or key.rsplit("/", 1)[-1].startswith(f"{name}-") for key in keys)


async def _cases(found: Look, asking: Asking) -> list[RecalledCase]:
    chosen = found.diagnosis.chosen
    if chosen is None:
        return []
    return await asyncio.to_thread(asking.shelf.recall, [chosen.fault], reach=asking.scope, limit=MOST_CASES)


def _offers(asked: Understood, found: Look, asking: Asking) -> Part:
    name = asked.target.name if asked.target else asked.node.name if asked.node else ""
    made = []
    if found.diagnosis.verdict is not Verdict.NO_FAULT:
        text = headline(asked.words, 400) or asking.text(f"diagnose {name}", f"诊断 {name}")
        made.append(Offer(label=asking.text("Open an incident", "转为事件单"), does="open", text=text))
    if asked.target is not None:
        made.append(
            Offer(
                label=asking.text("Its logs", "查看日志"),
                does="say",
                text=asking.text(f"logs of {name}", f"{name} 的日志"),
            )
        )
        made.append(
            Offer(label=asking.text("What changed", "最近变更"), does="say", text=asking.text(f"recent changes of {name}", f"{name} 最近改过什么"))
        )  # fmt: skip
    if not made:
        made.append(Offer(label=asking.text("What changed lately", "最近变更"), does="say", text=asking.text("what changed in the last hour", "最近一小时有什么变更")))  # fmt: skip
    return offers(*made)
