"""Writes the script: what a person ordered, the remedy that the detector or a case knows, or what the model proposes.

Whoever wrote it, it goes through the same translation and the same review.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from agent.consult import SCRIPT_SCHEMA, consult, shown_evidence
from agent.deps import Deps
from agent.gathering import snapshot_of, take_baseline
from agent.prompts import prompt
from agent.reasoning.orders import FORMS, line_for, order_in, script_in
from agent.reasoning.remedies import filled
from agent.reasoning.scope import beyond
from agent.reasoning.topology import build_topology
from agent.state import IncidentState, JsonObject
from knowledge.errors import OpsdeskError, ScriptRefused
from knowledge.vocabulary import (
    Diagnosis,
    Evidence,
    Finding,
    Focus,
    Hypothesis,
    Mode,
    ObjectRef,
    Plan,
    Remedy,
    Text,
    Triage,
)
from tools.redaction import redact_text
from tools.review import make_plan

TOPOLOGY_STEPS = 3
OWN = ("desk", "case ")
"""Scripts of these come from the diagnosis alone, whose evidence was gathered within the asker's reach."""
MOST_NEAR = 400
MOST_EVIDENCE = 200
WORKLOADS = (("Deployment", "deployment"), ("StatefulSet", "statefulset"), ("DaemonSet", "daemonset"))


@dataclass(frozen=True)
class Draft:
    """A script or manual steps before translation, or why there is neither."""

    script: str = ""
    manual: tuple[Text, ...] = ()
    written_by: str = "desk"
    reason: str = ""
    target: ObjectRef | None = None
    use: JsonObject | None = None
    is_diagnosed: bool = False
    instead: tuple[Text, ...] = ()
    """Manual steps known offline, for when a model's script turns out to be none."""


async def run(state: IncidentState, deps: Deps) -> IncidentState:
    incident_id = state["incident_id"]
    incident = await asyncio.to_thread(deps.ledger.incidents.get, incident_id)
    triage = Triage.model_validate(state["triage"])
    if deps.mode(incident.cluster) is Mode.READ_ONLY:
        return await _none(incident_id, deps, f"cluster {incident.cluster} is read-only: no script is written")
    is_order = triage.intent.value == "change_request"
    draft = await (_ordered(state, triage, deps) if is_order else _remedy(state, triage, deps))
    update: IncidentState = {"model_use": draft.use} if draft.use else {}
    if not draft.script and not draft.manual:
        return {**update, **await _none(incident_id, deps, draft.reason)}
    try:
        plan = await _translated(incident_id, incident.cluster, incident.requester, draft, triage.focus, deps)
    except ScriptRefused as error:
        reason = f"the script cannot be translated, line {error.line} column {error.column}: {error.message}"
        refused = await _none(incident_id, deps, redact_text(reason)[:1_000], script=draft.script)
        if not draft.instead:
            return {**update, **refused}
        draft = replace(draft, script="", manual=draft.instead, written_by="desk", reason=refused["plan_reason"])
        plan = await _translated(incident_id, incident.cluster, incident.requester, draft, triage.focus, deps)
    outside = [] if plan.written_by.startswith(OWN) else beyond(plan, triage.focus.reach)
    if outside:
        reason = f"outside the requester's scope: {'; '.join(outside)}"[:1_000]
        return {**update, **await _none(incident_id, deps, reason, script=plan.script)}
    await asyncio.to_thread(deps.ledger.plans.put, plan)
    if is_order:
        # What was wrong before an ordered change is the mark that "worse" is measured from afterwards.
        await take_baseline(incident_id, triage.focus, plan, deps)
    summary = Text(
        en=f"Plan of {len(plan.steps)} steps and {len(plan.manual_steps)} manual steps, written by {plan.written_by}",
        zh=f"方案：{len(plan.steps)} 个步骤、{len(plan.manual_steps)} 个人工步骤，来源 {plan.written_by}",
    )
    data = plan.model_dump(mode="json")
    await asyncio.to_thread(deps.ledger.timeline.add, incident_id, "plan", plan.written_by, summary, data)
    return {**update, "plan_id": plan.id, "plan_reason": draft.reason}


