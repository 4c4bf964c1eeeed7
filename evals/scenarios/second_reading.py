"""What a chat model makes of an offline look: the same prompt, schema and weighing as in an incident, without rounds of
further evidence, because nothing stands still while a model is asked for more."""

from __future__ import annotations

from agent.consult import DIAGNOSE_SCHEMA, shown_evidence
from agent.look import Look
from agent.prompts import prompt
from agent.reasoning.claims import check_claims
from agent.reasoning.second_reading import weigh
from knowledge.errors import ModelAnswerInvalid, ModelUnavailable
from knowledge.vocabulary import Diagnosis, Language
from tools.ports import ChatModel
from tools.redaction import redact_text

MOST_HYPOTHESES = 8


async def read_again(
    look: Look, question: str, model: ChatModel, language: Language = Language.EN
) -> tuple[Diagnosis, str]:
    """The diagnosis with the model's order, and a note when it could not be had: a model only adds."""
    offline = look.diagnosis
    hypotheses = [one for one in (offline.chosen, offline.runner_up, *offline.others) if one is not None][
        :MOST_HYPOTHESES
    ]
    cited = {evidence_id for one in hypotheses for evidence_id in one.evidence_ids}
    shown = shown_evidence(sorted(look.evidence, key=lambda item: item.id not in cited))
    system, user = prompt(
        "diagnose",
        language=language.value,
        question=question[:2_000],
        hypotheses=[
            {
                "id": one.id,
                "title": one.title.within(language),
                "key": one.object.key,
                "score": one.score,
                "explanation": one.explanation.within(language),
            }
            for one in hypotheses
        ],
        gaps=offline.gaps[-10:],
        evidence=shown,
        rounds_left=0,
    )
    try:
        answer = await model.answer(system, redact_text(user), schema=DIAGNOSE_SCHEMA)
    except (ModelUnavailable, ModelAnswerInvalid) as error:
        return offline, f"{error.title}: {error.message}"
    if answer.parsed is None:
        return offline, "the model gave no usable answer"
    claims = check_claims(answer.parsed.get("claims", []), {item.id: item for item in shown})
    return weigh(offline, answer.parsed, claims, language), ""
