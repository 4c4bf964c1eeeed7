"""Settings of notices: whom the desk tells what, where, and when it had better not.

Every route that fits a happening tells its places; of two that name the same place one message comes. An example::

    notices:
      email: {host: smtp.example.com, user: opsdesk, password: ..., sender: "opsdesk <opsdesk@example.com>"}
      webhooks: [{name: pager, url: "https://pager.example.com/in", secret: ...}]
      people: [{principal: wei, email: wei@example.com, zone: Asia/Shanghai, language: zh}]
      routes:
        - name: serving
          namespaces: ["serving*"]
          severities: [critical, high]
          kinds: [waiting_for_approval, failed, handed_over, resolved]
          to: [{channel: email, to: serving-oncall@example.com}, {channel: slack, to: C0123ABCD}]
          quiet: [{starts: "22:00", ends: "08:00", zone: Asia/Shanghai, breaks_through: [critical]}]
          escalation:
            - {after_minutes: 30, to: [{channel: any, to: "@approvers"}]}
            - {after_minutes: 90, to: [{channel: webhook, to: pager}]}

What needs no route: whoever asked is told where he asked that nobody decided in time, and every approver that somebody broke
the glass.
"""

from __future__ import annotations

import re
from datetime import time
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from api.figures.zones import is_zone
from api.notices.contract import NoticeKind
from knowledge.vocabulary import Language, Severity

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEK: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PEOPLE = frozenset({"@approvers", "@assignee", "@requester"})
_MAIL = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\]+")
_SLACK = re.compile(r"[CGD][A-Z0-9]{2,20}")
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
SHORTEST_SECRET = 16
DEFAULT_KINDS = (
    NoticeKind.WAITING_FOR_APPROVAL,
    NoticeKind.APPROVAL_EXPIRED,
    NoticeKind.DECIDED,
    NoticeKind.BREAK_GLASS,
    NoticeKind.FAILED,
    NoticeKind.UNDONE,
    NoticeKind.HANDED_OVER,
    NoticeKind.RESOLVED,
)


class Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EmailSettings(Group):
    host: str = ""
    """The mail server; empty: no e-mail is sent."""
    port: int = Field(default=587, ge=1, le=65_535)
    """587 with STARTTLS, 465 with TLS from the start, 25 within a site."""
    security: Literal["starttls", "tls", "none"] = "starttls"
    """A server that offers no STARTTLS is not sent to in the clear. `none`: without encryption, and never with a password but
    on this machine."""
    user: str = ""
    """Signs in with it; empty: without signing in."""
    password: SecretStr = SecretStr("")
    """Of that user."""
    sender: str = "opsdesk <opsdesk@localhost>"
    """From whom the mails come; replies go there."""
    ca_file: Path | None = None
    """A certificate authority of the site's own."""
    timeout_seconds: float = Field(default=20.0, gt=0, le=120)
    """For each answer of the server."""

    @model_validator(mode="after")
    def _is_safe(self) -> Self:
        if self.user and self.security == "none" and self.host not in _LOOPBACK:
            raise ValueError("security: none would send the password in the clear; use starttls or tls")
        if not _MAIL.search(self.sender) or any(character in self.sender for character in "\r\n"):
            raise ValueError(f"sender: {self.sender!r} holds no mail address")
        return self


class WebhookSettings(Group):
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,40}$")
    """What routes call it."""
    url: SecretStr
    """Where the notices are posted as JSON; it may hold a secret and is never shown."""
    secret: SecretStr = SecretStr("")
    """Signs every call (HMAC-SHA256, see the README), at least 16 characters; empty: the calls are not signed."""
    ca_file: Path | None = None
    """A certificate authority of the site's own."""
    timeout_seconds: float = Field(default=10.0, gt=0, le=60)
    """Of one call."""

    @model_validator(mode="after")
    def _is_usable(self) -> Self:
        if not re.fullmatch(
            r"https?://(\[[0-9a-fA-F:.]+\]|[^\s/@:\[\]]+)(:[0-9]{1,5})?([/?]\S*)?", self.url.get_secret_value()
        ):
            raise ValueError("url: an http or https address without user and password is needed")
        if 0 < len(self.secret.get_secret_value()) < SHORTEST_SECRET:
            raise ValueError(f"secret: at least {SHORTEST_SECRET} characters, so that nobody guesses it")
        return self


class PersonSettings(Group):
    principal: str
    """The person's name at the desk."""
    email: str = ""
    """Where he reads mail."""
    zone: str = "UTC"
    """IANA zone in which he reads times."""
    language: Language | None = None
    """His language; none: both."""

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        return _checked_zone(value)

    @field_validator("email")
    @classmethod
    def _is_address(cls, value: str) -> str:
        return _checked_mail(value) if value else value


