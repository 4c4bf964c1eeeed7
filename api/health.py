"""What `doctor` and the settings page say: each connection and permission, tried for real, with the next step."""

from __future__ import annotations

import asyncio
import inspect
import os
import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from pydantic import BaseModel, SecretStr

from api.bootstrap import load_policy, open_ledger, open_library, open_model, open_reader, open_writer, prepare_home
from api.identity.options import OidcSettings
from api.rights import PRINT, fitness_of, policy_in_force
from api.settings import ClusterSettings, Settings
from knowledge.errors import OpsdeskError
from knowledge.vocabulary import Mode
from tools.safety.policy import Policy

LEAST_HASH_COST = 2 * 19_456
"""KiB times passes of argon2id: what OWASP asks for at least."""

State = Literal["ok", "warning", "broken", "off"]

READS = (
    ("get", "pods/log"),
    *(
        ("list", resource)
        for resource in (
            "pods",
            "events",
            "namespaces",
            "nodes",
            "services",
            "endpoints",
            "configmaps",
            "serviceaccounts",
            "persistentvolumeclaims",
            "persistentvolumes",
            "resourcequotas",
            "limitranges",
            "deployments.apps",
            "replicasets.apps",
            "statefulsets.apps",
            "daemonsets.apps",
            "controllerrevisions.apps",
            "jobs.batch",
            "cronjobs.batch",
            "horizontalpodautoscalers.autoscaling",
            "poddisruptionbudgets.policy",
            "endpointslices.discovery.k8s.io",
            "ingresses.networking.k8s.io",
            "networkpolicies.networking.k8s.io",
            "ingressclasses.networking.k8s.io",
            "storageclasses.storage.k8s.io",
            "volumeattachments.storage.k8s.io",
            "priorityclasses.scheduling.k8s.io",
            "validatingwebhookconfigurations.admissionregistration.k8s.io",
            "mutatingwebhookconfigurations.admissionregistration.k8s.io",
        )
    ),
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
        asyncio.to_thread(_guarded, "home", _check_home, settings),
        asyncio.to_thread(_guarded, "ledger", _check_ledger, settings),
        asyncio.to_thread(_guarded, "library", _check_library, settings),
        asyncio.to_thread(_guarded, "sign-in", check_sign_in, settings),
        _check_model(settings),
        *(asyncio.to_thread(check_provider, one, settings) for one in settings.oidc),
        _check_server(settings),
        _check_notices(settings),
        _check_slack(settings),
    ]
    policy, trouble = _policy_of(settings)
    jobs += [_check_cluster(cluster, policy) for cluster in settings.clusters]
    found = [*trouble, *(check for checks in await asyncio.gather(*jobs) for check in checks)]
    if not settings.clusters:
        step = "list clusters in the settings file: clusters: [{name: lab, kubeconfig: /path/to/kubeconfig}]"
        found.append(Check("clusters", "warning", "none is configured", step))
    return found


def _policy_of(settings: Settings) -> tuple[Policy, list[Check]]:
    """The site's policy; the built-in one, and what is wrong with the site's, when that cannot be read."""
    try:
        return load_policy(settings), []
    except OpsdeskError as error:
        return Policy.load(), [Check("policy", "broken", error.message, error.next_step)]


def _guarded(name: str, check: Callable[[Settings], list[Check]], settings: Settings) -> list[Check]:
    try:
        return check(settings)
    except OpsdeskError as error:
        return [Check(name, "broken", error.message, error.next_step)]


def _check_home(settings: Settings) -> list[Check]:
    home = settings.home_path
    if not home.is_dir():
        prepare_home(settings)
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
    checks = [Check("ledger", "ok", f"{_without_password(settings.ledger)}, {count} audit entries")]
    if bad is not None:
        checks.append(Check("audit", "broken", f"the chain breaks at entry {bad}", "see `opsdesk audit verify`"))
    if not principals:
        step = "opsdesk serve prints a link for the first admin, or: opsdesk user invite NAME --role admin"
        checks.append(Check("users", "warning", "nobody can sign in yet", step))
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


