"""How an incident, a review and a diagnosis look on a terminal. Foreign text is cleaned before it is shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from api.commands.output import clean, console, local_time
from knowledge.vocabulary import Diagnosis, Hypothesis, Language

STAGE_STYLE = {
    "intake": "cyan",
    "triage": "cyan",
    "collect": "blue",
    "detect": "blue",
    "retrieve": "blue",
    "diagnose": "magenta",
    "answer": "magenta",
    "plan": "yellow",
    "review": "yellow",
    "approve": "yellow",
    "execute": "green",
    "verify": "green",
    "undo": "red",
    "learn": "green",
    "hand_over": "red",
}
RULING_STYLE = {"auto": "green", "one": "yellow", "two": "yellow", "forbidden": "red", "refused": "red"}


def print_entry(entry: dict[str, Any], language: Language = Language.EN) -> None:
    """One line of a timeline."""
    from rich.text import Text as Line

    at = datetime.fromisoformat(entry["at"]).astimezone().strftime("%H:%M:%S")
    stage = entry["stage"]
    words = clean(entry["summary"][language.value])
    console().print(Line.assemble((at, "dim"), " ", (f"{stage:<10}", STAGE_STYLE.get(stage, "white")), words))


def render_incident(found: dict[str, Any], timeline: list[dict[str, Any]]) -> None:
    """The whole of one incident."""
    one = found["incident"]
    out = console()
    language = Language(one["language"])
    out.print(f"{one['id']}  {clean(one['title'])}", style="bold", markup=False)
    where = "/".join(part for part in (one["cluster"], one["namespace"], one["service"]) if part)
    out.print(f"{one['severity']}  {one['status']}  {where}", markup=False)
    out.print(f"opened {local_time(datetime.fromisoformat(one['opened_at']))}  {clean(one['reason'])}", markup=False)
    for alert in found.get("alerts", []):
        out.print(f"alert {clean(alert['name'])}: {alert['status']}, {alert['fate']}", style="dim", markup=False)
    if found.get("diagnosis"):
        out.print()
        render_diagnosis(Diagnosis.model_validate(found["diagnosis"]), language)
    if found.get("plan"):
        out.print()
        render_review(found)
    if timeline:
        out.print("\ntimeline", style="bold")
        for entry in timeline:
            print_entry(entry, language)


def render_diagnosis(diagnosis: Diagnosis, language: Language = Language.EN) -> None:
    """Verdict, cause, chain, evidence, runner-up, gaps."""
    out = console()
    out.print("diagnosis", style="bold")
    out.print(clean(diagnosis.summary.within(language)), markup=False)
    chosen = diagnosis.chosen
    if chosen is not None:
        out.print(
            f"  confidence {diagnosis.confidence:.0%}, evidence {' '.join(chosen.evidence_ids[:8])}", markup=False
        )
        for link in chosen.chain:
            out.print(f"  {clean(link.cause)} --{link.relation}--> {clean(link.effect)}", style="dim", markup=False)
        for part in chosen.parts:
            out.print(
                f"  {part.name:<12} {part.value:.2f} x {part.weight:.2f}  {clean(part.because)}",
                style="dim",
                markup=False,
            )
    if diagnosis.runner_up is not None:
        out.print(f"runner-up: {_named(diagnosis.runner_up, language)}", markup=False)
    for other in diagnosis.others[:5]:
        out.print(f"also: {_named(other, language)}", style="dim", markup=False)
    for ruled_out in diagnosis.ruled_out[:5]:
        out.print(f"ruled out: {clean(ruled_out.within(language))}", style="dim", markup=False)
    for gap in diagnosis.gaps[:8]:
        then = f" ({gap.next_step})" if gap.next_step else ""
        out.print(f"gap: {gap.source}: {clean(gap.reason)}{then}", style="yellow", markup=False)
    if diagnosis.model_order:
        out.print(f"the model would rank: {', '.join(diagnosis.model_order)}", style="dim", markup=False)
    if diagnosis.model_note:
        out.print(f"model: {clean(diagnosis.model_note)}", style="dim", markup=False)
    out.print(f"({diagnosis.seconds:.2f} s)", style="dim")


def _named(hypothesis: Hypothesis, language: Language) -> str:
    return f"{clean(hypothesis.title.within(language))} on {hypothesis.object.key} ({hypothesis.score:.2f})"


def render_review(found: dict[str, Any]) -> None:
    """The review screen: what will change, where, what it takes back, which rules spoke, and who has to agree."""
    from rich.text import Text as Line

    out = console()
    plan, review, approval = found.get("plan"), found.get("review"), found.get("approval")
    if not plan:
        out.print("no plan", style="dim")
        return
    out.print("script", style="bold")
    out.print(clean(plan["script"] or "(manual steps only)"), markup=False)
    for step in plan["manual_steps"]:
        done = f"done by {step['done_by']}" if step["done_by"] else "to do"
        out.print(f"by hand {step['index'] + 1}: {clean(step['instruction']['en'])} [{done}]", markup=False)
    if not review:
        out.print("not reviewed yet", style="dim")
        return
    out.print(Line.assemble(("review ", "bold"), (review["ruling"], RULING_STYLE.get(review["ruling"], ""))))
    _render_verdicts(review)
    for step in review["steps"]:
        target = step["target"]
        name = f"{target['kind']}/{target['namespace']}/{target['name']}" if target else "-"
        out.print(f"step {step['step']['index'] + 1}: {name}, reversal {step['reversal']}", markup=False)
        for line in step["diff"].splitlines():
            style = "green" if line.startswith("+") else "red" if line.startswith("-") else "dim"
            out.print("  " + clean(line), style=style, markup=False)
    blast = review["blast"]
    services = ", ".join(blast["services"]) or "none"
    out.print(f"feels it: {blast['pods']} pods, services {services}", markup=False)
    for run in review["dry_runs"]:
        out.print(
            f"dry run of step {run['step'] + 1}: {run['outcome']} {clean(run['message'])}", style="dim", markup=False
        )
    for check in review["permissions"]:
        if not check["allowed"]:
            out.print(f"the executor may not {check['verb']} {check['resource']}", style="red", markup=False)
    for text in (*review["warnings"], *review["open_points"]):
        out.print("note: " + clean(text["en"]), style="yellow", markup=False)
    out.print(f"digest {review['digest']}", style="dim", markup=False)
    if approval:
        votes = ", ".join(f"{vote['principal']}: {vote['decision']}" for vote in approval["votes"]) or "no votes yet"
        until = local_time(datetime.fromisoformat(approval["expires_at"]))
        out.print(f"approval {approval['status']}: {approval['needed']} needed, {votes}; until {until}", markup=False)


def _render_verdicts(review: dict[str, Any]) -> None:
    out = console()
    for verdict in review["verdicts"]:
        where = f"step {verdict['step'] + 1}" if verdict["step"] is not None else "plan"
        style = RULING_STYLE.get(verdict["ruling"], "")
        out.print(
            f"  {verdict['rule']} ({where}): {verdict['ruling']}: {clean(verdict['message']['en'])}",
            style=style,
            markup=False,
        )


def render_offline_verdict(verdict: Any, text: str) -> None:
    """What grammar, rules and policy say of a script without a cluster."""
    out = console()
    out.print(f"{verdict.verdict}", style=RULING_STYLE.get(str(verdict.verdict), ""))
    if verdict.message:
        out.print(clean(verdict.message), markup=False)
    if verdict.line:
        lines = text.splitlines()
        if 0 < verdict.line <= len(lines):
            out.print("  " + clean(lines[verdict.line - 1]), style="dim", markup=False)
            out.print("  " + " " * (max(verdict.column or 1, 1) - 1) + "^", style="red", markup=False)
    for rule in verdict.rules:
        out.print(f"  {rule}", style="dim", markup=False)
