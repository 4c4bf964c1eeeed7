"""What people do with an incident itself: take it, hand it to somebody, close it, open it again, merge it, judge it."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from nicegui import ui
from starlette.concurrency import run_in_threadpool

from api.web import acts
from api.web.console.dialogs import Choice, ask
from api.web.console.frame import Page
from api.web.console.parts import attempt, button, confirm, ordered
from api.web.console.together import Press, Together, Values, once
from knowledge.ledger.lifecycle import ENDS
from knowledge.vocabulary import IncidentStatus, Role

MOST_OTHERS = 100
VERDICTS = ("right", "partly", "wrong")


class Handling:
    def __init__(self, frame: Page, whole: Together, incident_id: str) -> None:
        self._frame, self._whole, self._id = frame, whole, incident_id
        self._visit, self._desk = frame.visit, frame.visit.face.desk

    def offer_head(self) -> None:
        self._whole.offer(self._what, self._head, "row offers head-offers")

    def offer_feedback(self) -> None:
        self._whole.offer(
            lambda values: values["may_respond"] and values["dossier"].diagnosis is not None, self._feedback
        )

    def _what(self, values: Values) -> Hashable:
        """Which of the deeds there are at this moment."""
        if not values["may_respond"] or values["is_merged"]:
            return ()
        incident = values["incident"]
        found = ["assign", "merge"]
        if incident.assignee != self._visit.principal.id:
            found.insert(0, "take")
        found.append("reopen" if values["has_ended"] else "close")
        if values["has_ended"] and incident.status is not IncidentStatus.CLOSED:
            found.append("close")
        return tuple(found)

    def _head(self, values: Values) -> None:
        deeds: dict[str, Press] = {
            "take": self._take,
            "assign": self._assign,
            "merge": self._merge,
            "close": self._close,
            "reopen": self._reopen,
        }
        for name in self._what(values):  # type: ignore[attr-defined]
            kind = "primary" if name == "take" and not values["incident"].assignee else ""
            button(self._frame.word(f"incident.{name}"), once(deeds[name]), kind=kind)

    async def _done(self, act: Callable[..., Any], *given: Any, done: str) -> None:
        if await attempt(self._visit, act, *given, done=done) is not None:
            await self._frame.following.now()

    async def _take(self) -> None:
        order = ordered(acts.AssignOrder, assignee=self._visit.principal.id)
        await self._done(acts.assign, self._id, order, done="done.assigned")

    async def _assign(self) -> None:
        word = self._frame.word
        people = await run_in_threadpool(self._people)
        chosen = self._whole.values["incident"].assignee
        field = Choice("assignee", word("incident.assignee"), {"": word("incident.nobody"), **people}, chosen)
        given = await ask(self._visit, word("incident.assign"), [field], word("incident.assign"))
        if given is not None:
            act = lambda desk, who: acts.assign(desk, who, self._id, ordered(acts.AssignOrder, **given))  # noqa: E731
            await self._done(act, done="done.assigned")

    def _people(self) -> dict[str, str]:
        """Who may answer for an incident: persons with the role."""
        found = self._desk.ledger.principals.list()
        return {one.id: one.name for one in found if one.kind == "person" and one.may(Role.RESPONDER)}

    async def _close(self) -> None:
        word = self._frame.word
        reason = await confirm(
            self._visit, word("incident.close"), "", word("incident.close"), reason=word("incident.close_reason")
        )
        if reason:
            act = lambda desk, who: acts.close(desk, who, self._id, ordered(acts.ReasonOrder, reason=reason))  # noqa: E731
            await self._done(act, done="done.closed")

    async def _reopen(self) -> None:
        word = self._frame.word
        reason = await confirm(
            self._visit, word("incident.reopen"), "", word("incident.reopen"), reason=word("incident.reopen_reason")
        )
        if reason:
            act = lambda desk, who: acts.reopen(desk, who, self._id, ordered(acts.ReasonOrder, reason=reason))  # noqa: E731
            await self._done(act, done="done.reopened")

    async def _merge(self) -> None:
        word = self._frame.word
        others = await run_in_threadpool(self._others)
        field = Choice("into", word("incident.merge_into"), others, "", is_open=True)
        given = await ask(self._visit, word("incident.merge"), [field], word("incident.merge"), danger=True)
        if given is None:
            return
        act = lambda desk, who: acts.merge(desk, who, self._id, ordered(acts.MergeOrder, **given))  # noqa: E731
        into = await attempt(self._visit, act, done="done.merged")
        if into is not None:
            ui.navigate.to(f"/incidents/{into.id}")

    def _others(self) -> dict[str, str]:
        """The incidents of the same cluster that are open, newest first."""
        mine = self._whole.values["incident"]
        scope = self._visit.still_signed_in().scope
        alive = [status for status in IncidentStatus if status not in ENDS]
        found = self._desk.ledger.incidents.list(scope, status=alive, cluster=mine.cluster, limit=MOST_OTHERS)
        return {one.id: f"{one.title[:90]} ({one.id})" for one in found if one.id != mine.id}

    def _feedback(self, values: Values) -> None:
        del values
        for verdict in VERDICTS:
            button(self._frame.word(f"feedback.{verdict}"), once(self._judge(verdict)), kind="small")

    def _judge(self, verdict: str) -> Press:
        async def judge() -> None:
            word = self._frame.word
            title = f"{word('feedback.title')} {word(f'feedback.{verdict}')}"
            given = await ask(self._visit, title, [Choice("text", word("feedback.text"))], word("feedback.send"))
            if given is None:
                return
            act = lambda desk, who: acts.give_feedback(  # noqa: E731
                desk, who, self._id, ordered(acts.FeedbackOrder, verdict=verdict, text=given["text"])
            )
            await self._done(act, done="done.feedback")

        return judge
