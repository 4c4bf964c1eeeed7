"""What a chat model's ranking is worth: it is always shown, and it decides only where its checked claims carry it."""

from __future__ import annotations

from collections.abc import Sequence

from knowledge.vocabulary import Claim, Diagnosis, Hypothesis, Json, Text, Verdict

SURE = 0.75
"""An offline diagnosis this confident is not overruled by a model, only contradicted in the open."""


def weigh(offline: Diagnosis, second: Json, claims: Sequence[Claim]) -> Diagnosis:
    """The offline diagnosis with the model's order, explanation and checked claims beside it.

    The model's first choice becomes ours only when it is one of our hypotheses, at least one of its claims holds, none is
    contradicted, and our own confidence was below ``SURE``.
    """
    hypotheses = {h.id: h for h in (offline.chosen, offline.runner_up, *offline.others) if h is not None}
    order = tuple(
        dict.fromkeys(
            str(row.get("id", "")) for row in second.get("ranking", []) if str(row.get("id", "")) in hypotheses
        )
    )
    own_order = tuple(hypotheses)
    explanation = str(second.get("explanation", ""))[:1_500]
    held = sum(claim.standing == "holds" for claim in claims)
    contradicted = sum(claim.standing == "contradicted" for claim in claims)
    note = (
        f"second reading: {held} claims hold, {contradicted} contradicted, {len(claims) - held - contradicted} opinions"
    )
    if explanation:
        note += f". {explanation}"
    update: dict[str, object] = {"claims": tuple(claims), "model_note": note}
    if order and order != own_order[: len(order)]:
        update["model_order"] = order
    prefers_other = bool(order) and offline.chosen is not None and order[0] != offline.chosen.id
    if prefers_other and held and not contradicted and offline.confidence < SURE:
        return _with_choice(offline, hypotheses[order[0]], list(hypotheses.values()), update)
    return offline.model_copy(update=update)


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