def check_sign_in(settings: Settings) -> list[Check]:
    """What makes signing in weaker than it looks. Nothing is said when nothing does."""
    web, costs = settings.web, settings.sign_in
    checks = []
    if web.public_url.lower().startswith("https://") and not web.trusted_proxies:
        step = "set web.trusted_proxies to the proxy's address or network"
        said = "behind a proxy that is not named, all visitors have one address: wrong attempts of one make all wait"
        checks.append(Check("sign-in", "warning", said, step))
    if costs.asks_for_password and costs.hash_memory_kib * costs.hash_passes < LEAST_HASH_COST:
        step = "leave sign_in.hash_memory_kib and sign_in.hash_passes at their defaults"
        checks.append(Check("sign-in", "warning", "passwords are hashed too cheaply", step))
    return checks


def check_provider(one: OidcSettings, settings: Settings) -> list[Check]:
    """Whether a sign-in would get as far as the provider's page: what it says of itself, and its keys."""
    from api.identity.provider import OidcProvider

    name = f"sign-in with {one.name}"
    provider = OidcProvider(one)
    try:
        keys = provider.keys()
    except OpsdeskError as error:
        return [Check(name, "broken", error.message, error.next_step)]
    if not keys:
        return [Check(name, "broken", f"{one.issuer} publishes no key that signs", "ask whoever runs it")]
    checks = [Check(name, "ok", f"{one.issuer}, {len(keys)} keys")]
    if not settings.web.public_url:
        step = f"set web.public_url, and register <public_url>/sign-in/with/{one.name}/back there"
        checks.append(Check(name, "warning", "the address that it sends people back to is not set", step))
    return checks


async def _check_model(settings: Settings) -> list[Check]:
    model = open_model(settings)
    if model is None:
        return [Check("model", "off", "no model: the desk works offline")]
    try:
        answer = await model.answer("Answer with the word ok.", "ok?", max_tokens=10)
    except OpsdeskError as error:
        return [Check("model", "warning", f"{error.message}: the offline desk stands in", error.next_step)]
    return [Check("model", "ok", f"{model.profile} answered in {answer.seconds:.1f} s")]


async def _check_slack(settings: Settings) -> list[Check]:
    from api.slack.doctor import check_slack

    return await check_slack(settings)


async def _check_notices(settings: Settings) -> list[Check]:
    from api.notices.doctor import check_notices

    return await check_notices(settings)


async def _check_server(settings: Settings) -> list[Check]:
    """Whether the command line finds a running desk; none is no trouble, for most of what it does needs none."""
    import httpx

    url = settings.server_url
    try:
        async with httpx.AsyncClient(timeout=5.0, trust_env=False) as client:
            response = await client.get(f"{url}/healthz")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        said = str(error) or type(error).__name__
        return [Check("server", "off", f"no answer from {url}: {said}", "opsdesk serve, or set OPSDESK_URL")]
    if not response.is_success or "application/json" not in response.headers.get("content-type", ""):
        step = "set OPSDESK_URL to where `opsdesk serve` runs"
        return [Check("server", "warning", f"{url} answers, but not as opsdesk does", step)]
    if settings.token is None:
        step = "opsdesk user token NAME, then put it into OPSDESK_TOKEN"
        return [Check("server", "warning", f"{url} answers; no token is set for the command line", step)]
    return [Check("server", "ok", url)]


async def _check_cluster(cluster: ClusterSettings, policy: Policy) -> list[Check]:
    name = f"cluster {cluster.name}"
    try:
        reader = open_reader(cluster)
        version = await reader.version()
        kinds = {kind.resource: kind for kind in await reader.kinds()}
        known = [(verb, *resource.partition("/")) for verb, resource in READS if resource.partition("/")[0] in kinds]
        asked = [reader.may(verb, kinds[plural], subresource=sub) for verb, plural, _, sub in known]
        allowed = await asyncio.gather(*asked)
        missing = [
            f"{verb} {plural}{slash}{sub}"
            for (verb, plural, slash, sub), may in zip(known, allowed, strict=True)
            if not may
        ]
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
    checks += await _check_logs(cluster)
    if cluster.mode is Mode.EXECUTE:
        checks += await _check_executor(cluster, policy)
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


