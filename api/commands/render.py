"""How an incident, a review and a diagnosis look on a terminal. Foreign text is cleaned before it is shown."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from agent.reasoning.chain import chain_lines, chain_of
from api.commands import gaps
from api.commands.output import clean, console, local_time
from api.commands.words import word
from knowledge.vocabulary import Diagnosis, Hypothesis, Language

if TYPE_CHECKING:
    from tools.safety.offline import OfflineVerdict

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
MOST_GAPS = 12
SHOWN_BEFORE, SHOWN_AFTER = 40, 25
RULING_STYLE = {"auto": "green", "one": "yellow", "two": "yellow", "forbidden": "red", "refused": "red"}


def print_entry(entry: dict[str, Any], language: Language = Language.EN) -> None:
    """One line of a timeline."""
    from rich.table import Table
    from rich.text import Text as Line

    at = datetime.fromisoformat(entry["at"]).astimezone().strftime("%H:%M:%S")
    stage = entry["stage"]
    words = clean(entry["summary"][language.value])
    out, style = console(), STAGE_STYLE.get(stage, "white")
    if not out.is_terminal:
        out.print(Line(f"{at} {stage:<10} {words}"), soft_wrap=True)
        return
    line = Table.grid(padding=(0, 1))  # the words of a long entry stay beside its time and stage
    for _ in range(3):
        line.add_column(overflow="fold")
    line.add_row(Line(at, style="dim"), Line(f"{stage:<9}", style=style), Line(words))
    out.print(line)


def render_incident(found: dict[str, Any], timeline: list[dict[str, Any]], language: Language | None = None) -> None:
    """The whole of one incident, in its own language unless another is asked for."""
    one = found["incident"]
    out = console()
    language = language or Language(one["language"])
    out.print(f"{one['id']}  {clean(one['title'])}", style="bold", markup=False)
    where = "/".join(part for part in (one["cluster"], one["namespace"], one["service"]) if part)
    out.print(f"{one['severity']}  {one['status']}  {where}", markup=False)
    opened = local_time(datetime.fromisoformat(one["opened_at"]))
    out.print(f"{word('opened', language)} {opened}  {clean(one['reason'])}", markup=False)
    for alert in found.get("alerts", []):
        said = f"{word('alert', language)} {clean(alert['name'])}: {alert['status']}, {alert['fate']}"
        out.print(said, style="dim", markup=False)
    if found.get("diagnosis"):
        out.print()
        render_diagnosis(Diagnosis.model_validate(found["diagnosis"]), language)
    if found.get("plan"):
        out.print()
        render_review(found, language)
    if timeline:
        out.print(f"\n{word('timeline', language)}", style="bold")
        for entry in timeline:
            print_entry(entry, language)


def render_diagnosis(diagnosis: Diagnosis, language: Language = Language.EN) -> None:
    """Verdict, cause, chain, evidence, runner-up, gaps."""
    out = console()
    out.print(word("diagnosis", language), style="bold")
    out.print(clean(diagnosis.summary.within(language)), markup=False)
    if diagnosis.chosen is not None:
        _render_chosen(diagnosis, language)
    if diagnosis.runner_up is not None:
        out.print(f"{word('runner-up', language)}: {_named(diagnosis.runner_up, language)}", markup=False)
    for other in diagnosis.others[:5]:
        out.print(f"{word('also', language)}: {_named(other, language)}", style="dim", markup=False)
    for ruled_out in diagnosis.ruled_out[:5]:
        said = f"{word('ruled out', language)}: {clean(ruled_out.within(language))}"
        out.print(said, style="dim", markup=False)
    _render_gaps(diagnosis, language)
    if diagnosis.model_order:
        ranked = ", ".join(diagnosis.model_order)
        out.print(f"{word('the model would rank', language)}: {ranked}", style="dim", markup=False)
    if diagnosis.model_note:
        out.print(f"{word('model', language)}: {clean(diagnosis.model_note)}", style="dim", markup=False)
    if diagnosis.seconds >= 0.01:  # a stored one may not know
        out.print(f"({diagnosis.seconds:.2f} s)", style="dim")


def _render_chosen(diagnosis: Diagnosis, language: Language) -> None:
    out, chosen = console(), diagnosis.chosen
    assert chosen is not None
    cited = " ".join(chosen.evidence_ids[:8])
    confidence = f"{word('confidence', language)} {diagnosis.confidence:.0%}"
    out.print(f"  {confidence}, {word('evidence', language)} {cited}", markup=False)
    for line in chain_lines(chain_of(chosen)) if chosen.chain else ():
        out.print(f"  {clean(line)}", style="dim", markup=False)
    for part in chosen.parts:
        said = f"  {part.name:<12} {part.value:.2f} x {part.weight:.2f}  {clean(part.because)}"
        out.print(said, style="dim", markup=False)


def _render_gaps(diagnosis: Diagnosis, language: Language) -> None:
    out = console()
    groups = gaps.told(diagnosis.gaps, language)
    for group in groups[:MOST_GAPS]:
        out.print(f"{word('gap', language)}: {clean(str(group))}", style="yellow", markup=False)
        if group.next_step:
            out.print(f"  {word('next', language)}: {clean(group.next_step)}", style="dim", markup=False)
    if len(groups) > MOST_GAPS:
        more = f"{len(groups) - MOST_GAPS} {word('more gaps; --json shows all', language)}"
        out.print(more, style="yellow", markup=False)


def _named(hypothesis: Hypothesis, language: Language) -> str:
    where = f"{word('on', language)} {hypothesis.object.key}"
    return f"{clean(hypothesis.title.within(language))} {where} ({hypothesis.score:.2f})"


def render_review(found: dict[str, Any], language: Language = Language.EN) -> None:
    """The review screen: what will change, where, what it takes back, which rules spoke, and who has to agree."""
    from rich.text import Text as Line

    out = console()
    plan, review, approval = found.get("plan"), found.get("review"), found.get("approval")
    if not plan:
        out.print(word("no plan", language), style="dim")
        return
    out.print(word("script", language), style="bold")
    out.print(clean(plan["script"] or word("(manual steps only)", language)), markup=False, soft_wrap=True)
    for step in plan["manual_steps"]:
        done = f"{word('done by', language)} {step['done_by']}" if step["done_by"] else word("to do", language)
        instruction = clean(step["instruction"][language.value])
        out.print(f"{word('by hand', language)} {step['index'] + 1}: {instruction} [{done}]", markup=False)
    if not review:
        out.print(word("not reviewed yet", language), style="dim")
        return
    ruling = (review["ruling"], RULING_STYLE.get(review["ruling"], ""))
    out.print(Line.assemble((f"{word('review', language)} ", "bold"), ruling))
    _render_verdicts(review["verdicts"], language)
    _render_steps(review, language)
    _render_effects(review, language)
    for patch in review.get("patches", ()):
        out.print(f"{word('change it at', language)} {clean(patch['owner'])}:", style="bold", markup=False)
        out.print(clean(patch["patch"]), markup=False, soft_wrap=True)
    out.print(f"{word('digest', language)} {review['digest']}", style="dim", markup=False, soft_wrap=True)
    if approval:
        votes = ", ".join(f"{vote['principal']}: {vote['decision']}" for vote in approval["votes"])
        until = f"{word('until', language)} {local_time(datetime.fromisoformat(approval['expires_at']))}"
        needed = f"{approval['needed']} {word('needed', language)}, {votes or word('no votes yet', language)}"
        out.print(f"{word('approval', language)} {approval['status']}: {needed}; {until}", markup=False)


def _render_verdicts(verdicts: list[dict[str, Any]], language: Language) -> None:
    out = console()
    for verdict in verdicts:
        step = verdict["step"]
        where = word("plan", language) if step is None else f"{word('step', language)} {step + 1}"
        style = RULING_STYLE.get(verdict["ruling"], "")
        message = clean(verdict["message"][language.value])
        out.print(f"  {verdict['rule']} ({where}): {verdict['ruling']}: {message}", style=style, markup=False)


def _render_steps(review: dict[str, Any], language: Language) -> None:
    out = console()
    for step in review["steps"]:
        target = step["target"]
        name = f"{target['kind']}/{target['namespace']}/{target['name']}" if target else "-"
        number = f"{word('step', language)} {step['step']['index'] + 1}"
        out.print(f"{number}: {name}, {word('reversal', language)} {step['reversal']}", markup=False)
        for line in step["diff"].splitlines():
            style = "green" if line.startswith("+") else "red" if line.startswith("-") else "dim"
            out.print("  " + clean(line), style=style, markup=False)


def _render_effects(review: dict[str, Any], language: Language) -> None:
    out, blast = console(), review["blast"]
    services = ", ".join(blast["services"]) or word("none", language)
    felt = f"{blast['pods']} {word('pods', language)}, {word('services', language)} {services}"
    out.print(f"{word('feels it', language)}: {felt}", markup=False)
    for run in review["dry_runs"]:
        said = f"{word('dry run of step', language)} {run['step'] + 1}: {run['outcome']} {clean(run['message'])}"
        out.print(said, style="dim", markup=False)
    for check in review["permissions"]:
        if not check["allowed"]:
            right = f"{check['verb']} {check['resource']}"
            out.print(f"{word('the executor may not', language)} {right}", style="red", markup=False)
    for text in (*review["warnings"], *review["open_points"]):
        out.print(f"{word('note', language)}: {clean(text[language.value])}", style="yellow", markup=False)


def render_offline_verdict(verdict: OfflineVerdict, text: str, language: Language = Language.EN) -> None:
    """What grammar, rules and policy say of a script without a cluster."""
    out = console()
    out.print(f"{verdict.verdict}", style=RULING_STYLE.get(str(verdict.verdict), ""))
    if verdict.verdicts:
        _render_verdicts([one.model_dump(mode="json") for one in verdict.verdicts], language)
    elif verdict.message:
        out.print(clean(verdict.message), markup=False)
    if verdict.line:
        _point_at(text, verdict.line, verdict.column or 1)
    for point in verdict.open_points:
        out.print(f"{word('note', language)}: {clean(point.within(language))}", style="yellow", markup=False)


def _point_at(text: str, line: int, column: int) -> None:
    """The line with a caret under the place; of a long line only what surrounds the place."""
    from rich.cells import cell_len

    lines = text.splitlines()
    if not 0 < line <= len(lines):
        return
    out = console()
    begin = max(0, column - 1 - SHOWN_BEFORE)
    before = clean(lines[line - 1][begin : column - 1])
    after = clean(lines[line - 1][column - 1 : column - 1 + SHOWN_AFTER])
    out.print(f"  line {line}: {before}{after}", style="dim", markup=False, soft_wrap=True)
    out.print(" " * (cell_len(f"  line {line}: {before}")) + "^", style="red", markup=False, soft_wrap=True)
