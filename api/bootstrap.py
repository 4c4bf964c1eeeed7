"""The one place that names adapters and puts the desk together. Defaults are the real things; arguments override them."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from api.settings import ClusterSettings, Settings
from knowledge.errors import BadInput, MalformedSettings, UnknownCluster

if TYPE_CHECKING:
    from langgraph.checkpoint.base import BaseCheckpointSaver

    from agent.deps import Deps
    from knowledge.ledger.checkpoints import AuditKey
    from knowledge.ledger.ledger import Ledger
    from knowledge.library import Library
    from tools.contracts import Collector
    from tools.ports import ChatModel, Clock, Cluster, ClusterReader, ClusterWriter, Logs
    from tools.safety.policy import Policy


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Desk:
    """Everything that a face needs: the ledger, the graph's dependencies, and a nudge that makes the worker look now."""

    settings: Settings
    ledger: Ledger
    deps: Deps
    nudge: Callable[[], None] = field(default=lambda: None)

    @property
    def library(self) -> Library:
        return self.deps.library  # type: ignore[return-value]


def prepare_home(settings: Settings) -> Path:
    """The desk's folder, readable by its owner alone."""
    home = settings.home_path
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        if home.stat().st_uid == os.geteuid():
            home.chmod(0o700)
    except OSError as error:
        raise BadInput(f"the desk's home {home} cannot be used: {error.strerror}", next_step=_USABLE_HOME) from error
    if not os.access(home, os.W_OK | os.X_OK):
        raise BadInput(f"the desk's home {home} cannot be written by this user", next_step=_USABLE_HOME)
    return home


_USABLE_HOME = "make it a folder that this user may write, or set OPSDESK_HOME to another"


def open_ledger(settings: Settings, *, upgrade: bool = False) -> Ledger:
    """The ledger at the settings' URL. A fresh SQLite file is made at once; an old schema needs `opsdesk upgrade`."""
    from knowledge.ledger.ledger import Ledger
    from tools.redaction import redact_text

    url = settings.ledger
    with _one_at_a_time(prepare_home(settings) / "upgrade.lock"):
        is_fresh = url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists()
        if upgrade or is_fresh:
            Ledger.upgrade(url)
    join_window = timedelta(seconds=settings.desk.join_window_seconds)
    return Ledger.open(url, utc_now, key_file=_key_file(settings), join_window=join_window, redact=redact_text)


def open_audit_key(settings: Settings) -> AuditKey:
    """The key that signs checkpoints of the audit: the settings' own file, or one in the desk's home, made at the first use."""
    from knowledge.ledger import checkpoints

    own = settings.audit.key_file
    path = own.expanduser() if own is not None else prepare_home(settings) / "audit.key"
    return checkpoints.open_audit_key(path, make=own is None)


