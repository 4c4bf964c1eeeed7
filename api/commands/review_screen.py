"""The review screen on a terminal: everything of a ``ReviewView``, in the order in which a reviewer asks. Foreign text is
spelled out, and a line that wraps stays inside its indent, so that no value can pass for a line of the screen's own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from api.commands.output import console, one_line, utc_time
from api.commands.words import word
from api.review_view import ApprovalView, Certainty, Felt, ReviewView, Rival, RuleSaid, StepView, Undo
from knowledge.vocabulary import ApprovalStatus, Language, ManualStep, Text

RULING_STYLE = {"auto": "green", "one": "yellow", "two": "yellow", "forbidden": "red", "refused": "red"}
_MARKS = {
    "removed": ("-", "red"),
    "added": ("+", "green"),
    "field": ("@", "cyan"),
    "title": ("", "bold"),
    "note": ("#", "dim"),
}


def render_review_view(view: ReviewView, language: Language = Language.EN) -> None:
    _Screen(view, language).draw()


def render_script(script: str, manual_steps: Sequence[ManualStep], language: Language) -> None:
    """What is proposed: the script's lines, and what is done by hand."""
    say(word("script", language), style="bold")
    for line in script.rstrip("\n").split("\n") if script else [word("(manual steps only)", language)]:
        say(one_line(line), 1)
    render_by_hand(manual_steps, language)


def render_by_hand(manual_steps: Sequence[ManualStep], language: Language) -> None:
    for step in manual_steps:
        done = f"{word('done by', language)} {step.done_by}" if step.done_by else word("to do", language)
        at = f", {utc_time(step.done_at, language)}" if step.done_at else ""
        instruction = f"{word('by hand', language)} {step.index + 1}: {step.instruction.within(language)}"
        say(one_line(f"{instruction} [{done}{at}]"), 1)


def render_rules(rules: Iterable[RuleSaid], language: Language) -> None:
    for one in rules:
        where = word("plan", language) if one.step is None else f"{word('step', language)} {one.step + 1}"
        said = f"{one.rule} ({where}): {one.ruling}: {one.message.within(language)}"
        say(one_line(said), 1, RULING_STYLE.get(one.ruling, ""))


def say(text: str, indent: int = 0, style: str = "", mark: str = "") -> None:
    """One line of the screen. On a terminal what does not fit goes on below its own text, never below the margin."""
    from rich.table import Table
    from rich.text import Text as Line

    out, margin = console(), "  " * indent + (f"{mark} " if mark else "")
    if not out.is_terminal:
        out.print(Line(margin + text, style=style), soft_wrap=True)
        return
    grid = Table.grid()
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Line(margin, style=style), Line(text, style=style))
    out.print(grid)


