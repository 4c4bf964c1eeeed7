"""The knowledge base: searched by words and by meaning, browsed, and added to."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Query
from nicegui import events, ui
from starlette.concurrency import run_in_threadpool

from api.web import lore
from api.web.console.filtering import Filters, query_of
from api.web.console.frame import Page, page
from api.web.console.parts import Section, attempt, button, confirm, drawn, ordered, say, tag
from api.web.console.rendering import visible
from api.web.routes.knowledge import search
from knowledge.errors import NotFound
from knowledge.ingest import FileOutcome
from knowledge.vocabulary import CaseKind, Layer, Role

SHOWN = 40
Word = Annotated[str, Query(max_length=4_000)]
TABS = ("cases", "documents", "lessons")


@page("/knowledge", "knowledge", "knowledge.title")
async def knowledge(
    frame: Page,
    q: Word = "",
    tab: Word = "cases",
    kind: Word = "",
    layer: Word = "",
    at: Annotated[int, Query(ge=0, le=100_000)] = 0,
) -> None:
    given: dict[str, Any] = {
        "q": q,
        "tab": tab if tab in TABS else "cases",
        "kind": kind if kind in set(CaseKind) else "",
        "layer": layer if layer in set(Layer) else "",
        "at": at,
    }
    desk, principal = frame.visit.face.desk, frame.visit.principal
    with tag("div", "head"):
        tag("h1", text=frame.word("knowledge.title"))
        with tag("div", "row ends"):
            if principal.may(Role.RESPONDER):
                button(frame.word("knowledge.propose"), lambda: ui.navigate.to("/knowledge/propose"), kind="small")
            if principal.may(Role.ADMIN):
                button(frame.word("knowledge.import"), lambda: ui.navigate.to("/knowledge/import"), kind="small")
    section = Section(frame.visit, "knowledge_list.html", lambda: _values(frame, given))

    filters = Filters(frame, "/knowledge", given, section, label=frame.word("knowledge.search"))
    filters.field("q", frame.word("knowledge.search"), most=4_000, grow=True)
    kinds = {one.value: frame.word(f"case_kind.{one.value}") for one in CaseKind}
    filters.choice("kind", frame.word("knowledge.kind"), kinds)
    filters.choice("layer", frame.word("knowledge.layer"), {one.value: one.value for one in Layer})
    section.element.move(target_index=-1)
    await section.refresh()
    if given["tab"] == "lessons":
        frame.following.add(section, lambda: tuple(one.id for one in lore.lessons_within(desk, principal)))


def _values(frame: Page, given: dict[str, Any]) -> dict[str, Any]:
    """What ``knowledge_list.html`` names. Blocking."""
    desk, principal = frame.visit.face.desk, frame.visit.principal
    cases = [row for row in desk.library.entries("cases") if row.is_within(principal.scope)]
    documents = desk.library.entries("documents")
    lessons = lore.lessons_within(desk, principal)
    found = None
    if given["q"]:
        kinds = [CaseKind(given["kind"])] if given["kind"] else None
        layers = [Layer(given["layer"])] if given["layer"] else None
        found = search(desk, principal, given["q"], kind=kinds, layer=layers, limit=20)
    fitting = [row for row in cases if given["kind"] in {"", row.kind} and given["layer"] in {"", row.layer}]
    rows = documents if given["tab"] == "documents" else fitting
    shown = rows[given["at"] : given["at"] + SHOWN]
    outcomes = desk.ledger.outcomes.counts([row.key[1] for row in shown]) if given["tab"] == "cases" else {}
    turned = {name: query_of(given, tab=name, at=0, q="") for name in TABS}
    return {
        "given": given,
        "found": found,
        "rows": shown,
        "count": len(rows),
        "counts": {"cases": len(cases), "documents": len(documents), "lessons": len(lessons)},
        "lessons": lessons,
        "outcomes": outcomes,
        "tabs": turned,
        "later": query_of(given, at=given["at"] + SHOWN) if given["at"] + SHOWN < len(rows) else "",
        "earlier": query_of(given, at=max(0, given["at"] - SHOWN)) if given["at"] else "",
    }


@page("/knowledge/cases/{case_id}", "knowledge", "knowledge.case")
async def case(frame: Page, case_id: str) -> None:
    desk, principal = frame.visit.face.desk, frame.visit.principal
    found, markdown = await run_in_threadpool(lore.case_within, desk, principal, case_id)
    held = await run_in_threadpool(desk.ledger.outcomes.counts, [found.id])
    drawn(frame.visit, "case.html", case=found, markdown=markdown, outcomes=held[found.id])


@page("/knowledge/documents/{document_id}", "knowledge", "knowledge.document")
async def document(frame: Page, document_id: str) -> None:
    desk = frame.visit.face.desk
    entries = await run_in_threadpool(desk.library.entries, "documents")
    row = next((one for one in entries if one.key[1] == document_id), None)
    text = await run_in_threadpool(desk.library.document_text, document_id) if row else None
    if row is None or text is None:
        raise NotFound(f"there is no document {document_id}", next_step="look for it in the knowledge base")
    drawn(frame.visit, "document.html", row=row, text=text)


@page("/knowledge/propose", "knowledge", "knowledge.propose")
async def propose(frame: Page) -> None:
    frame.visit.require(Role.RESPONDER)
    tag("h1", text=frame.word("knowledge.propose"))
    tag("p", "dim", text=frame.word("knowledge.propose_lead"))
    field = _markdown_field(frame, CASE_FORM)

    async def send() -> None:
        lesson = await attempt(
            frame.visit,
            lambda desk, who: lore.propose(desk, who, ordered(lore.CaseOrder, markdown=field.value or "")),
            done="done.proposed",
        )
        if lesson:
            ui.navigate.to("/knowledge?tab=lessons")

    with tag("div", "row"):
        button(frame.word("knowledge.propose_send"), send, kind="primary")


@page("/knowledge/lessons/{lesson_id}", "knowledge", "knowledge.lesson")
async def lesson(frame: Page, lesson_id: str) -> None:
    desk, visit = frame.visit.face.desk, frame.visit
    found = await run_in_threadpool(lore.lesson_within, desk, visit.principal, lesson_id)
    drawn(visit, "lesson_head.html", lesson=found)
    if found.status != "proposed" or not visit.may_any(Role.RESPONDER, Role.APPROVER):
        drawn(visit, "markdown.html", markdown=found.markdown)
        return
    field = _markdown_field(frame, found.markdown)

    async def decide(decision: str) -> None:
        go = frame.word(f"lesson.{decision}")
        lead = frame.word(f"lesson.{decision}_lead")
        if await confirm(visit, go, lead, go, danger=decision == "reject") is None:
            return
        text = field.value if decision == "accept" else ""
        done = await attempt(
            visit,
            lambda desk, who: lore.decide(
                desk, who, found.id, ordered(lore.LessonDecision, decision=decision, markdown=text)
            ),
            done=f"done.lesson_{decision}",
        )
        if done:
            ui.navigate.to(
                f"/knowledge/cases/{quote(lore.case_of(done))}" if decision == "accept" else "/knowledge?tab=lessons"
            )

    with tag("div", "row"):
        button(frame.word("lesson.accept"), lambda: decide("accept"), kind="go")
        button(frame.word("lesson.reject"), lambda: decide("reject"), kind="stop")


@page("/knowledge/import", "knowledge", "knowledge.import")
async def import_files(frame: Page) -> None:
    visit = frame.visit
    visit.require(Role.ADMIN)
    tag("h1", text=frame.word("knowledge.import"))
    tag("p", "dim", text=frame.word("knowledge.import_lead"))
    files: list[lore.Upload] = []
    done: list[FileOutcome] = []
    with tag("div", "card stack"):
        picker = ui.upload(multiple=True, auto_upload=True, max_files=lore.MOST_FILES).classes("hidden-upload")
        picking = tag("div", "row")
        progress = ui.linear_progress(0.0, show_value=False)
        progress.props["aria-label"] = frame.word("knowledge.import_progress")
        progress.set_visibility(False)
        place = tag("div", "row")
    report = Section(visit, "import_report.html", lambda: {"files": done})

    async def received(event: events.UploadEventArguments) -> None:
        body = await event.file.read()
        held = sum(len(one.body) for one in files)
        if len(files) >= lore.MOST_FILES or held + len(body) > lore.MOST_UPLOAD_BYTES:
            say(frame.word("knowledge.import_full"), good=False)
            return
        files.append(lore.Upload(event.file.name[:200], body))
        chosen.set_text(frame.word("knowledge.import_chosen", count=len(files)))

    async def run() -> None:
        if not files:
            return
        go.props["disabled"] = True
        done.clear()
        progress.set_visibility(True)
        progress.set_value(0.0)
        steps: list[tuple[int, int]] = []

        def told(at: int, of: int, outcome: FileOutcome) -> None:
            done.append(outcome)
            steps.append((at, of))

        async def show() -> None:
            if steps:
                progress.set_value(steps[-1][0] / steps[-1][1])
            await report.refresh()

        watching = ui.timer(0.5, show)
        await attempt(visit, lore.take_in, list(files), told)
        watching.cancel()
        await show()
        files.clear()
        picker.reset()
        chosen.set_text("")
        del go.props["disabled"]

    with picking:
        button(frame.word("knowledge.import_pick"), lambda: picker.run_method("pickFiles"))
        chosen = ui.label("").classes("dim")
    with place:
        go = button(frame.word("knowledge.import_go"), run, kind="primary")
    picker.on_upload(received)
    await report.refresh()


def _markdown_field(frame: Page, text: str) -> ui.textarea:
    field = ui.textarea(frame.word("knowledge.markdown"), value=visible(text)).classes("editor")
    field.props("outlined autogrow spellcheck=false debounce=200")
    return field


CASE_FORM = """---
id: short-name-of-the-fault
kind: fault
layer: vllm
services: []
faults: []
alerts: []
ask_for: []
sources:
- where this was learned
title:
  en: What happens, in a few words
  zh: 用几个字说明发生了什么
---

## Symptoms / 症状

en: What a person sees.

zh: 人看到的现象。

## Cause / 原因

en: Why it happens.

zh: 为什么会发生。

## Remedy / 处置

```kubectl
kubectl rollout restart deployment/<deployment> -n <namespace>
```

1. en: What only a person can do.
   zh: 只有人能做的步骤。

## Verification / 验证

en: How one sees that it is over.

zh: 如何确认已恢复。
"""
