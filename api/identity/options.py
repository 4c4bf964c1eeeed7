"""The settings of signing in. They are read by ``api.settings`` with all others."""

from __future__ import annotations

from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from knowledge.vocabulary import Role, Scope

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Options(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SignInSettings(Options):
    """Passwords, sessions and how wrong attempts are met. `web.session_hours` is how long a session lasts at most."""

    idle_hours: float = Field(default=8.0, gt=0)
    """A session that nobody uses for so long ends. A shift, so that the night's first page needs no password at 3 a.m."""
    link_hours: float = Field(default=24.0, gt=0)
    """How long an invitation (`opsdesk user invite`) can be used. The very first link: one hour."""
    hash_passes: int = Field(default=2, ge=1, le=20)
    """argon2id: passes over the memory. The defaults take about 0.1 s of one core; old hashes follow at the next sign-in."""
    hash_memory_kib: int = Field(default=65_536, ge=8)
    """argon2id: memory of one hash in KiB. Two are computed at a time."""
    hash_lanes: int = Field(default=1, ge=1, le=16)
    """argon2id: lanes."""
    free_failures: int = Field(default=5, ge=1)
    """Wrong attempts on one account that wait for nothing; each further one doubles the wait."""
    free_failures_of_address: int = Field(default=20, ge=1)
    """The same for one address (IPv6: one /64): many people may share it."""
    first_wait_seconds: float = Field(default=5.0, gt=0)
    """The first wait; it doubles with each failure."""
    longest_wait_seconds: float = Field(default=900.0, gt=0)
    """The longest wait: an attacker delays an account's owner so long at most, and not at all in a browser they have used."""
    asks_for_password: bool = True
    """Off: only tokens and `oidc` providers sign in."""


class GroupGrant(Options):
    """What a group of the provider is worth here."""

    group: str = Field(min_length=1)
    """The group as the provider spells it."""
    roles: tuple[Role, ...] = Field(min_length=1)
    """The roles that it gives."""
    clusters: tuple[str, ...] = ("*",)
    """The scope that it gives: shell-style patterns of clusters."""
    namespaces: tuple[str, ...] = ("*",)
    """The same of namespaces."""
    services: tuple[str, ...] = ("*",)
    """The same of services."""

    @property
    def scope(self) -> Scope:
        return Scope(clusters=self.clusters, namespaces=self.namespaces, services=self.services)


class OidcSettings(Options):
    """One OpenID Connect provider. Register `<web.public_url>/sign-in/with/<name>/back` there as redirect URI."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$")
    """Part of the redirect URI; stays."""
    title: str = ""
    """What the button says; empty: the name."""
    issuer: str
    """Exactly as the provider spells it in its tokens. https, but on this machine."""
    client_id: str = Field(min_length=1)
    """Our id there."""
    client_secret: SecretStr | None = None
    """Our secret there; None for a public client, which PKCE protects alone."""
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    """What is asked for; many providers need one more for groups."""
    name_claim: str = "preferred_username"
    """The claim that names a person who is made a principal at the first sign-in."""
    group_claim: str = "groups"
    """The claim with the groups (a dot steps into an object: `realm_access.roles`)."""
    groups: tuple[GroupGrant, ...] = ()
    """What groups give, the weightiest first: the first one that a person is in decides the scope, the further ones of the
    same scope add their roles. Renewed at each sign-in: whoever has left all of them has no role. Empty: roles are given here."""
    allowed_groups: tuple[str, ...] = ()
    """Only members of one of these may sign in; empty: whoever is linked or has a group above."""
    creates_principals: bool = False
    """Make a principal of whoever has one of `groups` and is not known. Off: only linked accounts sign in."""
    clock_skew_seconds: float = Field(default=60.0, ge=0, le=300)
    """How far the provider's clock may be off."""
    signs_out: bool = True
    """Sign out there too when somebody signs out here."""
    ca_file: Path | None = None
    """Certificates (PEM) that the provider's own is checked against; None: the usual ones."""
    timeout_seconds: float = Field(default=10.0, gt=0)
    """Of one request to the provider."""

    @model_validator(mode="after")
    def _is_closed(self) -> Self:
        if not is_fit_for_secrets(self.issuer):
            raise ValueError(f"issuer {self.issuer!r} has to be an https URL")
        if "openid" not in self.scopes:
            raise ValueError("scopes lack `openid`")
        if self.creates_principals and not self.groups:
            raise ValueError("creates_principals needs `groups`: without them whoever comes would have no role")
        return self

    @property
    def provider(self) -> str:
        """What linked identities call it: a name in the settings may change, an issuer does not."""
        return f"oidc:{self.issuer}"


def is_fit_for_secrets(url: str) -> bool:
    """https; or http that does not leave this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK))
