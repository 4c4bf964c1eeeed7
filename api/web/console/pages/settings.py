"""How the desk itself is: every connection and right tried, the modes of its clusters, the freeze, and what is set."""

from __future__ import annotations

from typing import Any

from nicegui import ui
from starlette.concurrency import run_in_threadpool

from api.health import Check, check_everything, described_settings
from api.settings import Settings
from api.web import acts
from api.web.access import require_site_admin
from api.web.console.frame import Page, page
from api.web.console.parts import Section, attempt, button, confirm, drawn, ordered, tag
from api.web.routes.switches import frozen_within
from knowledge.errors import NotAuthorised
from knowledge.vocabulary import Role


@page("/settings", "settings", "settings.title")
async def settings(frame: Page) -> None:
    visit = frame.visit
    desk = visit.face.desk
    tag("h1", text=frame.word("settings.title"))
    modes = Section(visit, "settings_modes.html", lambda: _modes(frame))
    await modes.refresh()
    frame.following.add(modes, lambda: tuple((one.cluster, one.frozen_at) for one in desk.ledger.switches.list()))
    if visit.may_any(Role.ADMIN):
        _freeze(frame, modes)
    if not _is_site_admin(frame):
        tag("p", "dim", text=frame.word("settings.admins_see"))
        return
    found: dict[str, list[Check] | None] = {"checks": None}
    with tag("div", "head"):
        tag("h2", text=frame.word("settings.checks"))
        again = button(frame.word("settings.check"), lambda: run(), kind="small")  # noqa: PLW0108 - named below
    checks = Section(visit, "settings_checks.html", lambda: {"checks": found["checks"]})
    await checks.refresh()

    async def run() -> None:
        again.props["disabled"] = True
        require_site_admin(await run_in_threadpool(visit.still_signed_in))
        found["checks"] = await check_everything(desk.settings)
        await checks.refresh()
        del again.props["disabled"]

    described = await run_in_threadpool(lambda: list(described_settings(Settings, now=desk.settings)))
    drawn(visit, "settings_all.html", described=described)
    ui.timer(0.1, run, once=True)  # last: a page is sent when the first of its timers waits for the browser


def _is_site_admin(frame: Page) -> bool:
    try:
        require_site_admin(frame.visit.principal)
    except NotAuthorised:
        return False
    return True


def _modes(frame: Page) -> dict[str, Any]:
    """Blocking."""
    desk, principal = frame.visit.face.desk, frame.visit.principal
    within = set(acts.clusters_within(desk, principal))
    return {
        "clusters": [one for one in desk.settings.clusters if one.name in within],
        "freezes": frozen_within(desk, principal),
        "model": next((one for one in desk.settings.models if one.name == desk.settings.model), None),
    }


def _freeze(frame: Page, modes: Section) -> None:
    visit = frame.visit
    desk = visit.face.desk
    mine = acts.clusters_within(desk, visit.principal)
    every = ["*"] if "*" in visit.principal.scope.clusters else []

    async def freeze(cluster: str) -> None:
        title = frame.word("settings.freeze")
        reason = await confirm(
            visit, title, frame.word("settings.freeze_lead"), title, danger=True, reason=frame.word("settings.reason")
        )
        if reason is None:
            return
        await attempt(
            visit,
            lambda desk, who: acts.freeze(desk, who, ordered(acts.FreezeOrder, cluster=cluster, reason=reason)),
            done="done.frozen",
        )
        await modes.refresh()

    async def thaw(cluster: str) -> None:
        title = frame.word("settings.thaw")
        if await confirm(visit, title, frame.word("settings.thaw_lead"), title) is None:
            return
        await attempt(visit, acts.unfreeze, cluster, done="done.thawed")
        await modes.refresh()

    with tag("div", "row"):
        names = {one: frame.word("settings.all_clusters") if one == "*" else one for one in [*every, *mine]}
        if not names:
            return
        choice = ui.select(names, value=next(iter(names)), label=frame.word("list.cluster")).props("outlined dense")
        button(frame.word("settings.freeze"), lambda: freeze(str(choice.value)), kind="stop")
        button(frame.word("settings.thaw"), lambda: thaw(str(choice.value)))
