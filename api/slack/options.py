"""The settings of Slack. They are read by ``api.settings`` with all others."""

from __future__ import annotations

from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from knowledge.vocabulary import Language, Scope, Severity

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
PLACEHOLDERS = frozenset(
    {"", "changeme", "secret", "token", "xoxb-...", "xapp-...", "xoxb-your-token", "xapp-your-token"}
)


class Options(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SlackChannelSettings(Options):
    """A channel that is told of incidents, and of which ones. Whoever is in it reads them: they are shown within its patterns."""

    channel: str = Field(pattern=r"^[CGD][A-Z0-9]{2,}$")
    """Its id, as Slack shows it under the channel's details; names change."""
    clusters: tuple[str, ...] = ("*",)
    """Shell-style patterns of clusters."""
    namespaces: tuple[str, ...] = ("*",)
    """The same of namespaces."""
    services: tuple[str, ...] = ("*",)
    """The same of model services."""
    severity: Severity = Severity.INFO
    """The least severe that is posted here."""
    language: Language | None = None
    """Of what is posted here; None: `desk.language`."""

    @property
    def scope(self) -> Scope:
        return Scope(clusters=self.clusters, namespaces=self.namespaces, services=self.services)


class SlackSettings(Options):
    """Slack as a face of the desk. The app needs the scopes app_mentions:read, chat:write, commands, im:history, im:write,
    channels:history, groups:history, files:read, files:write and users:read."""

    bot_token: SecretStr | None = None
    """The app's bot token (xoxb-...); None: no Slack."""
    signing_secret: SecretStr | None = None
    """Proves that a request comes from Slack; needed for requests over HTTP, to <public_url>/api/v1/slack/events."""
    app_token: SecretStr | None = None
    """App-level token (xapp-...): Socket Mode, which needs no address that Slack can reach."""
    team: str = ""
    """The workspace's id (T...); requests of another one are refused. Empty: the one that the bot token belongs to."""
    channels: tuple[SlackChannelSettings, ...] = ()
    """Where incidents are posted; of several that fit, the first."""
    maximum_file_bytes: int = Field(default=2_000_000, ge=1)
    """Of a shared log or transcript that is read."""
    api_url: str = "https://slack.com/api/"
    """Slack's Web API; GovSlack has another."""
    file_hosts: tuple[str, ...] = ("files.slack.com",)
    """The only hosts that are sent the bot token for a file."""

    @model_validator(mode="after")
    def _token_travels_safely(self) -> Self:
        parts = urlsplit(self.api_url)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise ValueError("slack.api_url: only https carries the bot token")
        if self.bot_token is None and (self.app_token is not None or self.channels):
            raise ValueError("slack.bot_token is needed beside slack.app_token and slack.channels")
        for name in ("bot_token", "signing_secret", "app_token"):
            secret: SecretStr | None = getattr(self, name)
            if secret is not None and secret.get_secret_value().strip().lower() in PLACEHOLDERS:
                raise ValueError(f"slack.{name} is a default secret; Slack shows the real one on the app's page")
        return self

    @property
    def is_on(self) -> bool:
        return self.bot_token is not None