@contextlib.contextmanager
def _one_at_a_time(lock: Path) -> Iterator[None]:
    """Two processes that start on a fresh home: the second waits until the first has made the ledger, and finds it whole."""
    try:
        descriptor = os.open(lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise BadInput(f"{lock} cannot be written: {error.strerror}", next_step=_USABLE_HOME) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _key_file(settings: Settings) -> Path:
    """The key that seals the secrets of alert sources; made at the first start, kept with the backups."""
    from knowledge.ledger.sources import make_key_file

    path = prepare_home(settings) / "secret.key"
    if not path.exists():
        with contextlib.suppress(BadInput):  # another process of ours has just made it
            make_key_file(path)
    return path


def open_library(settings: Settings | None = None, ledger: Ledger | None = None) -> Library:
    """The library over the ledger's texts; its index is opened, checked or rebuilt only when a search needs it."""
    from knowledge.embedding import make_embedder
    from knowledge.library import Library
    from tools.redaction import redact_text
    from tools.script.placeholders import validate_template

    settings = settings or Settings.load()
    ledger = ledger or open_ledger(settings)
    folder = prepare_home(settings) / "index"
    return Library.open(
        ledger.library_store,
        settings.knowledge.chroma_url or folder,
        make_embedder(settings.knowledge.embedding_model),
        validate_script=validate_template,
        redact=redact_text,
        state_folder=folder,
    )


def load_policy(settings: Settings) -> Policy:
    from tools.safety import offline

    return offline.load_policy(settings.knowledge.policy_file)


def cluster_settings(settings: Settings, name: str) -> ClusterSettings:
    for cluster in settings.clusters:
        if cluster.name == name:
            return cluster
    known = ", ".join(cluster.name for cluster in settings.clusters) or "none"
    raise UnknownCluster(
        f"no cluster named {name!r} is configured (configured: {known})",
        next_step="name one of these, or add it to the settings file; `opsdesk doctor` tries them all",
    )


def open_reader(cluster: ClusterSettings) -> ClusterReader:
    from tools.adapters.kubernetes_cluster import KubernetesReader

    return KubernetesReader.connect(
        cluster.name, cluster.kubeconfig, cluster.context, timeout_seconds=cluster.request_timeout_seconds
    )


def open_writer(cluster: ClusterSettings) -> ClusterWriter:
    """The executor's hands. Called by the executor process alone."""
    from tools.adapters.kubernetes_cluster import KubernetesWriter

    if cluster.executor_kubeconfig is None and cluster.kubeconfig is not None:
        raise MalformedSettings(
            f"cluster {cluster.name}: mode is execute, but no executor_kubeconfig is set",
            next_step="give the executor an identity of its own; the reader's is never used to write",
        )
    return KubernetesWriter.connect(
        cluster.name,
        cluster.executor_kubeconfig,
        cluster.executor_context,
        timeout_seconds=cluster.request_timeout_seconds,
    )


def open_cluster(one: ClusterSettings) -> Cluster:
    from tools.adapters.prometheus import Prometheus
    from tools.ports import Cluster

    token = one.prometheus_token.get_secret_value() if one.prometheus_token else ""
    metrics = Prometheus(one.prometheus_url, token=token) if one.prometheus_url else None
    reader, logs = open_reader(one), open_logs(one)
    return Cluster(name=one.name, reader=reader, metrics=metrics, mode=one.mode, logs=logs, actions=one.actions)


def open_logs(one: ClusterSettings) -> Logs | None:
    if not one.loki_url:
        return None
    from tools.adapters.loki import Loki

    token = one.loki_token.get_secret_value() if one.loki_token else ""
    return Loki(one.loki_url, node_selector=one.loki_node_selector, token=token, tenant=one.loki_tenant)


def open_clusters(settings: Settings) -> dict[str, Cluster]:
    return {one.name: open_cluster(one) for one in settings.clusters}


def open_model(settings: Settings) -> ChatModel | None:
    profile = settings.profile
    if profile is None:
        return None
    from tools.adapters.chat_model import ModelProfile, OpenAICompatibleModel

    return OpenAICompatibleModel(
        ModelProfile(
            name=profile.name,
            base_url=profile.base_url,
            model=profile.model,
            api_key=profile.api_key.get_secret_value(),
            timeout_seconds=profile.timeout_seconds,
            max_retries=profile.maximum_retries,
            input_price_per_million=profile.input_price_per_million,
            output_price_per_million=profile.output_price_per_million,
            structured=profile.structured,
        )
    )


def open_collectors() -> tuple[Collector, ...]:
    from tools.contracts import Collector
    from tools.discovery import load_values

    return tuple(load_values("tools.collectors", Collector).values())


def open_clock() -> Clock:
    from tools.adapters.system_clock import SystemClock

    return SystemClock()


def build_deps(settings: Settings, ledger: Ledger, *, clusters: dict[str, Cluster] | None = None) -> Deps:
    """The graph's dependencies with real adapters. No network is touched here."""
    from agent.deps import Deps, Options
    from tools.detectors.library import load_detectors

    desk = settings.desk
    options = Options(
        language=desk.language,
        closes_when_resolved=desk.closes_when_resolved,
        evidence_days=desk.evidence_days,
        node_timeout_seconds=desk.node_timeout_seconds,
        soak_seconds=desk.soak_seconds,
        recovery_seconds=desk.recovery_seconds,
        verify_every_seconds=desk.verify_every_seconds,
        approval_wait_seconds=desk.approval_wait_seconds,
        approval_hold_seconds=desk.approval_hold_seconds,
        executor_wait_seconds=desk.executor_wait_seconds,
        manual_steps_wait_seconds=desk.manual_steps_wait_seconds,
        model_token_budget=desk.token_budget,
        model_cost_budget=desk.cost_budget,
    )
    return Deps(
        ledger=ledger,
        library=open_library(settings, ledger),
        clusters=open_clusters(settings) if clusters is None else clusters,
        collectors=open_collectors(),
        detectors=load_detectors(settings.knowledge.detector_folders, cache_folder=settings.cache_path),
        policy=load_policy(settings),
        clock=open_clock(),
        options=options,
        model=open_model(settings),
    )


@asynccontextmanager
async def open_checkpointer(settings: Settings) -> AsyncIterator[BaseCheckpointSaver[Any]]:
    """Where the graph's state survives: a SQLite file beside the ledger, or the ledger's PostgreSQL."""
    if settings.ledger.startswith("sqlite"):
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

        path = prepare_home(settings) / "checkpoints.db"
        path.touch(mode=0o600)
        path.chmod(0o600)  # SQLite gives its -wal and -shm the same mode
        async with AsyncSqliteSaver.from_conn_string(str(path)) as saver:
            await saver.setup()
            yield saver
        return
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

    async with AsyncPostgresSaver.from_conn_string(settings.ledger.replace("+psycopg", "", 1)) as postgres:
        await postgres.setup()
        yield postgres