class Destination(Group):
    """One place, or people: `@approvers` are those who may decide the request at hand. `@origin` is where the incident was
    asked."""

    channel: Literal["email", "slack", "webhook", "any"]
    """`any`: of a person, the first one that knows him."""
    to: str = Field(min_length=1, max_length=320)
    """A mail address, the id of a Slack channel (C0123ABCD), a webhook's name, @approvers, @assignee, @requester, or
    @origin."""
    zone: str = "UTC"
    """IANA zone of the times in the message."""
    language: Language | None = None
    """None: both, the desk's own first."""

    @model_validator(mode="after")
    def _names_a_place(self) -> Self:
        _checked_zone(self.zone)
        is_role = self.to in PEOPLE or self.to == "@origin"
        if self.to.startswith("@") and not is_role:
            raise ValueError(f"to: {self.to!r} is none of {', '.join(sorted(PEOPLE))}, @origin")
        if self.channel == "any" and not is_role:
            raise ValueError("channel: any needs people (@approvers, @assignee, @requester) or @origin")
        if self.channel == "email" and not is_role:
            _checked_mail(self.to)
        if self.channel == "slack" and not is_role and not _SLACK.fullmatch(self.to):
            raise ValueError(f"to: {self.to!r} is no id of a Slack channel: it looks like C0123ABCD")
        return self


class QuietHours(Group):
    """Nothing but what breaks through is sent between ``starts`` and ``ends``; the rest comes when they end."""

    starts: time
    """Wall clock of the zone; a period that ends at or before its start ends on the next day."""
    ends: time
    """Quotes help YAML: "08:00"."""
    zone: str
    """IANA zone, e.g. Asia/Shanghai: summer time is heeded."""
    days: tuple[Weekday, ...] = WEEK
    """On which days it starts."""
    breaks_through: tuple[Severity, ...] = (Severity.CRITICAL,)
    """Severities that are told all the same; pages always are."""

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        return _checked_zone(value)


class EscalationStep(Group):
    """An approval that has waited ``after_minutes`` is told to more people. Nothing is ever approved by waiting."""

    after_minutes: float = Field(gt=0)
    """Since it was asked for."""
    to: tuple[Destination, ...] = Field(min_length=1)
    """Who learns of it then, besides those who were told before."""


class RouteSettings(Group):
    """What happens to whose services is told to whom. Patterns are shell-style; a route without any is for everything."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,60}$")
    """What `opsdesk notices list` calls it."""
    services: tuple[str, ...] = ("*",)
    """Patterns of services."""
    namespaces: tuple[str, ...] = ("*",)
    """Patterns of namespaces."""
    clusters: tuple[str, ...] = ("*",)
    """Patterns of clusters."""
    severities: tuple[Severity, ...] = tuple(Severity)
    """Severities that are told."""
    kinds: tuple[NoticeKind, ...] = DEFAULT_KINDS
    """What is told; pages always are."""
    to: tuple[Destination, ...] = ()
    """Where."""
    quiet: tuple[QuietHours, ...] = ()
    """When not."""
    escalation: tuple[EscalationStep, ...] = ()
    """Who else is told when an approval waits."""


class NoticesSettings(Group):
    email: EmailSettings = EmailSettings()
    webhooks: tuple[WebhookSettings, ...] = ()
    """Addresses that take notices as JSON, each with the settings below."""
    people: tuple[PersonSettings, ...] = ()
    """Where people read, each with the settings below. Who linked a Slack account is known there without this."""
    routes: tuple[RouteSettings, ...] = ()
    """Who is told what, each with the settings below."""
    wait_seconds: float = Field(default=10.0, ge=0, le=600)
    """What happens to one incident within this time is one message; pages do not wait."""
    burst: int = Field(default=5, ge=1)
    """So many messages a minute one place bears; more become one digest a minute."""
    give_up_hours: float = Field(default=24.0, gt=0)
    """How long a message that does not get through is tried again; then the incident says so, and `opsdesk notices retry`
    sends it anew."""
    keep_days: float = Field(default=30.0, gt=0)
    """How long it is remembered what was sent."""
    executor_silence_seconds: float = Field(default=60.0, gt=0)
    """An execution whose executor fell silent is taken over by another one within this time, or somebody is paged."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for group, names in (
            ("webhooks", [one.name for one in self.webhooks]),
            ("routes", [one.name for one in self.routes]),
            ("people", [one.principal.casefold() for one in self.people]),
        ):
            doubled = sorted({name for name in names if names.count(name) > 1})
            if doubled:
                raise ValueError(f"{group}: named twice: {', '.join(doubled)}")
        for route in self.routes:
            for place in (*route.to, *(place for step in route.escalation for place in step.to)):
                self._check_place(route, place)
        return self

    def _check_place(self, route: RouteSettings, place: Destination) -> None:
        known = {one.name for one in self.webhooks}
        if place.channel == "webhook" and place.to not in known:
            named = ", ".join(sorted(known)) or "none is"
            raise ValueError(f"routes: {route.name}: no webhook named {place.to!r} (configured: {named})")
        if place.channel == "email" and not self.email.host:
            raise ValueError(f"routes: {route.name}: tells by e-mail, but email.host is not set")


def _checked_zone(name: str) -> str:
    if not is_zone(name):
        raise ValueError(f"{name!r} is no zone: IANA names look like Asia/Shanghai")
    return name


def _checked_mail(address: str) -> str:
    if not _MAIL.fullmatch(address) or len(address) > 320:
        raise ValueError(f"{address!r} is no mail address")
    return address
