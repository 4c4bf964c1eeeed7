"""The roles that outside systems play for the desk, as Protocols. Adapters fill them; nobody else talks to the outside.

Every call is asynchronous (the Kubernetes client is synchronous and runs in a bounded thread pool inside its adapter) and
raises errors of ``knowledge.errors`` only: Temporary when the other side did not answer, AccessDenied, ObjectNotFound,
AnswerTooLarge, WriteRejected. Times are aware UTC datetimes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from knowledge.vocabulary import ApiRequest, Json, Mode


class Clock(Protocol):
    def now(self) -> datetime:
        """The present, aware, UTC."""

    async def sleep(self, seconds: float) -> None: ...


@dataclass(frozen=True, slots=True)
class ResourceKind:
    """One row of the cluster's discovery: ``deployments.apps/v1`` and how people spell it."""

    group: str
    version: str
    plural: str
    kind: str
    is_namespaced: bool
    singular: str = ""
    short_names: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def resource(self) -> str:
        """``pods`` or ``deployments.apps``: the name that RBAC and people use."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of the collection, the object or its subresource."""
        parts = ["", "apis", self.group, self.version] if self.group else ["", "api", self.version]
        if namespace and self.is_namespaced:
            parts += ["namespaces", namespace]
        parts += [part for part in (self.plural, name, subresource) if part]
        return "/".join(parts)


@dataclass(slots=True)
class Listing:
    """What a list call gave: raw items (each with ``kind`` and ``apiVersion`` filled in), and whether a bound cut it."""

    items: list[Json]
    resource_version: str = ""
    is_cut: bool = False


