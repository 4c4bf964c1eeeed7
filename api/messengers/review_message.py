"""A review as a message: what the other faces show of ``ReviewView``, in the order in which a reviewer asks."""

from __future__ import annotations

import json
from collections.abc import Iterator

from api.messengers.links import Links
from api.messengers.message import (
    Button,
    Buttons,
    Code,
    Fact,
    Facts,
    Heading,
    Message,
    Note,
    Paragraph,
    Piece,
)
from api.review_view import ApprovalView, ReviewView, StepView
from api.web.words import word
from knowledge.vocabulary import ApprovalStatus, Language, Ruling

APPROVE, REJECT = "approve", "reject"
_MARKS = {"removed": "-", "added": "+", "field": "@ ", "title": "", "note": "# "}


def button_value(approval_id: str, digest: str) -> str:
    """What a button carries: the request, and the digest of the review beside which it stood."""
    return json.dumps({"approval": approval_id, "digest": digest})


def read_button(value: str) -> tuple[str, str]:
    """(approval id, digest); empty ones for a value that is none of ours."""
    try:
        held = json.loads(value)
        return str(held["approval"]), str(held["digest"])
    except (ValueError, KeyError, TypeError):
        return "", ""


def review_message(view: ReviewView, language: Language, links: Links) -> Message:
    sheet = _Sheet(view, language)
    title = word("messenger_review.title", language, plan=view.plan_id)
    pieces: list[Piece] = [Heading(text=title), *sheet.pieces()]
    buttons = [_link(links.incident(view.incident_id), language)]
    approval = view.approval
    if approval is not None and approval.status is ApprovalStatus.WAITING:
        value = button_value(approval.id, view.digest)
        buttons = [
            Button(label=word("messenger_review.approve", language), does=APPROVE, value=value, style="good"),
            Button(label=word("messenger_review.reject", language), does=REJECT, value=value, style="bad"),
            *buttons,
        ]
    pieces.append(Buttons(buttons=tuple(buttons)))
    plain = f"{title}: {view.said.within(language)}"
    return Message(
        pieces=tuple(pieces),
        plain=plain,
        link=links.incident(view.incident_id),
        more=word("messengers.more", language),
    )


def confirmation_pieces(view: ReviewView, language: Language) -> tuple[Piece, ...]:
    """The same, for the form in which a person says yes or no."""
    return tuple(_Sheet(view, language).pieces())


def _link(url: str, language: Language) -> Button:
    return Button(label=word("messengers.open_console", language), does="look", link=url)


