"""Whom a notice goes to: every route that fits, people by the parts they play, and what the desk tells without any route."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from api.notices.composing import filled
from api.notices.contract import Address, Channel, Notice, NoticeKind
from api.notices.options import Destination, NoticesSettings, PersonSettings, RouteSettings
from api.notices.quiet import told_at
from knowledge.errors import NotFound
from knowledge.ledger.ledger import Ledger
from knowledge.ledger.outbox_values import Outgoing
from knowledge.vocabulary import ApprovalRequest, Incident, Scope

BUILT_IN = "built-in"
NOWHERE = "nowhere"
"""The channel of a notice whose person nobody can reach: it is given up at once, so that it is seen."""
_ORIGIN = Destination(channel="any", to="@origin")
_REQUESTER = Destination(channel="any", to="@requester")
_APPROVERS = Destination(channel="any", to="@approvers")


@dataclass(frozen=True)
class Place:
    channel: str
    address: Address
    error: str = ""


class Router:
    """``channels`` in the order in which a person is looked for in them."""

    def __init__(self, settings: NoticesSettings, channels: Mapping[str, Channel], ledger: Ledger) -> None:
        self._settings, self._channels, self._ledger = settings, channels, ledger
        self._people = {one.principal.casefold(): one for one in settings.people}

    async def outgoing(self, notice: Notice) -> list[Outgoing]:
        """One for each place. Of two routes that name the same place the earlier one counts."""
        wait = timedelta(seconds=0 if notice.is_page else self._settings.wait_seconds)
        due = notice.at + wait
        found: dict[tuple[str, str], Outgoing] = {}
        for route in self._settings.routes:
            if not _fits(route, notice):
                continue
            at = told_at(notice, route.quiet, due)
            async for place in self._places(route.to, notice):
                _keep(found, _outgoing(notice, route.name, place, at, notice.id))
        async for place in self._told_anyway(notice):
            _keep(found, _outgoing(notice, BUILT_IN, place, due, notice.id))
        return list(found.values())

    def steps_due(
        self, request: ApprovalRequest, incident: Incident, now: datetime
    ) -> Iterator[tuple[int, RouteSettings]]:
        """The escalation steps whose time has come for a request that waits, with their routes."""
        for route in self._settings.routes:
            if not _covers(route, incident):
                continue
            for number, step in enumerate(route.escalation):
                if request.asked_at + timedelta(minutes=step.after_minutes) <= now:
                    yield number, route

    async def escalated(self, notice: Notice, route: RouteSettings, number: int, now: datetime) -> list[Outgoing]:
        """``notice.id`` names request, route and step: however often it is asked, each place is told once."""
        at = told_at(notice, route.quiet, now)
        step = route.escalation[number]
        found: dict[tuple[str, str], Outgoing] = {}
        async for place in self._places(step.to, notice):
            _keep(found, _outgoing(notice, f"{route.name}:{number + 1}", place, at, notice.id))
        return list(found.values())

    async def _told_anyway(self, notice: Notice) -> AsyncIterator[Place]:
        """What nobody can switch off: every approver learns of a broken glass, and who asked learns that nobody decided."""
        if notice.kind is NoticeKind.BREAK_GLASS:
            async for place in self._places((_APPROVERS,), notice):
                yield place
        if notice.kind is NoticeKind.APPROVAL_EXPIRED:
            async for place in self._places((_ORIGIN, _REQUESTER), notice):
                yield place

    async def _places(self, destinations: Sequence[Destination], notice: Notice) -> AsyncIterator[Place]:
        for one in destinations:
            if one.to == "@origin":
                address = Address(kind="origin", to=notice.incident, language=one.language, zone=one.zone)
                for name in self._named(one.channel):
                    if notice.incident and await self._channels[name].knows(address):
                        yield Place(name, address)
            elif one.to.startswith("@"):
                for person in await self._persons(one.to, notice):
                    place = await self._place_of(person, one, notice)
                    if place is not None:
                        yield place
            else:
                yield Place(one.channel, Address(to=one.to, language=one.language, zone=one.zone))

    def _named(self, channel: str) -> list[str]:
        return list(self._channels) if channel == "any" else [name for name in self._channels if name == channel]

    async def _persons(self, role: str, notice: Notice) -> Sequence[str]:
        return await asyncio.to_thread(persons_of, role, notice, self._ledger)

    async def _place_of(self, person: str, one: Destination, notice: Notice) -> Place | None:
        """Where that person reads. Of an approver who cannot be reached somebody has to know."""
        known = self._people.get(person.casefold(), PersonSettings(principal=person))
        address = Address(kind="person", to=person, language=one.language or known.language, zone=known.zone)
        for name in self._named(one.channel):
            if await self._channels[name].knows(address):
                return Place(name, address)
        if notice.kind is NoticeKind.BREAK_GLASS:
            return Place(NOWHERE, address, filled("notices.untold", person=person).en)
        return None


def persons_of(role: str, notice: Notice, ledger: Ledger) -> Sequence[str]:
    """Principals' ids. Blocking. Nobody, where the part is not played."""
    try:
        incident = ledger.incidents.get(notice.incident)
        if role == "@assignee":
            return [incident.assignee] if _sees(ledger, incident.assignee, incident.id) else []
        if role == "@requester":
            return [incident.requester] if _sees(ledger, incident.requester, incident.id) else []
        if not notice.subject.startswith("apr-"):
            return []
        if notice.kind is NoticeKind.BREAK_GLASS:
            return ledger.approvals.get(notice.subject).told
        return ledger.outbox.entitled(notice.subject)
    except NotFound:
        return []


def _sees(ledger: Ledger, person: str, incident_id: str) -> bool:
    """Of what somebody may not look at they are not told either: a scope may have been narrowed, an assignee be anybody."""
    if not person or ledger.principals.is_disabled(person):
        return False
    try:
        principal = ledger.principals.by_id(person)
    except NotFound:  # a name that only the settings know an address of
        return True
    return bool(principal.roles) and ledger.incidents.sees(principal.scope, principal.id, incident_id)


def _fits(route: RouteSettings, notice: Notice) -> bool:
    return _covers(route, notice) and (notice.is_page or notice.kind in route.kinds)


def _covers(route: RouteSettings, notice: Notice | Incident) -> bool:
    reach = Scope(clusters=route.clusters, namespaces=route.namespaces, services=route.services)
    wide = {"namespace": route.namespaces, "service": route.services}
    for name, patterns in wide.items():
        if not getattr(notice, name) and "*" not in patterns:
            return False  # an incident of no known service is nobody's in particular
    return notice.severity in route.severities and reach.allows(
        cluster=notice.cluster, namespace=notice.namespace, service=notice.service
    )


def _keep(found: dict[tuple[str, str], Outgoing], one: Outgoing) -> None:
    known = found.get((one.channel, one.place))
    if known is None or one.due_at < known.due_at:
        found[one.channel, one.place] = one


def _outgoing(notice: Notice, route: str, place: Place, due_at: datetime, key: str) -> Outgoing:
    return Outgoing(
        key=f"{key}/{place.channel}/{place.address.key}",
        route=route,
        channel=place.channel,
        place=place.address.key,
        kind=notice.kind.value,
        incident_id=notice.incident,
        subject=notice.subject,
        is_page=notice.is_page,
        due_at=due_at,
        address=place.address.model_dump(mode="json") | ({"error": place.error} if place.error else {}),
        notice=notice.model_dump(mode="json"),
    )