class ClusterReader(Protocol):
    """Reads one named cluster with the reader's identity, which has no verb on Secrets."""

    @property
    def cluster(self) -> str: ...

    async def version(self) -> str: ...

    async def kinds(self) -> Sequence[ResourceKind]:
        """The cluster's discovery, cached for some minutes."""

    async def list(
        self,
        kind: ResourceKind,
        namespace: str = "",
        *,
        label_selector: str = "",
        field_selector: str = "",
        limit: int = 0,
    ) -> Listing:
        """All pages (500 a page) up to ``limit`` objects (0: the adapter's own bound). Raw JSON, no client models."""

    async def get(self, kind: ResourceKind, namespace: str, name: str) -> Json:
        """One object, raw. Raises ObjectNotFound, AccessDenied."""

    async def logs(
        self,
        namespace: str,
        pod: str,
        container: str,
        *,
        previous: bool = False,
        tail_lines: int = 500,
        since_seconds: int | None = None,
        limit_bytes: int = 1_000_000,
    ) -> str:
        """Lines of one container with RFC 3339 timestamps in front, undecodable bytes replaced."""

    async def raw(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """A GET of any readable path (``/apis/metrics.k8s.io/...``), decoded JSON or text."""

    async def may(
        self, verb: str, kind: ResourceKind, namespace: str = "", name: str = "", subresource: str = ""
    ) -> bool:
        """SelfSubjectAccessReview."""

    async def rights(self, namespace: str) -> Sequence[Mapping[str, Sequence[str]]]:
        """SelfSubjectRulesReview: resource rules as the server tells them."""

    async def identity(self) -> Identity:
        """SelfSubjectReview, and the claims of the token at hand."""


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """An API server's answer, whatever its status; ``warnings`` are its Warning headers, ``retry_after_seconds`` what a
    busy one asks for."""

    status: int
    body: Any
    warnings: tuple[str, ...] = ()
    retry_after_seconds: float | None = None

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Identity:
    """Who an API server takes us for, and what our token tells of itself. ``is_legacy``: a token without an end, out of a
    Secret; ``is_pods_own``: the service account of the pod that we run in."""

    user: str
    groups: tuple[str, ...] = ()
    is_legacy: bool = False
    is_pods_own: bool = False


class ClusterWriter(Protocol):
    """Writes to one named cluster with the executor's identity. Only the review (dry run) and the executor hold one."""

    @property
    def cluster(self) -> str: ...

    async def send(
        self, request: ApiRequest, *, dry_run: bool = False, user_agent: str = "", timeout_seconds: float = 30.0
    ) -> ApiAnswer:
        """Sends one frozen request. Any HTTP answer is returned, 4xx and 5xx included. Raises ClusterUnreachable when
        nothing can have been sent, WriteUnanswered when the request went out and no answer came."""

    async def may(
        self, verb: str, kind: ResourceKind, namespace: str = "", name: str = "", subresource: str = ""
    ) -> bool: ...

    async def rights(self, namespace: str) -> Sequence[Mapping[str, Sequence[str]]]:
        """SelfSubjectRulesReview: resource rules as the server tells them."""

    async def identity(self) -> Identity:
        """SelfSubjectReview, and the claims of the token at hand."""


@dataclass(frozen=True, slots=True)
class Series:
    """One time series: labels, and (unix seconds, value) points in rising time."""

    labels: Mapping[str, str]
    points: Sequence[tuple[float, float]]

    @property
    def name(self) -> str:
        return self.labels.get("__name__", "")


class Metrics(Protocol):
    """A Prometheus-compatible query API. Raises MetricsUnreachable, BadInput (a query it cannot parse), AnswerTooLarge."""

    async def instant(self, query: str, at: datetime | None = None) -> Sequence[Series]: ...

    async def range(self, query: str, start: datetime, end: datetime, step_seconds: float) -> Sequence[Series]: ...

    async def ready(self) -> str:
        """Version text of the server."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line as it was shipped: when (aware, UTC), its stream's labels, its text without a newline at the end."""

    at: datetime
    labels: Mapping[str, str]
    text: str


@dataclass(frozen=True, slots=True)
class LogAnswer:
    """Lines in rising time. ``left_out`` says what a bound cut, empty when nothing was: the oldest lines go first."""

    lines: Sequence[LogLine]
    left_out: str = ""


class Logs(Protocol):
    """Where the site ships its logs (Loki). Raises LogsUnreachable, BadInput (a query it cannot parse), AccessDenied,
    AnswerTooLarge."""

    async def range(self, query: str, start: datetime, end: datetime, *, max_lines: int = 5_000) -> LogAnswer:
        """The newest lines from ``start`` (included) to ``end`` (not included) that the query names, in its own language."""

    async def of_node(self, node: str, start: datetime, end: datetime, *, max_lines: int = 5_000) -> LogAnswer:
        """System logs of one node: kernel, kubelet, container runtime."""

    async def ready(self) -> str:
        """Version text of the server."""


@dataclass(frozen=True, slots=True)
class ModelUsage:
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0
    is_estimated: bool = False
    """The server told no counts: they are guessed from the texts' lengths."""


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """``parsed`` is set when a schema was given and the text fits it."""

    text: str
    parsed: Json | None = None
    usage: ModelUsage = field(default_factory=ModelUsage)
    model: str = ""
    seconds: float = 0.0


class ChatModel(Protocol):
    """An OpenAI-compatible chat model behind a named profile. Raises ModelUnavailable, ModelAnswerInvalid."""

    @property
    def profile(self) -> str: ...

    async def answer(
        self, system: str, user: str, *, schema: Json | None = None, max_tokens: int = 2_000
    ) -> ModelAnswer:
        """One exchange. ``schema`` is a JSON Schema (dict): the answer is validated against it, with bounded retries."""

    def stream(self, system: str, user: str, *, max_tokens: int = 2_000) -> AsyncIterator[str]: ...


@dataclass(frozen=True, slots=True)
class Cluster:
    """One named cluster as the desk sees it: its reader, its metrics and shipped logs if any, its mode, and the actions that
    are enabled there (``*``: all)."""

    name: str
    reader: ClusterReader
    metrics: Metrics | None = None
    mode: Mode = Mode.PROPOSE
    logs: Logs | None = None
    actions: tuple[str, ...] = ("*",)
