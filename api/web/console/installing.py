"""Puts the console on the application: static files, the forms of signing in, and the pages."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.web.access import face_of
from api.web.console import account, elsewhere, one_time, sign_in
from api.web.console.rendering import STATIC
from api.web.console.visit import THEME_COOKIE, SignInFirst, local_path, problem_page, sign_in_address

if TYPE_CHECKING:
    from api.web.access import Face

router = APIRouter(include_in_schema=False)
YEAR_SECONDS = 365 * 24 * 3600


class Assets(StaticFiles):
    """Addresses carry the content's digest: a browser may keep what it has."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if b"v=" in scope.get("query_string", b"") and response.status_code == 200:
            response.headers["cache-control"] = "public, max-age=31536000, immutable"
        return response


def install_console(app: FastAPI) -> Callable[[Request, dict[str, Any]], Response]:
    """Adds what needs no page of NiceGUI. Answers with what renders a problem as a page."""
    app.mount("/static", Assets(directory=STATIC), name="static")
    app.include_router(router)
    app.include_router(sign_in.router)
    app.include_router(one_time.router)
    app.include_router(account.router)
    app.include_router(elsewhere.router)

    async def sign_in_first(request: Request, error: Exception) -> Response:
        del error
        return RedirectResponse(sign_in_address(request), status_code=303)

    app.add_exception_handler(SignInFirst, sign_in_first)
    return problem_page


def install_pages(app: FastAPI, face: Face) -> None:
    """Adds the pages: call it when every other route is there."""
    from api.web.console import pages
    from api.web.console.mounting import mount_console

    for module in pkgutil.iter_modules(pages.__path__):
        importlib.import_module(f"{pages.__name__}.{module.name}")  # importing a page registers it
    mount_console(app, face)


@router.get("/")
def front() -> Response:
    return RedirectResponse("/incidents", status_code=303)


@router.get("/theme/{theme}")
def choose_theme(theme: str, request: Request, next: str = "/") -> Response:
    response = RedirectResponse(local_path(next), status_code=303)
    secure = face_of(request).desk.settings.web.secure_cookies
    response.set_cookie(THEME_COOKIE, theme[:8], max_age=YEAR_SECONDS, samesite="lax", httponly=True, secure=secure)
    return response
