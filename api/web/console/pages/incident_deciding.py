"""What people decide about an incident's plan, and do while it runs: approve, reject, break the glass, tick, stop, take back.

A vote is asked for in a dialog that shows what it is about: the change, its digest, who feels it. It binds to exactly what
the dialog showed, read anew when it was opened.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Literal

from api.bootstrap import Desk
from api.review_view import ReviewView
from api.web import acts
from api.web.access import incident_within
from api.web.console.dialogs import Choice, ask
from api.web.console.frame import Page
from api.web.console.parts import attempt, button, confirm, drawn, ordered, tag
from api.web.console.together import Press, Together, Values, once
from api.web.reviewed import open_review
from knowledge.errors import WrongState
from knowledge.ledger.break_glass import SHORTEST_REASON
from knowledge.vocabulary import Decision, ManualStep, Principal

Way = Literal["approve", "reject", "glass"]
KINDS: dict[Way, str] = {"approve": "go", "reject": "stop", "glass": "stop"}


class Deciding:
    def __init__(self, frame: Page, whole: Together, incident_id: str) -> None:
        self._frame, self._whole, self._id = frame, whole, incident_id
        self._visit = frame.visit

    def offer_decision(self) -> None:
        self._whole.offer(_ways, self._decision)

    def offer_manual_steps(self) -> None:
        self._whole.offer(_manual, self._manual_steps, "manual-place")

    def offer_execution(self) -> None:
        self._whole.offer(_control, self._execution)

    def _decision(self, values: Values) -> None:
        for way in _ways(values):
            name = "glass" if way == "glass" else way
            button(self._frame.word(f"approval.{name}"), once(self._vote(way)), kind=KINDS[way])

    def _vote(self, way: Way) -> Press:
        async def vote() -> None:
            view = await attempt(self._visit, self._waiting)
            if view is None or view.approval is None:
                return
            reason = await self._asked(way, view)
            if reason is None:
                return
            order = {
                "decision": Decision.REJECT if way == "reject" else Decision.APPROVE,
                "reason": reason,
                "digest": view.digest,
                "break_glass": way == "glass",
            }
            request = view.approval.id
            act = lambda desk, who: acts.decide(desk, who, request, ordered(acts.DecisionOrder, **order))  # noqa: E731
            await self._done(act, done="done.rejected" if way == "reject" else "done.approved")

        return vote

    def _waiting(self, desk: Desk, principal: Principal) -> ReviewView:
        """What would be decided on, as it is now. WrongState when nothing waits any more."""
        view = open_review(desk, principal, incident_within(desk, principal, self._id))
        if view.approval is None or view.approval.seconds_left is None:
            raise WrongState("this request is not waiting any more", next_step="look at the page again")
        return view

    async def _asked(self, way: Way, view: ReviewView) -> str | None:
        word = self._frame.word
        label = word("approval.glass_lead" if way == "glass" else "approval.reason")
        shortest = {"approve": 0, "reject": 1, "glass": SHORTEST_REASON}[way]
        if way == "reject":
            label = f"{label} ({word('approval.reason_hint')})"
        go = word("approval.glass_break" if way == "glass" else f"approval.{way}")
        given = await ask(
            self._visit,
            word(f"approval.{way}_this"),
            [Choice("reason", label, shortest=shortest)],
            go,
            body=lambda: drawn(self._visit, "decision_dialog.html", view=view),
            kind=KINDS[way],
        )
        return None if given is None else given["reason"]

    def _manual_steps(self, values: Values) -> None:
        word = self._frame.word
        plan = values["dossier"].plan
        with tag("section", "card", aria_label=word("plan.manual")):
            tag("h2", text=word("plan.manual"))
            if not values["may_tick"]:
                tag("p", "dim small", text=word("plan.tick_later"))
            with tag("ol", "manual"):
                for step in plan.manual_steps:
                    self._manual_step(values, plan.id, step)

    def _manual_step(self, values: Values, plan_id: str, step: ManualStep) -> None:
        word = self._frame.word
        said = step.instruction.within(self._visit.language)
        with tag("li", "is-done" if step.done_by else ""):
            tag("span", text=said)
            if step.done_by:
                drawn(self._visit, "ticked.html", step=step)
            elif values["may_respond"] and values["may_tick"]:
                tick = once(lambda: self._done(acts.tick, plan_id, step.index, done="done.ticked"))
                button(word("plan.tick"), tick, kind="small", aria_label=f"{word('plan.tick')}: {said[:80]}")

    def _execution(self, values: Values) -> None:
        execution = values["dossier"].execution.id
        word = self._frame.word
        if values["may_cancel"]:
            button(word("execution.cancel"), once(lambda: self._cancel(execution)), kind="stop")
        if values["may_undo"]:
            button(word("execution.undo"), once(lambda: self._undo(execution)), kind="stop")

    async def _cancel(self, execution_id: str) -> None:
        word = self._frame.word
        said = await confirm(
            self._visit, word("execution.cancel"), word("execution.cancel_lead"), word("execution.cancel"), danger=True
        )
        if said is not None:
            await self._done(acts.cancel, execution_id, done="done.cancelled")

    async def _undo(self, execution_id: str) -> None:
        word = self._frame.word
        said = await confirm(
            self._visit, word("execution.undo"), word("execution.undo_lead"), word("execution.undo"), danger=True
        )
        if said is not None:
            await self._done(acts.undo, execution_id, done="done.undo")

    async def _done(self, act: Callable[..., Any], *given: Any, done: str) -> None:
        if await attempt(self._visit, act, *given, done=done) is not None:
            await self._frame.following.now()


def _ways(values: Values) -> tuple[Way, ...]:
    """How the reader may decide; nothing where they may not."""
    view: ReviewView | None = values["view"]
    if view is None or view.may_vote is None or not values["waits"]:
        return ()
    found: list[Way] = ["approve", "reject"] if view.may_vote.may else []
    return (*found, "glass") if view.may_vote.may_break_glass else tuple(found)


def _manual(values: Values) -> Hashable:
    plan = values["dossier"].plan
    steps = plan.manual_steps if plan is not None else ()
    return (plan.id, steps, values["may_respond"], values["may_tick"]) if steps else ()


def _control(values: Values) -> Hashable:
    execution = values["dossier"].execution
    if execution is None or not (values["may_cancel"] or values["may_undo"]):
        return ()
    return (execution.id, values["may_cancel"], values["may_undo"])
