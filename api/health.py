"""What `doctor` and the settings page say: each connection and permission, tried for real, with the next step."""

from __future__ import annotations

import asyncio
import inspect
import os
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from api.bootstrap import open_ledger, open_library, open_model, open_reader, open_writer
from api.settings import ClusterSettings, Settings
from knowledge.errors import OpsdeskError
from knowledge.vocabulary import Mode

State = Literal["ok", "warning", "broken", "off"]

READS = (
    ("list", "pods"),
    ("list", "events"),
    ("get", "pods/log"),
    ("list", "deployments.apps"),
    ("list", "nodes"),
    ("list", "services"),
    ("list", "persistentvolumeclaims"),
    ("list", "resourcequotas"),
    ("list", "horizontalpodautoscalers.autoscaling"),
)
"""What the reader needs for a whole diagnosis; each one missing becomes a gap."""


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    state: State
    detail: str
    next_step: str = ""


async def check_everything(settings: Settings) -> list[Check]:
    """All checks, side by side; each is bounded, none raises."""
    jobs: list[Awaitable[list[Check]]] = [
        asyncio.to_thread(_guarded, "ledger", _check_ledger, settings),
        asyncio.to_thread(_guarded, "library", _check_library, settings),
        asyncio.to_thread(_guarded, "home", _check_home, settings),
        _check_model(settings),
    ]
    jobs += [_check_cluster(cluster) for cluster in settings.clusters]
    found = [check for checks in await asyncio.gather(*jobs) for check in checks]
    if not settings.clusters:
        step = "list clusters in the settings file: clusters: [{name: lab, kubeconfig: /path/to/kubeconfig}]"
        found.append(Check("clusters", "warning", "none is configured", step))
    return found


def _guarded(name: str, check: Callable[[Settings], list[Check]], settings: Settings) -> list[Check]:
    try:
        return check(settings)
    except OpsdeskError as error:
        return [Check(name, "broken", error.message, error.next_step)]


def _check_home(settings: Settings) -> list[Check]:
    home = settings.home_path
    if not home.exists():
        return [Check("home", "ok", f"{home} will be made when it is needed")]
    mode = home.stat().st_mode & 0o777
    if mode & 0o077:
        return [Check("home", "warning", f"{home} is open to others (mode {mode:o})", f"chmod 700 {home}")]
    writable = os.access(home, os.W_OK)
    return [Check("home", "ok" if writable else "broken", str(home), "" if writable else f"make {home} writable")]


def _check_ledger(settings: Settings) -> list[Check]:
    with open_ledger(settings) as ledger:
        principals = ledger.principals.list()
        count, bad = ledger.audit.verify()
        frozen = ledger.switches.is_frozen("*")
    checks = [Check("ledger", "ok", f"{settings.ledger.split('@')[-1]}, {count} audit entries")]
    if bad is not None:
        checks.append(
            Check("audit", "broken", f"the chain breaks at entry {bad}", "compare with a backup: it was edited")
        )
    if not principals:
        checks.append(Check("users", "warning", "nobody can sign in yet", "opsdesk user add NAME --role admin"))
    if frozen:
        checks.append(Check("freeze", "warning", f"executions are frozen: {frozen}", "opsdesk unfreeze"))
    return checks


def _check_library(settings: Settings) -> list[Check]:
    with open_ledger(settings) as ledger:
        health = open_library(settings, ledger).check()
    held = f"{health.cases} cases, {health.documents} documents, embedded by {health.embedder}"
    if health.is_sound:
        return [Check("library", "ok", held)]
    return [Check("library", "warning", f"{held}; the index: {health.problem}", "opsdesk kb rebuild")]


async def _check_model(settings: Settings) -> list[Check]:
    model = open_model(settings)
    if model is None:
        return [Check("model", "off", "no model: the desk works offline")]
    try:
        answer = await model.answer("Answer with the word ok.", "ok?", max_tokens=10)
    except OpsdeskError as error:
        return [Check("model", "warning", f"{error.message}: the offline desk stands in", error.next_step)]
    return [Check("model", "ok", f"{model.profile} answered in {answer.seconds:.1f} s")]


async def _check_cluster(cluster: ClusterSettings) -> list[Check]:
    name = f"cluster {cluster.name}"
    try:
        reader = open_reader(cluster)
        version = await reader.version()
        kinds = {kind.resource: kind for kind in await reader.kinds()}
        missing = []
        for verb, resource in READS:
            plural, _, subresource = resource.partition("/")
            if plural in kinds and not await reader.may(verb, kinds[plural], subresource=subresource):
                missing.append(f"{verb} {resource}")
        reads_secrets = "secrets" in kinds and await reader.may("list", kinds["secrets"])
    except OpsdeskError as error:
        return [Check(name, "broken", error.message, error.next_step)]
    checks = [Check(name, "ok", f"Kubernetes {version}, mode {cluster.mode}")]
    if missing:
        step = "grant the reader these, or live with the gaps"
        checks.append(Check(f"{name} reader", "warning", "may not " + ", ".join(missing), step))
    if reads_secrets:
        step = "take that right away: opsdesk never needs it"
        checks.append(Check(f"{name} reader", "warning", "may list Secrets", step))
    checks += await _check_metrics(cluster)
    if cluster.mode is Mode.EXECUTE:
        checks += await _check_executor(cluster)
    return checks


async def _check_metrics(cluster: ClusterSettings) -> list[Check]:
    name = f"cluster {cluster.name} metrics"
    if not cluster.prometheus_url:
        return [Check(name, "off", "no prometheus_url: metrics will be a gap")]
    from api.bootstrap import open_cluster

    metrics = open_cluster(cluster).metrics
    assert metrics is not None
    try:
        return [Check(name, "ok", f"{cluster.prometheus_url}, {await metrics.ready()}")]
    except OpsdeskError as error:
        return [Check(name, "broken", error.message, error.next_step or "check prometheus_url")]


async def _check_executor(cluster: ClusterSettings) -> list[Check]:
    name = f"cluster {cluster.name} executor"
    try:
        writer = open_writer(cluster)
        rules = await writer.rights("default")
    except OpsdeskError as error:
        return [Check(name, "broken", error.message, error.next_step)]
    broad = any("*" in rule.get("verbs", ()) and "*" in rule.get("resources", ()) for rule in rules)
    if broad and not cluster.accept_broad_rights:
        step = "give it only what the enabled actions need, or set accept_broad_rights: true"
        return [Check(name, "broken", "its identity may do everything", step)]
    return [Check(name, "warning" if broad else "ok", "may do everything, accepted" if broad else "ready")]


def described_settings(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every setting's name and meaning: the first sentence of the docstring under its field."""
    documented = _docstrings(model)
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from described_settings(inner, f"{prefix}{name}.")
        else:
            default = "" if field.is_required() else f" (default: {field.get_default(call_default_factory=True)!r})"
            yield f"{prefix}{name}", documented.get(name, "") + default


def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    source = inspect.getsource(model)
    found = re.findall(r"^    (\w+): [^\n]*\n    \"\"\"(.+?)\"\"\"", source, re.MULTILINE | re.DOTALL)
    return {name: " ".join(text.split()) for name, text in found}
