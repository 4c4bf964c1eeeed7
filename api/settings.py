"""The one reader of the environment. Every setting of opsdesk, grouped, with its meaning, unit and the reason of its default.

A setting comes from, in this order: an environment variable (``OPSDESK_HOME``, ``OPSDESK_WEB__PORT``: two underscores step
into a group), the YAML file named by ``OPSDESK_CONFIG`` (default ``<home>/opsdesk.yaml``, if it is there), the default.
"""

from __future__ import annotations

import os
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from api.figures.options import TargetsSettings
from api.identity.options import OidcSettings, SignInSettings
from api.notices.options import NoticesSettings
from api.slack.options import SlackSettings
from knowledge.errors import MalformedSettings
from knowledge.vocabulary import Language, Mode

WEAK_SECRETS = frozenset({"", "changeme", "changethis", "secret", "password", "opsdesk", "token", "test", "admin"})


class Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClusterSettings(Group):
    """One named cluster."""

    name: str = Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")
    """What people, tickets and alerts call it."""
    kubeconfig: Path | None = None
    """The reader's kubeconfig. None: the pod's own service account, when opsdesk runs in the cluster."""
    context: str = ""
    """A context of that file; empty: its current one."""
    executor_kubeconfig: Path | None = None
    """The executor's kubeconfig: the only one with write rights. Read by `opsdesk executor` alone."""
    executor_context: str = ""
    """A context of the executor's kubeconfig; empty: its current one."""
    prometheus_url: str = ""
    """Base URL of a Prometheus-compatible server; empty: metrics are a gap."""
    prometheus_token: SecretStr | None = None
    """Bearer token for it."""
    loki_url: str = ""
    """Base URL of a Loki that holds the nodes' system logs; empty: they are not read."""
    loki_token: SecretStr | None = None
    """Bearer token for it."""
    loki_tenant: str = ""
    """Its tenant (the header X-Scope-OrgID); empty: it has only one."""
    loki_node_selector: str = '{job="systemd-journal", hostname="<node>"}'
    """LogQL selector of one node's system logs; `<node>` stands for the node's name."""
    mode: Mode = Mode.PROPOSE
    """What opsdesk may do here. `propose` until a person has seen some scripts and trusts them."""
    actions: tuple[str, ...] = ("*",)
    """The actions that may be executed here (`rollout_restart`, `scale` ...); `*`: all. Roles are printed from them."""
    custom_groups: tuple[str, ...] = ()
    """API groups of custom resources (`serving.kserve.io`) that are read and may be changed here; empty: all that opsdesk
    knows are read, none is changed."""
    accept_broad_rights: bool = False
    """Execute although the executor's identity may do more than the enabled actions need. Shown on every review. Not heeded
    in a pod: there the printed roles are the way."""
    request_timeout_seconds: float = 30.0
    """Of one request to the API server; what takes longer becomes a gap."""


class ModelSettings(Group):
    """A named profile of an OpenAI-compatible chat model."""

    name: str = "default"
    """What the setting `model` calls it."""
    base_url: str = ""
    """Where the OpenAI-compatible API is, with its /v1."""
    model: str = ""
    """The model's name at that server."""
    api_key: SecretStr = SecretStr("none")
    """Its key; servers without keys take any word."""
    timeout_seconds: float = 30.0
    """A model that needs longer is treated as absent: the offline answer stands."""
    maximum_retries: int = 1
    """After an answer that fails or fits no schema."""
    input_price_per_million: float = 0.0
    """Per million tokens, in the currency of `desk.cost_budget`."""
    output_price_per_million: float = 0.0
    """The same for what the model writes."""
    structured: str = "json_schema"
    """How the server is asked for structured output: json_schema, json_mode or prompt."""


