"""What a chat model's ranking is worth: it is always shown, and it decides only where its checked claims carry it."""

from __future__ import annotations

from collections.abc import Sequence

from knowledge.vocabulary import Claim, Diagnosis, Hypothesis, Json, Language, Text, Verdict
from tools.redaction import redact_text

SURE = 0.75
"""An offline diagnosis this confident is not overruled by a model, only contradicted in the open."""
CLOSE = 0.05
"""Two hypotheses whose scores are this near stand side by side: which comes first is worth a second opinion."""
LONGEST_EXPLANATION = 1_500
STANDS = Text(en="The offline diagnosis stands", zh="离线诊断结论不变")


def weigh(offline: Diagnosis, second: Json, claims: Sequence[Claim], language: Language = Language.EN) -> Diagnosis:
    """The offline diagnosis with the model's order, explanation and checked claims beside it.

    The model's first choice becomes ours only when it is one of our hypotheses, at least one claim about it holds, none is
    contradicted, and our own confidence was below ``SURE`` or its score as good as ours. The note then names our own first choice.
    """
    hypotheses = {h.id: h for h in (offline.chosen, offline.runner_up, *offline.others) if h is not None}
    ranked = dict.fromkeys(str(row.get("id", "")) for row in second.get("ranking", []))
    order = tuple(name for name in ranked if name in hypotheses)
    contradicted = sum(claim.standing == "contradicted" for claim in claims)
    update: dict[str, object] = {"claims": tuple(claims)}
    if order and order != tuple(hypotheses)[: len(order)]:
        update["model_order"] = order
    first = hypotheses[order[0]] if order else None
    note = _counted(claims, len(ranked) - len(order), language)
    if first is not None and offline.chosen is not None and first.id != offline.chosen.id:
        carried = any(claim.standing == "holds" and _is_about(claim, first) for claim in claims)
        is_open = offline.confidence < SURE or offline.chosen.score - first.score < CLOSE
        if carried and not contradicted and is_open:
            note += f"; {_overruled(offline.chosen).within(language)}"
            update["model_note"] = note + _explained(second)
            return _with_choice(offline, first, list(hypotheses.values()), update)
        note += f"; {STANDS.within(language)}"
    update["model_note"] = note + _explained(second)
    return offline.model_copy(update=update)


def unread(offline: Diagnosis, why: str, language: Language) -> Diagnosis:
    """The offline diagnosis, and why no model has read it."""
    mark = "：" if language is Language.ZH else ": "
    return offline.model_copy(update={"model_note": f"{STANDS.within(language)}{mark}{why}"})


def _counted(claims: Sequence[Claim], invented: int, language: Language) -> str:
    held, contradicted = (sum(c.standing == standing for c in claims) for standing in ("holds", "contradicted"))
    opinions = len(claims) - held - contradicted
    if language is Language.ZH:
        note = f"模型复核：{held} 条断言成立，{contradicted} 条与证据矛盾，{opinions} 条无法核实"
        return note + (f"；忽略 {invented} 个不存在的假设" if invented else "")
    note = f"second reading: {held} claims hold, {contradicted} contradicted, {opinions} opinions"
    return note + (f"; {invented} invented hypotheses ignored" if invented else "")


def _explained(second: Json) -> str:
    explanation = redact_text(str(second.get("explanation", "")))[:LONGEST_EXPLANATION].strip()
    return f". {explanation}" if explanation else ""


def _overruled(own: Hypothesis) -> Text:
    return Text(
        en=f"its first choice is taken; the rules ranked {own.id} first: {own.title.en} on {own.object.key}",
        zh=f"采纳模型的首选；规则原先排第一的是 {own.id}：{own.object.key} {own.title.zh}",
    )


def _is_about(claim: Claim, choice: Hypothesis) -> bool:
    named = claim.object.rsplit("/", 1)[-1].strip().lower()
    return claim.evidence_id in choice.evidence_ids or named == choice.object.name.lower()


def _with_choice(
    offline: Diagnosis, choice: Hypothesis, hypotheses: Sequence[Hypothesis], update: dict[str, object]
) -> Diagnosis:
    others = [h for h in hypotheses if h.id != choice.id]
    summary = Text(
        en=f"{choice.title.en} on {choice.object.key}. {choice.explanation.en}",
        zh=f"{choice.object.key}：{choice.title.zh}。{choice.explanation.zh}",
    )
    return offline.model_copy(
        update={
            **update,
            "verdict": Verdict.FAULT,
            "chosen": choice,
            "runner_up": others[0] if others else None,
            "others": tuple(others[1:]),
            "summary": summary,
        }
    )