async def _none(incident_id: str, deps: Deps, reason: str, script: str = "") -> IncidentState:
    summary = Text(en=f"No plan: {reason}", zh=f"没有可执行的方案：{reason}")
    await asyncio.to_thread(deps.ledger.timeline.add, incident_id, "plan", "opsdesk", summary, {"script": script})
    return {"plan_id": "", "plan_reason": reason}


async def _translated(incident_id: str, cluster: str, requester: str, draft: Draft, focus: Focus, deps: Deps) -> Plan:
    kinds = await deps.cluster(cluster).reader.kinds()
    plan = make_plan(
        draft.script,
        incident_id=incident_id,
        cluster=cluster,
        written_by=draft.written_by,
        now=deps.clock.now(),
        requester=requester,
        reason=draft.reason,
        diagnosed_object=draft.target if draft.is_diagnosed else None,
        manual=draft.manual,
        kinds=kinds,
    )
    if not draft.is_diagnosed:
        return plan
    return plan.model_copy(update={"topology_keys": await _near(incident_id, draft.target, focus, deps)})


async def _near(incident_id: str, target: ObjectRef | None, focus: Focus, deps: Deps) -> tuple[str, ...] | None:
    """What lies around the diagnosed object: a step outside of it needs two approvers, whatever talked us into it."""
    if target is None:
        return None
    snapshot = await snapshot_of(incident_id, focus, deps)
    topology = await asyncio.to_thread(build_topology, snapshot)
    return tuple(sorted(topology.around(target.key, TOPOLOGY_STEPS)))[:MOST_NEAR]


# --- a person ordered it --------------------------------------------------------------------------------------------


async def _ordered(state: IncidentState, triage: Triage, deps: Deps) -> Draft:
    script = script_in(triage.question)
    if script:
        return Draft(script=script, written_by="requester", reason="as written in the ticket")
    order = order_in(triage.question)
    if order is None:
        return await _by_model(state, triage, None, deps, request=triage.question)
    namespace = order.namespace or (triage.focus.namespaces[0] if triage.focus.namespaces else "")
    if order.verb in {"cordon", "uncordon"}:
        target = ObjectRef(cluster=triage.focus.cluster, kind="Node", name=order.name)
        return Draft(script=line_for(order, "node", ""), reason="as ordered in the ticket", target=target)
    found = await _workloads_named(order.name, namespace, triage, deps)
    if len(found) == 1:
        kind, word, where = found[0]
        target = ObjectRef(cluster=triage.focus.cluster, kind=kind, namespace=where, name=order.name)
        return Draft(script=line_for(order, word, where), reason="as ordered in the ticket", target=target)
    if not found:
        return Draft(reason=f"no workload named {order.name!r} was found" + (f" in {namespace}" if namespace else ""))
    places = ", ".join(f"{word}/{order.name} in {where}" for _, word, where in found)
    return Draft(reason=f"{order.name!r} is ambiguous: {places}; name the namespace")


async def _workloads_named(name: str, namespace: str, triage: Triage, deps: Deps) -> list[tuple[str, str, str]]:
    """Workloads of that name within the asker's reach: (kind, kubectl word, namespace)."""
    reader = deps.cluster(triage.focus.cluster).reader
    kinds = {kind.kind: kind for kind in await reader.kinds() if kind.group == "apps"}
    found = []
    for kind, word in WORKLOADS:
        if kind not in kinds:
            continue
        listing = await reader.list(kinds[kind], namespace, field_selector=f"metadata.name={name}", limit=50)
        for item in listing.items:
            where = item["metadata"]["namespace"]
            if item["metadata"]["name"] == name and triage.focus.reach.allows(
                cluster=triage.focus.cluster, namespace=where
            ):
                found.append((kind, word, where))
    return found


# --- a diagnosis asks for it ----------------------------------------------------------------------------------------