class WebSettings(Group):
    host: str = "127.0.0.1"
    """Loopback until someone puts a TLS proxy in front."""
    port: int = Field(default=8700, ge=0, le=65_535)
    """0 takes a free one and prints it."""
    public_url: str = ""
    """How people reach it; used in links. Empty: http://host:port."""
    maximum_body_bytes: int = 2_000_000
    """A larger webhook is answered 413. Alertmanager's largest grouped notifications stay well below."""
    webhook_tolerance_seconds: float = Field(default=300.0, gt=0)
    """How far the time that a webhook was signed for may be from now. Senders' clocks are a little wrong."""
    session_hours: float = 12.0
    """How long a sign-in on the web page lasts at most; `sign_in.idle_hours` ends it earlier."""
    secure_cookies: bool = False
    """Behind TLS; by itself true when `public_url` begins with https."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses or networks (10.0.0.0/8) of proxies in front, whose X-Forwarded-For is believed; nobody else's is."""

    @model_validator(mode="before")
    @classmethod
    def _is_secure_behind_tls(cls, given: Any) -> Any:
        if isinstance(given, dict) and str(given.get("public_url") or "").lower().startswith("https://"):
            return {"secure_cookies": True} | given
        return given

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            ip_network(one, strict=False)
        return value


class DeskSettings(Group):
    """Times of an incident's life, in the units of their names."""

    language: Language = Language.EN
    """Of texts that nobody asked for in a language of theirs (alerts)."""
    closes_when_resolved: bool = True
    """Close a resolved or answered incident once every alert of it is resolved; off leaves closing to people."""
    soak_seconds: float = 60.0
    """A recovery counts when it has held so long."""
    recovery_seconds: float = 300.0
    """How long a symptom may take to go away. Then: worse is taken back, not better is kept and said."""
    verify_every_seconds: float = 5.0
    """How often the recovery is looked at meanwhile."""
    approval_wait_seconds: float = 4 * 3600.0
    """A plan that nobody decided on in this time is a no."""
    approval_hold_seconds: float = 15 * 60.0
    """An approval that has not begun to execute by then is void: the cluster has moved on."""
    executor_wait_seconds: float = 15 * 60.0
    """How long an approved plan, one whose executor fell silent in the middle, or an undo waits for an executor. Then it ends, and
    a person is told."""
    manual_steps_wait_seconds: float = 24 * 3600.0
    """How long after the last tick manual steps wait for the next one. Then it is a no, and a person is told."""
    node_timeout_seconds: float = 120.0
    """Of one stage of an incident's work; then a human takes over."""
    join_window_seconds: float = 30 * 60.0
    """Alerts of one service join one incident when it was last heard of within this time."""
    evidence_days: float = 90.0
    """Evidence of ended incidents is kept so long."""
    lease_seconds: float = Field(default=20.0, ge=1.0)
    """How long a worker or an executor that fell silent keeps its work; then another goes on with it."""
    workers: int = Field(default=4, ge=1, le=64)
    """Incidents worked on at a time in this process."""
    token_budget: int = 60_000
    """Tokens of the model per incident; when spent, the offline answer stands."""
    cost_budget: float = 1.0
    """Cost of the model per incident, in the currency of its prices."""


class AuditSettings(Group):
    key_file: Path | None = None
    """The Ed25519 key (PEM) that signs checkpoints; None: audit.key in `home`, made at the first start."""
    checkpoint_seconds: float = Field(default=300.0, gt=0)
    """How often the running desk signs one, when the audit has grown."""
    checkpoint_file: Path | None = None
    """Where each is appended as a JSON line: best on another machine's disk. It is written to the log in any case."""


class KnowledgeSettings(Group):
    embedding_model: str = "bundled"
    """`bundled`, or a path or name that sentence-transformers loads."""
    chroma_url: str = ""
    """A Chroma server; empty: an embedded index under `home`."""
    detector_folders: tuple[Path, ...] = ()
    """A site's own detectors, beside the built-in ones."""
    policy_file: Path | None = None
    """The site's safety policy; None: the built-in one (see `tools/safety/policy_default.yaml`)."""