async def _check_logs(cluster: ClusterSettings) -> list[Check]:
    """Shipped logs are optional: nothing is said when none are configured."""
    from api.bootstrap import open_logs

    name = f"cluster {cluster.name} logs"
    try:
        logs = open_logs(cluster)
        return [Check(name, "ok", f"{cluster.loki_url}, {await logs.ready()}")] if logs is not None else []
    except OpsdeskError as error:
        return [Check(name, "broken", error.message, error.next_step or "check loki_url")]


async def _check_executor(cluster: ClusterSettings, policy: Policy) -> list[Check]:
    """Who it is, whether it may do more than it should, and whether the printed policy binds it."""
    name = f"cluster {cluster.name} executor"
    try:
        reader = open_reader(cluster)
        fitness = await fitness_of(cluster, reader, open_writer(cluster), policy)
        bound = await policy_in_force(cluster, reader, policy, fitness.user)
    except OpsdeskError as error:
        return [Check(name, "broken", error.message, error.next_step)]
    if fitness.because:
        return [Check(name, "broken", fitness.because, fitness.next_step)]
    printed = PRINT.format(name=cluster.name)
    found = [Check(name, "ok", f"{fitness.user or 'ready'}, no more rights than the enabled actions need")]
    if fitness.warning is not None:
        found = [Check(name, "warning", fitness.warning.en, fitness.next_step)]
    if bound:
        found.append(Check(f"{name} policy", "warning", bound, printed))
    else:
        found.append(Check(f"{name} policy", "ok", "the admission policy that binds it is in force"))
    return found


@dataclass(frozen=True, slots=True)
class Described:
    """One setting. ``default`` is empty for what has to be given; ``value`` is what holds now, empty when that is the default."""

    name: str
    meaning: str
    default: str
    value: str = ""


def described_settings(model: type[BaseModel], prefix: str = "", now: BaseModel | None = None) -> Iterator[Described]:
    """Every setting with its meaning (the docstring under its field), its default and what it is ``now``; secrets masked."""
    documented = _docstrings(model)
    for name, field in model.model_fields.items():
        inner = field.annotation
        current = None if now is None else getattr(now, name)
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from described_settings(inner, f"{prefix}{name}.", current)
            continue
        default = "" if field.is_required() else _shown(field.get_default(call_default_factory=True))
        value = "" if now is None or _shown(current) == default else _shown(current)
        yield Described(f"{prefix}{name}", documented.get(name, ""), default, value)
        for listed in get_args(inner):
            if isinstance(listed, type) and issubclass(listed, BaseModel):
                yield from described_settings(listed, f"{prefix}{name}[].")


def _shown(value: object) -> str:
    """As a settings file would have it; groups of a list by their names, secrets as stars."""
    if isinstance(value, SecretStr):
        return "(none)" if value.get_secret_value() in {"", "none"} else "******"
    if isinstance(value, tuple):
        return "[" + ", ".join(str(getattr(one, "name", one)) for one in value) + "]"
    if value is None or value == "":
        return "(none)"
    if isinstance(value, bool):
        return str(value).lower()
    return _without_password(str(value))


def _without_password(text: str) -> str:
    return re.sub(r"(?<=://)([^/@\s:]*):[^/@\s]*@", r"\1:******@", text)


def _docstrings(model: type[BaseModel]) -> dict[str, str]:
    source = inspect.getsource(model)
    found = re.findall(r"^    (\w+): [^\n]*\n    \"\"\"(.+?)\"\"\"", source, re.MULTILINE | re.DOTALL)
    return {name: " ".join(text.split()) for name, text in found}