async def _remedy(state: IncidentState, triage: Triage, deps: Deps) -> Draft:
    diagnosis = await asyncio.to_thread(deps.ledger.diagnoses.latest, state["incident_id"])
    if diagnosis is None or diagnosis.chosen is None:
        return Draft(reason="no cause was named")
    chosen = diagnosis.chosen
    finding = await _finding_of(state["incident_id"], chosen, deps)
    remedy = deps.detectors.remedy(chosen.fault, finding) if finding is not None else Remedy()
    if remedy.script:
        return Draft(
            script=remedy.script, manual=remedy.manual, reason=chosen.title.en, target=chosen.object, is_diagnosed=True
        )
    by_case = await _case_remedy(state, chosen, finding, deps)
    if by_case is not None:
        return by_case
    by_model = await _by_model(state, triage, diagnosis, deps) if deps.model is not None else Draft()
    if by_model.script:
        return replace(by_model, instead=remedy.manual)
    # What the model said instead of a script, or why it said nothing, stands beside what is known offline.
    said = f" ({by_model.reason})" if by_model.reason else ""
    if remedy.manual:
        return Draft(
            manual=remedy.manual,
            reason=f"{chosen.title.en}{said}",
            target=chosen.object,
            use=by_model.use,
            is_diagnosed=True,
        )
    reason = remedy.none_reason.en if remedy.none_reason else "no remedy is known for this cause"
    return Draft(reason=f"{reason}{said}", target=chosen.object, use=by_model.use)


async def _finding_of(incident_id: str, chosen: Hypothesis, deps: Deps) -> Finding | None:
    findings = await asyncio.to_thread(deps.ledger.findings.for_incident, incident_id)
    wanted = set(chosen.finding_ids)
    own = [f for f in findings if f.id in wanted and f.fault == chosen.fault]
    return own[0] if own else None


async def _case_remedy(state: IncidentState, chosen: Hypothesis, finding: Finding | None, deps: Deps) -> Draft | None:
    """The first recalled case of this very fault whose remedy needs nothing that the evidence does not give."""
    for recalled in state.get("recalled", []):
        case = await asyncio.to_thread(deps.library.case, recalled["case_id"])
        if case is None or chosen.fault not in case.faults or not case.remedy.script:
            continue
        held, failed = recalled.get("outcomes", (0, 0))
        script = filled(case.remedy.script, chosen.object, finding.facts if finding else {})
        if failed > held or script is None:
            continue
        return Draft(
            script=script, written_by=f"case {case.id}", reason=chosen.title.en, target=chosen.object, is_diagnosed=True
        )
    return None


async def _by_model(
    state: IncidentState, triage: Triage, diagnosis: Diagnosis | None, deps: Deps, request: str = ""
) -> Draft:
    if deps.model is None:
        forms = FORMS[triage.language.value]
        return Draft(reason=f"the order was not understood, and no model is configured; understood forms: {forms}")
    chosen = diagnosis.chosen if diagnosis else None
    evidence = await _evidence_for(state["incident_id"], chosen, deps)
    objects = sorted({item.object.key for item in evidence if item.object is not None})
    language = triage.language.value
    system, user = prompt(
        "script", language=language, request=request, cause=chosen, objects=objects, evidence=evidence
    )
    use, incident_id = state.get("model_use"), state["incident_id"]
    reply = await consult(deps, use, system, user, schema=SCRIPT_SCHEMA, incident_id=incident_id, purpose="plan")
    if reply.parsed is None:
        hint = f"; understood forms: {FORMS[language]}" if request else ""
        return Draft(reason=f"the model wrote no script: {reply.note}{hint}", use=reply.use)
    script, why = str(reply.parsed.get("script", "")), redact_text(str(reply.parsed.get("why", "")))[:500]
    if not script.strip():
        return Draft(reason=f"the model wrote no script: {why or 'it said no reason'}", use=reply.use)
    return Draft(
        script=script,
        written_by=f"model {deps.model.profile}",
        reason=why,
        target=chosen.object if chosen else None,
        use=reply.use,
        is_diagnosed=chosen is not None,
    )


async def _evidence_for(incident_id: str, chosen: Hypothesis | None, deps: Deps) -> list[Evidence]:
    """What the cause rests on first, then the rest, as far as it fits."""
    try:
        stored = await asyncio.to_thread(deps.ledger.evidence.for_incident, incident_id, MOST_EVIDENCE)
    except OpsdeskError:
        return []
    cited = set(chosen.evidence_ids) if chosen else set()
    return shown_evidence(sorted(stored, key=lambda item: item.id not in cited))
