"""How an incident, a review and a diagnosis look on a terminal. Foreign text is cleaned before it is shown."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from agent.reasoning.chain import chain_lines, chain_of
from api.commands import gaps
from api.commands.output import clean, console, utc_time
from api.commands.words import word
from api.review_view import ReviewView, RuleSaid
from knowledge.vocabulary import Diagnosis, Hypothesis, Language, ManualStep

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
    opened = utc_time(datetime.fromisoformat(one["opened_at"]), language)
    out.print(f"{word('opened', language)} {opened}  {clean(one['reason'])}", markup=False)
    for alert in found.get("alerts", []):
        said = f"{word('alert', language)} {clean(alert['name'])}: {alert['status']}, {alert['fate']}"
        out.print(said, style="dim", markup=False)
    if found.get("diagnosis"):
        out.print()
        render_diagnosis(Diagnosis.model_validate(found["diagnosis"]), language)
    if found.get("plan"):
        out.print()
        render_plan(found, language)
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


def render_plan(found: dict[str, Any], language: Language = Language.EN) -> None:
    """The plan of an incident: its whole review, or as much as there is yet."""
    from api.commands.review_screen import render_review_view, render_script

    plan, view = found.get("plan"), found.get("review_view")
    if view:
        render_review_view(ReviewView.model_validate(view), language)
    elif not plan:
        console().print(word("no plan", language), style="dim")
    else:
        manual = [ManualStep.model_validate(step) for step in plan["manual_steps"]]
        render_script(plan["script"], manual, language)
        console().print(word("not reviewed yet", language), style="dim")


def render_offline_verdict(verdict: OfflineVerdict, text: str, language: Language = Language.EN) -> None:
    """What grammar, rules and policy say of a script without a cluster."""
    from api.commands.review_screen import RULING_STYLE, render_rules

    out = console()
    out.print(f"{verdict.verdict}", style=RULING_STYLE.get(str(verdict.verdict), ""))
    if verdict.verdicts:
        said = [RuleSaid.model_validate(one.model_dump()) for one in verdict.verdicts]
        render_rules(sorted(said, key=lambda one: -one.ruling.strictness), language)
    elif verdict.message:
        out.print(clean(verdict.message), markup=False)
    if verdict.line:
        _point_at(text, verdict.line, verdict.column or 1)
    for point in verdict.open_points:
        out.print(f"{word('note', language)}: {clean(point.within(language))}", style="yellow", markup=False)


def _point_at(text: str, line: int, column: int) -> None:
    """The line with a caret under the place; of a long line only what surrounds the place."""
    from rich.cells import cell_len

    lines = text.split("\n")  # as the grammar counts them
    if not 0 < line <= len(lines):
        return
    out = console()
    begin = max(0, column - 1 - SHOWN_BEFORE)
    before = clean(lines[line - 1][begin : column - 1])
    after = clean(lines[line - 1][column - 1 : column - 1 + SHOWN_AFTER])
    out.print(f"  line {line}: {before}{after}", style="dim", markup=False, soft_wrap=True)
    out.print(" " * (cell_len(f"  line {line}: {before}")) + "^", style="red", markup=False, soft_wrap=True)