class _Screen:
    def __init__(self, view: ReviewView, language: Language) -> None:
        self.view, self.language = view, language

    def draw(self) -> None:
        view = self.view
        if view.hidden_steps:
            self.fact("script", f"{view.hidden_steps} {self.word('steps outside your scope')}", style="bold")
            render_by_hand(view.manual_steps, self.language)
        else:
            render_script(view.script, view.manual_steps, self.language)
        self._origin()
        for step in view.steps:
            self._step(step)
        self._felt(view.felt)
        self._rights()
        self._notes()
        if view.certainty is not None:
            self._certainty(view.certainty)
        self._ruling()
        if view.approval is not None:
            self._approval(view.approval)
        self._may_vote()
        named = f"{view.review_id}, {view.plan_id}, {view.incident_id}"
        self.fact("reviewed", f"{utc_time(view.reviewed_at, self.language, view.at)}, {named}", style="dim")
        self.fact("digest", view.digest, style="dim")

    def word(self, english: str) -> str:
        return word(english, self.language)

    def fact(self, english: str, text: str, indent: int = 0, style: str = "") -> None:
        say(f"{self.word(english)}: {one_line(text)}", indent, style)

    def told(self, text: Text) -> str:
        return text.within(self.language)

    def _origin(self) -> None:
        view = self.view
        asked = f", {self.word('asked for by')} {view.requester}" if view.requester else ""
        self.fact("written by", f"{view.written_by}{asked}", style="dim")
        if view.reason:
            self.fact("because", view.reason, style="dim")

    def _step(self, step: StepView) -> None:
        kind = self.word("reads") if step.is_read else self.word("changes")
        if step.is_hidden:
            self.fact("step", f"{step.index + 1} ({kind}): {self.word('outside your scope')}", style="bold")
            return
        first, *more = step.line.split("\n")
        self.fact("step", f"{step.index + 1} ({kind}): {first}", style="bold")
        for further in more:
            say(one_line(further), 2, "dim")
        self.fact("line", str(step.script_line), 1, "dim")
        if step.target is not None:
            one = step.target
            place = f"{one.namespace}/" if one.namespace else ""
            version = f" {one.api_version}" if one.api_version else ""
            uid = f", uid {one.uid}" if one.uid else ""
            self.fact("target", f"{one.cluster}: {one.kind} {place}{one.name}{version}{uid}", 1)
        for line in step.changes:
            mark, style = _MARKS[line.kind]
            say(one_line(line.text), 2, style, mark)
        if step.lines_left_out:
            say(f"... {step.lines_left_out} {self.word('more lines; --json of the incident has them')}", 2, "yellow")
        self._requests(step)
        if step.undo is not None:
            self._undo(step.undo)

    def _requests(self, step: StepView) -> None:
        for request in step.requests:
            self.fact("sends", request, 1, "dim")
        if step.depends_on:
            self.fact("depends on step", ", ".join(str(one + 1) for one in step.depends_on), 1)
        if step.dry_run:
            message = f": {step.dry_run_message}" if step.dry_run_message else ""
            self.fact("dry run", f"{step.dry_run}{message}", 1, "red" if step.dry_run == "failed" else "dim")
        for warning in step.server_warnings:
            self.fact("the API server warns", warning, 1, "yellow")

    def _undo(self, undo: Undo) -> None:
        self.fact("undo", f"{undo.kind}: {self.told(undo.said)}", 1, "red" if undo.kind == "none" else "")
        for request in undo.requests:
            say(one_line(request), 2, "dim")
        for one in undo.fields:
            value = self.word("(gone again)") if one.value is None else one.value
            say(one_line(f"{one.field} = {value}"), 2, "dim")
        if undo.fields_left_out:
            say(f"... {undo.fields_left_out} {self.word('more')}", 2, "dim")

    def _felt(self, felt: Felt) -> None:
        if not felt.is_known:
            self.fact("feels it", self.word("not known: nobody looked at the cluster"), style="yellow")
            return
        counted = f"{felt.pods} {self.word('pods')}, {felt.replicas} {self.word('replicas')}"
        self.fact("feels it", counted)
        self._names("pods", felt.pod_names, felt.pods_left_out)
        self._names("services", felt.services, felt.services_left_out)
        self._names("nodes", felt.nodes, 0)
        for one in felt.budgets:
            style = "red" if one.is_exhausted else ""
            self.fact("disruption budget", f"{one.name}: {one.allowed} {self.word('more may leave')}", 1, style)
        if felt.budgets_left_out:
            say(f"... {felt.budgets_left_out} {self.word('more')}", 1, "dim")

    def _names(self, english: str, names: Sequence[str], left_out: int) -> None:
        if not names and not left_out:
            return
        more = f" + {left_out} {self.word('more')}" if left_out else ""
        say(one_line(f"{self.word(english)} {', '.join(names)}{more}"), 1, "dim")

    def _rights(self) -> None:
        view = self.view
        denied = [one for one in view.permissions if not one.allowed]
        for one in denied:
            place = f" -n {one.namespace}" if one.namespace else ""
            named = f" {one.name}" if one.name else ""
            because = f" ({one.because})" if one.because else ""
            self.fact("the executor may not", f"{one.verb} {one.resource}{named}{place}{because}", style="red")
        allowed = [f"{one.verb} {one.resource}" for one in view.permissions if one.allowed]
        if allowed:
            self.fact("the executor may", ", ".join(dict.fromkeys(allowed)), style="dim")
        if view.permissions_left_out:
            self.fact("more rights, outside your scope", str(view.permissions_left_out), style="dim")
        if not view.permissions and not view.permissions_left_out:
            self.fact("the executor may", self.word("not asked"), style="dim")

    def _notes(self) -> None:
        view = self.view
        if view.rights_note is not None:
            self.fact("rights", self.told(view.rights_note), style="red")
        if view.topology_note is not None:
            self.fact("topology", self.told(view.topology_note), style="yellow")
        for patch in view.owner_patches:
            self.fact(
                "change it at",
                f"{patch.owner} ({self.word('step')} {patch.step + 1}, {patch.target.key})",
                style="bold",
            )
            for line in patch.patch.rstrip("\n").split("\n"):
                say(one_line(line), 1)
        for text in view.warnings:
            if text != view.rights_note:
                self.fact("note", self.told(text), style="yellow")
        for text in view.open_points:
            self.fact("open", self.told(text), style="yellow")
        if view.notes_left_out:
            self.fact("more notes, outside your scope", str(view.notes_left_out), style="dim")

    def _certainty(self, sure: Certainty) -> None:
        if sure.is_hidden:
            self.fact("diagnosis", self.word("its cause lies outside your scope"), style="dim")
            return
        summary = self.told(sure.summary) if sure.summary is not None else ""
        self.fact("diagnosis", f"{sure.verdict}: {summary}", style="bold")
        resting = self.word("what the desk read itself" if sure.rests_on == "cluster" else "a paste, which is hearsay")
        self.fact("confidence", f"{sure.confidence:.0%}, {self.word('rests on')} {resting}", 1)
        for part in sure.parts:
            say(one_line(f"{part.name} {part.value:.2f} x {part.weight:.2f}: {part.because}"), 2, "dim")
        for english, rival in (("cause", sure.cause), ("runner-up", sure.runner_up)):
            if rival is not None:
                self.fact(english, self._rival(rival), 1)
        for gap in sure.gaps:
            further = f"; {self.word('next')}: {gap.next_step}" if gap.next_step else ""
            self.fact("gap", f"{gap.source}: {gap.query}: {gap.reason}{further}", 1, "yellow")
        if sure.gaps_left_out:
            say(f"... {sure.gaps_left_out} {self.word('more')}", 1, "yellow")

    def _rival(self, one: Rival) -> str:
        return f"{self.told(one.title)} ({one.fault}, {self.word('on')} {one.object.key}, {one.score:.2f})"

    def _ruling(self) -> None:
        view = self.view
        say(
            f"{self.word('review')}: {view.ruling}: {self.told(view.said)}",
            style=f"bold {RULING_STYLE.get(view.ruling, '')}",
        )
        render_rules(view.rules, self.language)
        for group in view.approvers_named:
            self.fact("one of the approvers has to be", ", ".join(group), 1)

    def _approval(self, approval: ApprovalView) -> None:
        needed = f"{approval.still_needed}/{approval.needed} {self.word('still needed')} ({self.view.approver_role})"
        self.fact("approval", f"{approval.id} {approval.status}: {needed}", style="bold")
        at = self.view.at
        self.fact("asked for", utc_time(approval.asked_at, self.language, at), 1, "dim")
        if approval.status is ApprovalStatus.WAITING:
            self.fact("a no from", utc_time(approval.expires_at, self.language, at), 1, "yellow")
        if approval.approved_at is not None:
            self.fact("approved", utc_time(approval.approved_at, self.language, at), 1)
        if approval.holds_until is not None:
            self.fact("holds until", utc_time(approval.holds_until, self.language, at), 1, "yellow")
        for vote in approval.votes:
            why = f": {vote.reason}" if vote.reason else ""
            alone = f" ({self.word('alone, breaking the glass')})" if vote.breaks_glass else ""
            said = f"{vote.principal} {vote.decision}{alone}, {utc_time(vote.at, self.language, at)}{why}"
            self.fact("vote", said, 1)
        if not approval.votes:
            say(self.word("no votes yet"), 1, "dim")
        if approval.told:
            self.fact("told", ", ".join(approval.told), 1)
        if approval.reason:
            self.fact("because", approval.reason, 1)

    def _may_vote(self) -> None:
        vote = self.view.may_vote
        if vote is None:
            return
        if vote.may:
            self.fact("you", self.word("may vote on it"), style="green")
        elif vote.why_not is not None:
            self.fact("you", f"{self.word('may not vote')}: {self.told(vote.why_not)}", style="dim")
        if vote.may_break_glass:
            self.fact("you", self.word("may approve it alone with --break-glass and a reason"), style="yellow")
