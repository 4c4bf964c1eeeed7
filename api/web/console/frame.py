"""The frame that every page of the console stands in: who is visiting, in which language and light, what is frozen, what waits."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from fastapi import Request
from fastapi.responses import RedirectResponse, Response
from nicegui import ui
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from api.web.console.following import Following
from api.web.console.parts import Section, drawn, tag
from api.web.console.places import frame_values
from api.web.console.visit import SignInFirst, Visit, problem_page, said_before, sign_in_address, visit_of
from api.web.problems import bug_problem, plain_problem, problem_of
from api.web.words import word
from knowledge.errors import OpsdeskError

BUILD_SECONDS = 20.0


Build = Callable[..., Awaitable[None]]


@dataclass
class Page:
    """What a page is built with. ``following`` keeps its sections true while somebody looks."""

    visit: Visit
    following: Following

    def word(self, key: str, **values: object) -> str:
        return word(key, self.visit.language, **values)


def page(path: str, section: str, title: str) -> Callable[[Build], Build]:
    """Makes ``build(page, ...)`` the console's page at ``path``: its other parameters are of the path and the query, as
    FastAPI reads them. What is refused is answered as a page that says so, with its status."""

    def register(build: Build) -> Build:
        @wraps(build)
        async def shown(request: Request, **given: Any) -> Response | None:
            try:
                visit = await run_in_threadpool(visit_of, request)
                frame = Page(visit, Following(visit))
                ui.page_title(f"{word(title, visit.language)} - opsdesk")
                with await _framed(frame, section):
                    await build(frame, **given)
                frame.following.start()
            except SignInFirst:
                return RedirectResponse(sign_in_address(request), status_code=303)
            except OpsdeskError as error:
                return await run_in_threadpool(problem_page, request, problem_of(error))
            except HTTPException as error:
                return await run_in_threadpool(problem_page, request, plain_problem(error.status_code, error.detail))
            except Exception as error:  # noqa: BLE001 - the edge: a page that has a bug says so, with an id to find it by
                return await run_in_threadpool(problem_page, request, bug_problem(request.url.path, error))
            return None

        asked = list(inspect.signature(build, eval_str=True).parameters.values())[1:]
        request = inspect.Parameter("request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Request)
        shown.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [request, *(one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in asked)],
            return_annotation=inspect.Signature.empty,
        )
        ui.page(path, response_timeout=BUILD_SECONDS, include_in_schema=False)(shown)
        return build

    return register


async def _framed(frame: Page, section: str) -> Any:
    """The bar and the rail; answers with the element that the page goes into."""
    visit = frame.visit
    ui.dark_mode({"dark": True, "light": False}.get(visit.theme))
    ui.colors(primary="#0f766e", positive="#14713b", negative="#b42318", warning="#8a5300")
    content = ui.context.client.content.classes("desk")
    if content.parent_slot is not None:  # Quasar's page is a <main> too, around everything: ours is the one that counts
        content.parent_slot.parent.props["role"] = "presentation"
    tag("a", "skip", text=frame.word("nav.skip"), href="#main")

    bar = Section(visit, "bar.html", lambda: frame_values(visit.face.desk, visit.principal, section), classes="frame")
    await bar.refresh()
    frame.following.add(bar, stamp=None)
    main = tag("main", id="main", tabindex="-1")
    said = said_before(visit.request)
    with main:
        if said:
            drawn(visit, "said.html", kind=said[0], text=said[1])
    return main