class Settings(BaseSettings):
    """All of them. ``Settings.load()`` is the only call."""

    model_config = SettingsConfigDict(
        env_prefix="OPSDESK_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    home: Path = Path("~/.opsdesk")
    """Where the ledger, the index and the key files live; made with mode 0700."""
    config: Path | None = None
    """The settings file; None: opsdesk.yaml in `home`, if it is there."""
    ledger_url: str = ""
    """SQLAlchemy URL; empty: SQLite in `home`. PostgreSQL: postgresql+psycopg://user@host/database."""
    url: str = ""
    """Where the command line finds a running server; empty: http://127.0.0.1:<web.port>."""
    token: SecretStr | None = None
    """The personal token that the command line acts with."""
    clusters: tuple[ClusterSettings, ...] = ()
    """The clusters, each with the settings below."""
    models: tuple[ModelSettings, ...] = ()
    """Profiles of chat models, each with the settings below."""
    model: str = ""
    """Name of the model profile in use; empty: no model, the offline desk."""
    web: WebSettings = WebSettings()
    desk: DeskSettings = DeskSettings()
    knowledge: KnowledgeSettings = KnowledgeSettings()
    audit: AuditSettings = AuditSettings()
    slack: SlackSettings = SlackSettings()
    notices: NoticesSettings = NoticesSettings()
    targets: TargetsSettings = TargetsSettings()
    sign_in: SignInSettings = SignInSettings()
    oidc: tuple[OidcSettings, ...] = ()
    """Providers of OpenID Connect, each with the settings below."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the library's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the library's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (env_settings, init_settings)  # the file comes in as init values: the environment wins over it

    @field_validator("token")
    @classmethod
    def _refuses_weak_token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and value.get_secret_value().lower() in WEAK_SECRETS:
            raise ValueError("is a default secret; make one with `opsdesk user token NAME`")
        return value

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        listed = (("clusters", self.clusters), ("models", self.models), ("oidc", self.oidc))
        for group, names in ((group, [one.name for one in ones]) for group, ones in listed):
            doubled = sorted({name for name in names if names.count(name) > 1})
            if doubled:
                raise ValueError(f"{group}: name given twice: {', '.join(doubled)}")
        if self.model and self.model not in {profile.name for profile in self.models}:
            raise ValueError(f"model: no profile named {self.model!r} under `models`")
        return self

    @property
    def home_path(self) -> Path:
        return self.home.expanduser()

    @property
    def cache_path(self) -> Path:
        """What may be thrown away: it is made anew. Nothing is kept while there is no home."""
        return self.home_path / "cache"

    @property
    def ledger(self) -> str:
        return self.ledger_url or f"sqlite:///{self.home_path / 'ledger.db'}"

    @property
    def server_url(self) -> str:
        return (self.url or self.web.public_url or f"http://127.0.0.1:{self.web.port}").rstrip("/")

    @property
    def profile(self) -> ModelSettings | None:
        return next((profile for profile in self.models if profile.name == self.model), None) if self.model else None

    @classmethod
    def load(cls) -> Settings:
        """Reads environment and file. Raises MalformedSettings naming the setting, the file and what it may be."""
        path = _config_path()
        try:
            return cls(**_from_file(path))
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"]) or "settings"
            raise MalformedSettings(
                f"{name}: {first['msg'].removeprefix('Value error, ')}",
                source=str(path) if path else "environment",
                next_step="see `opsdesk doctor --settings` for every setting and its meaning",
            ) from error


def _config_path() -> Path | None:
    named = os.environ.get("OPSDESK_CONFIG")
    if named:
        path = Path(named).expanduser()
        if not path.is_file():
            raise MalformedSettings(f"OPSDESK_CONFIG names {path}, which is not a file", source=str(path))
        return path
    path = Path(os.environ.get("OPSDESK_HOME", "~/.opsdesk")).expanduser() / "opsdesk.yaml"
    return path if path.is_file() else None


def _from_file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
        raise MalformedSettings(f"cannot read {path}: {error}", source=str(path)) from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise MalformedSettings(f"{path} holds no mapping of settings", source=str(path))
    return content
