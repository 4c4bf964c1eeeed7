"""The web face, put together. It starts no worker: ``api.serve`` does, beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.middleware import Middleware

from api.bootstrap import Desk, prepare_home, utc_now
from api.chat import Chat
from api.identity.door import Door
from api.slack.mounting import mount_slack
from api.web.access import Face
from api.web.console.installing import install_console, install_pages
from api.web.described import DescribedApi
from api.web.headers import SecurityHeaders
from api.web.limits import BodyLimit
from api.web.metrics import DeskMetrics
from api.web.problems import install_problems
from api.web.routes import (
    approvals,
    audit,
    chat,
    events,
    health,
    incidents,
    knowledge,
    linking,
    pasted,
    reports,
    switches,
    webhooks,
)
from api.web.sessions import Sessions

if TYPE_CHECKING:
    from tools.contracts import AlertSource

KEY_FILE = "session.key"

DESCRIPTION = """
The AI service desk for clusters that serve AI models: alerts and tickets in, a diagnosed, reviewed, approved and verified
fix out.

**Who acts**: `Authorization: Bearer ops_...`, a personal token (`opsdesk user token NAME`). Webhooks prove themselves with
their source's secret instead. Everything is read within the asker's scope; what lies outside is not found.

**Errors** are problem details (RFC 9457): `type`, `title`, `status`, `detail`, and where they help `next_step`, `line`,
`column`, `errors`, `correlation_id`.

**Lists** are newest first; pass `next` as `before` for the page after.
"""

TAGS = [
    {"name": "webhooks", "description": "Machines speak: Alertmanager, Grafana, or a generic form."},
    {"name": "tickets", "description": "People ask."},
    {"name": "incidents", "description": "The desk's record of either, from opening to lesson."},
    {"name": "chat", "description": "Ask anything; answers cite, and can become an incident."},
    {"name": "evidence", "description": "What a diagnosis rests on."},
    {"name": "approvals", "description": "What waits for people."},
    {"name": "plans", "description": "Manual steps."},
    {"name": "executions", "description": "What was done, stopped, or taken back."},
    {"name": "knowledge", "description": "Cases, documents, detectors, and the offline review of a script."},
    {"name": "reports", "description": "Figures: times, recurrence, accuracy, approvals, model, detectors."},
    {"name": "desk", "description": "Who I am, and the freeze."},
    {"name": "admin", "description": "Users and sources."},
    {"name": "health", "description": "For probes and Prometheus."},
]


def create_app(
    desk: Desk,
    *,
    alert_sources: Mapping[str, AlertSource] | None = None,
    now: Callable[[], datetime] = utc_now,
) -> FastAPI:
    """The application over an open desk. ``alert_sources`` by kind; default: those that are installed."""
    web = desk.settings.web
    sessions = Sessions(
        prepare_home(desk.settings) / KEY_FILE,
        desk.ledger.browser_sessions,
        lifetime=timedelta(hours=web.session_hours),
        idle=timedelta(hours=desk.settings.sign_in.idle_hours),
    )
    door = Door(desk.settings.sign_in, desk.ledger, sessions, desk.settings.oidc)
    app = DescribedApi(
        title="opsdesk",
        version=_version(),
        description=DESCRIPTION,
        openapi_url="/api/v1/openapi.json",
        docs_url=None,  # the stock pages load scripts from a CDN; nothing of ours leaves the host
        redoc_url=None,
        openapi_tags=TAGS,
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(BodyLimit, maximum_bytes=web.maximum_body_bytes),
        ],
    )
    talk = app.state.chat = Chat(desk)
    face = app.state.face = Face(
        desk=desk, sessions=sessions, metrics=DeskMetrics(desk.ledger), door=door, chat=talk, now=now
    )
    app.state.should_stop = _never
    app.state.alert_sources = _installed_sources() if alert_sources is None else dict(alert_sources)
    for part in (webhooks, incidents, events, chat, approvals, knowledge, pasted, switches, audit, health, reports):
        app.include_router(part.router)
    app.include_router(linking.router)
    mount_slack(app, desk, talk)
    page = install_console(app)
    install_problems(app, page)
    install_pages(app, face)
    return app


def _installed_sources() -> dict[str, AlertSource]:
    from tools.contracts import AlertSource
    from tools.discovery import load_values

    return load_values("tools.alerts", AlertSource)


def _never() -> bool:
    """Whoever runs the server puts its own word here: streams that have no end of their own then end with it."""
    return False


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("opsdesk")
    except PackageNotFoundError:
        return "0"
