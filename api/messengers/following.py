"""Keeps a chat platform's messages about incidents up to date.

The ledger says what is to be shown; a message is compared with it and brought up to date when it differs. So whatever was
missed while the platform, the network or the desk was away is caught up with by one update of each message, and a change that
was overtaken by the next is never sent. One process at a time does it, by a lease.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from api.bootstrap import Desk, utc_now
from api.messengers.contract import Messenger
from api.messengers.links import Links
from api.messengers.showing import APPROVAL, CARD, DIAGNOSIS, STORY, Shower
from knowledge.errors import LeaseLost, OpsdeskError
from knowledge.ledger.leases import Leases
from knowledge.ledger.messenger_posts import Post
from knowledge.vocabulary import ApprovalStatus, Incident, Language, Scope, Severity

POLL_SECONDS = 0.5
LEASE_SECONDS = 15.0
OVERLAP = timedelta(seconds=5)
"""Changes whose transactions ended out of order are seen all the same."""
PAGE = 200
SEEN_MOST = 20_000
STORY_SECONDS = 3.0
"""Lines of the story that come within this time are told in one message."""

log = structlog.get_logger("opsdesk.messengers")


@dataclass(frozen=True)
class Route:
    """A channel, what it may read, and which incidents it is told of."""

    channel: str
    language: Language
    scope: Scope
    severity: Severity

    def takes(self, incident: Incident) -> bool:
        in_scope = self.scope.allows(cluster=incident.cluster, namespace=incident.namespace, service=incident.service)
        return in_scope and incident.severity.rank <= self.severity.rank


class Following:
    """``run`` until cancelled; ``look`` and ``deliver`` are its two halves, for tests and for a nudge."""

    def __init__(
        self,
        desk: Desk,
        messenger: Messenger,
        links: Links,
        routes: Sequence[Route],
        *,
        now: Callable[[], datetime] = utc_now,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._desk, self._messenger, self._routes = desk, messenger, tuple(routes)
        self._poll_seconds = poll_seconds
        self._shower = Shower(desk, messenger, links, {route.channel: route for route in routes}, now=now)
        self._seen: dict[str, tuple[datetime, int]] = {}
        self._nudged = asyncio.Event()

    def nudge(self) -> None:
        self._nudged.set()

    async def run(self) -> None:
        name, holder = f"messenger:{self._messenger.name}", f"following-{uuid.uuid4().hex[:12]}"
        lease = _Lease(self._desk.ledger.leases, name, holder)
        try:
            while True:
                try:
                    if await asyncio.to_thread(lease.hold):
                        await self.look()
                        await self.deliver()
                except OpsdeskError as error:
                    log.warning("following_paused", reason=error.message)
                    await asyncio.sleep(2.0)
                except Exception:
                    log.exception("following_bug")
                    await asyncio.sleep(5.0)
                await self._wait(self._poll_seconds if lease.is_held else LEASE_SECONDS / 3)
        finally:
            with contextlib.suppress(OpsdeskError):
                lease.release()

    async def _wait(self, seconds: float) -> None:
        self._nudged.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._nudged.wait(), seconds)

    async def look(self) -> int:
        """Notes which messages may be out of date. How many incidents had changed."""
        return await asyncio.to_thread(self._look)

    async def deliver(self) -> int:
        """Brings up to date what is due and may be sent now. How many messages were sent or changed."""
        return await self._shower.deliver()

    def _look(self) -> int:
        ledger, name = self._desk.ledger, self._messenger.name
        since = ledger.messenger_inbox.followed_until(name)
        start, limit, count = since - OVERLAP, PAGE, 0
        while True:
            changed = ledger.messenger_posts.changed(start, limit)
            fresh = [one for one in changed if self._seen.get(one.id) != (one.updated_at, one.version)]
            for incident in fresh:
                self._want(incident)
                self._seen[incident.id] = (incident.updated_at, incident.version)
            count += len(fresh)
            if changed and changed[-1].updated_at > since:
                since = changed[-1].updated_at
                ledger.messenger_inbox.follow_from(name, since)
            if len(changed) < limit:
                break
            start, limit = changed[-1].updated_at, limit if changed[-1].updated_at > start else 2 * limit
        self._forget_seen()
        return count

    def _forget_seen(self) -> None:
        while len(self._seen) > SEEN_MOST:
            self._seen.pop(next(iter(self._seen)))

    def _want(self, incident: Incident) -> None:
        posts = self._desk.ledger.messenger_posts
        kept = posts.of_incident(self._messenger.name, incident.id)
        channels = [post.channel for post in kept if post.subject == CARD + incident.id]
        route = next(
            (route for route in self._routes if route.takes(incident) and self._is_seen(route, incident)), None
        )
        if route is not None and route.channel not in channels:
            channels.append(route.channel)
        for channel in channels:
            for subject in self._subjects(incident, [one for one in kept if one.channel == channel]):
                delay = STORY_SECONDS if subject.startswith(STORY) else 0.0
                posts.want(self._messenger.name, channel, subject, incident.id, after_seconds=delay)

    def _is_seen(self, route: Route, incident: Incident) -> bool:
        """An incident of no known place is told to who has the whole cluster, until all that is known of it lies within."""
        if incident.namespace or "*" in route.scope.namespaces:
            return True
        return self._desk.ledger.incidents.sees(route.scope, "", incident.id)

    def _subjects(self, incident: Incident, kept: Sequence[Post]) -> list[str]:
        """The incident's own message first, then what stands in its thread."""
        from api.web.dossier import latest_proposal

        subjects = [CARD + incident.id, STORY + incident.id]
        if self._desk.ledger.diagnoses.latest(incident.id) is not None:
            subjects.append(DIAGNOSIS + incident.id)
        _, _, approval = latest_proposal(self._desk, incident)
        if approval is not None and approval.status is ApprovalStatus.WAITING:
            subjects.append(APPROVAL + approval.id)
        subjects += [one.subject for one in kept if one.subject.startswith(APPROVAL)]
        return list(dict.fromkeys(subjects))


class _Lease:
    """Held from call to call; renewed when a third of it is over."""

    def __init__(self, leases: Leases, name: str, holder: str) -> None:
        self._leases, self._name, self._holder = leases, name, holder
        self._token: int | None = None
        self._renewed = 0.0

    @property
    def is_held(self) -> bool:
        return self._token is not None

    def hold(self) -> bool:
        if self._token is not None and time.monotonic() - self._renewed < LEASE_SECONDS / 3:
            return True
        try:
            if self._token is None:
                self._token = self._leases.acquire(self._name, self._holder, LEASE_SECONDS)
            else:
                self._leases.renew(self._name, self._token, LEASE_SECONDS)
        except LeaseLost:
            self._token = None
        self._renewed = time.monotonic()
        return self._token is not None

    def release(self) -> None:
        if self._token is not None:
            self._leases.release(self._name, self._token)