class _Sheet:
    def __init__(self, view: ReviewView, language: Language) -> None:
        self.view, self.language = view, language

    def word(self, key: str, **values: object) -> str:
        return word(f"messenger_review.{key}", self.language, **values)

    def pieces(self) -> Iterator[Piece]:
        """What decides comes first: a reader at 3 a.m. reads the top."""
        view, language = self.view, self.language
        tone = {Ruling.AUTO: "good", Ruling.FORBIDDEN: "bad", Ruling.REFUSED: "bad"}.get(view.ruling, "warning")
        yield Paragraph(text=f"{self.word('ruling')}: {view.said.within(language)}", tone=tone)  # type: ignore[arg-type]
        if view.hidden_steps:
            yield Paragraph(text=self.word("hidden", count=view.hidden_steps), tone="warning")
        yield Facts(facts=tuple(self._facts()))
        if view.script:
            yield Code(title=self.word("script"), text=view.script)
        for step in view.steps:
            yield from self._step(step)
        for manual in view.manual_steps:
            yield Paragraph(
                text=self.word("by_hand", number=manual.index + 1, text=manual.instruction.within(language))
            )
        yield from self._rules()
        yield from self._notes()
        yield Note(text=f"{self.word('digest')} {view.digest}; {view.review_id}, {view.plan_id}")

    def _facts(self) -> Iterator[Fact]:
        view, language = self.view, self.language
        yield Fact(label=self.word("felt"), value=self._felt())
        if view.certainty is not None and view.certainty.summary is not None and not view.certainty.is_hidden:
            summary = f"{view.certainty.summary.within(language)} ({view.certainty.confidence:.0%})"
            yield Fact(label=self.word("diagnosis"), value=summary)
        if view.requester:
            yield Fact(label=self.word("asked_by"), value=view.requester)
        if view.reason:
            yield Fact(label=self.word("because"), value=view.reason)
        if view.approval is not None:
            yield from self._approval(view.approval)

    def _felt(self) -> str:
        felt = self.view.felt
        if not felt.is_known:
            return self.word("felt_unknown")
        said = [self.word("felt_count", pods=felt.pods, replicas=felt.replicas)]
        for key, names, left_out in (("services", felt.services, felt.services_left_out), ("nodes", felt.nodes, 0)):
            if names or left_out:
                more = f" +{left_out}" if left_out else ""
                said.append(f"{self.word(key)} {', '.join(names)}{more}")
        said += [self.word("budget", name=one.name, allowed=one.allowed) for one in felt.budgets]
        return "; ".join(said)

    def _approval(self, approval: ApprovalView) -> Iterator[Fact]:
        language = self.language
        status = word(f"approval_status.{approval.status.value}", language)
        if approval.status is ApprovalStatus.WAITING:
            waits = self.word("waiting", left=approval.still_needed, needed=approval.needed)
            yield Fact(label=self.word("status"), value=f"{status}: {waits}")
            yield Fact(label=self.word("expires"), value=approval.expires_at)
        else:
            told = f"{status}: {approval.reason}" if approval.reason else status
            yield Fact(label=self.word("status"), value=told)
        if approval.holds_until is not None:
            yield Fact(label=self.word("holds"), value=approval.holds_until)
        votes = [
            self.word("vote", who=vote.principal, decision=vote.decision.value, reason=vote.reason).strip()
            for vote in approval.votes
        ]
        if votes:
            yield Fact(label=self.word("votes"), value="; ".join(votes))

    def _step(self, step: StepView) -> Iterator[Piece]:
        kind = self.word("reads" if step.is_read else "changes")
        if step.is_hidden:
            yield Paragraph(
                text=self.word("step", number=step.index + 1, kind=kind, line=self.word("outside")), tone="warning"
            )
            return
        if step.is_read:
            return
        first = step.line.split("\n", 1)[0]
        title = self.word("step", number=step.index + 1, kind=kind, line=first)
        lines = [_MARKS[line.kind] + line.text for line in step.changes] or [*step.requests]
        if step.lines_left_out:
            lines.append(f"… {self.word('lines_left', count=step.lines_left_out)}")
        yield Code(title=title, text="\n".join(lines) or "-")
        undo = f"{self.word('undo')}: {step.undo.said.within(self.language)}" if step.undo else ""
        tried = f"{self.word('dry_run')}: {step.dry_run} {step.dry_run_message}".strip() if step.dry_run else ""
        yield Note(text="; ".join(part for part in (undo, tried) if part) or "-")

    def _rules(self) -> Iterator[Piece]:
        lines = []
        for one in self.view.rules:
            where = self.word("plan") if one.step is None else self.word("at_step", number=one.step + 1)
            lines.append(f"· {one.rule} ({where}): {one.ruling.value}: {one.message.within(self.language)}")
        if lines:
            yield Paragraph(text=f"{self.word('rules')}\n" + "\n".join(lines))

    def _notes(self) -> Iterator[Piece]:
        view, language = self.view, self.language
        texts = [view.rights_note, view.topology_note, *view.warnings, *view.open_points]
        lines = [text.within(language) for text in texts if text is not None]
        denied = [one for one in view.permissions if not one.allowed]
        lines += [self.word("not_allowed", what=f"{one.verb} {one.resource} -n {one.namespace}") for one in denied]
        if lines:
            listed = "\n".join(f"· {line}" for line in dict.fromkeys(lines))
            yield Paragraph(text=f"{self.word('notes')}\n{listed}", tone="warning")
