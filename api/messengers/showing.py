"""Shows what is due on a chat platform: composes it from the ledger, compares it with what stands there, and sends the difference.

A first posting is written down before it is sent. When no answer came, the next attempt looks for it by its key before it posts
again; where the platform gives no history to look into, it may then stand there twice, which no platform lets one rule out.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from api.bootstrap import Desk
from api.messengers.contract import MessageGone, Messenger, MessengerBusy, Place, PostUnanswered
from api.messengers.incident_message import (
    OVER,
    catch_up_message,
    cited_evidence,
    diagnosis_message,
    found_of,
    incident_message,
    story_message,
)
from api.messengers.links import Links
from api.messengers.message import Message
from api.messengers.review_message import review_message
from knowledge.errors import OpsdeskError, Permanent, Temporary
from knowledge.ledger.messenger_posts import Post
from knowledge.vocabulary import Incident, IncidentStatus, TimelineEntry

if TYPE_CHECKING:
    from api.messengers.following import Route

CARD, STORY, DIAGNOSIS, APPROVAL, CATCH_UP = "incident:", "story:", "diagnosis:", "approval:", "catch-up:"
ROUND = 500
POST_GAP_SECONDS = 1.05
"""Between two new messages in one channel: platforms take about one a second."""
UPDATE_GAP_SECONDS = 2.0
"""Between two changes of one message: what comes in between is shown with the next."""
LATE = timedelta(minutes=5)
CATCH_UP_FROM = 4
"""So many late first messages of one channel become one message."""
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 2.0, 60.0
REFUSED_SECONDS = 600.0
WAITING_SECONDS = 30.0
STORY_LINES = 60
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
URGENT_MOST = 10

log = structlog.get_logger("opsdesk.messengers")


class Shower:
    """``routes`` by channel; ``now`` the desk's clock."""

    def __init__(
        self,
        desk: Desk,
        messenger: Messenger,
        links: Links,
        routes: Mapping[str, Route],
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._desk, self._messenger, self._links, self._routes, self._now = desk, messenger, links, routes, now
        self._posts = desk.ledger.messenger_posts
        self._not_before: dict[str, float] = {}
        self._failures = 0

    async def deliver(self) -> int:
        if not self._may("all"):
            return 0
        due = await asyncio.to_thread(self._posts.due, self._messenger.name, ROUND)
        due = [await self._looked_for(post) if post.trying_since else post for post in sorted(due, key=_urgency)]
        sent = 0
        caught_up: set[tuple[str, str]] = set()
        for channel in dict.fromkeys(post.channel for post in due):
            late = await asyncio.to_thread(self._late, [post for post in due if post.channel == channel])
            if len(late) >= CATCH_UP_FROM and self._may(f"post:{channel}"):
                caught_up |= {(channel, incident.id) for incident in late}
                sent += await self._guarded(await asyncio.to_thread(self._catch_up_post, channel, late))
        for post in due:
            if (post.channel, post.incident_id) not in caught_up and not post.trying_since and self._is_its_turn(post):
                sent += await self._guarded(post)
        return sent

    def _is_its_turn(self, post: Post) -> bool:
        """Whether it could be sent now at all: a storm of new messages must not be composed again every half second."""
        if not self._may("all"):
            return False
        if _is_new(post):
            return self._may("post") and self._may(f"post:{post.channel}")
        return self._may("update") and self._may(f"update:{post.channel}:{post.subject}")

    def _may(self, what: str) -> bool:
        return time.monotonic() >= self._not_before.get(what, 0.0)

    def _hold(self, what: str, seconds: float) -> None:
        if len(self._not_before) > 5_000:
            now = time.monotonic()
            self._not_before = {key: until for key, until in self._not_before.items() if until > now}
        self._not_before[what] = time.monotonic() + seconds

    async def _guarded(self, post: Post) -> int:
        """Shows one message. What fails is put off: alone when it is refused, with everything else when nobody answers."""
        try:
            shown = await self._show(post)
            self._failures = 0
            return int(shown)
        except MessengerBusy as error:
            self._hold("post" if _is_new(post) else "update", error.retry_after_seconds or FIRST_WAIT_SECONDS)
        except Temporary as error:
            self._put_off(error)
        except MessageGone:
            await asyncio.to_thread(self._posts.lost, post)
        except Permanent as error:
            log.warning("message_refused", channel=post.channel, subject=post.subject, reason=error.message)
            await asyncio.to_thread(self._posts.again, post, REFUSED_SECONDS, error.message)
        return 0

    def _put_off(self, error: Temporary) -> None:
        """Nobody answers: everything waits, longer each time."""
        self._failures += 1
        waits = min(FIRST_WAIT_SECONDS * 2 ** min(self._failures - 1, 8), LONGEST_WAIT_SECONDS)
        self._hold("all", waits)
        log.warning("messenger_away", reason=error.message, failures=self._failures)

    async def _looked_for(self, post: Post) -> Post:
        """A posting whose outcome is not known: whether it stands there is asked before anything else is done."""
        if not self._may("all"):
            return post
        place = await asyncio.to_thread(self._place_of, post)
        try:
            found = await self._found(place, _key(post), post.trying_since) if place and post.trying_since else None
        except Temporary as error:
            self._put_off(error)
            return post
        if found is None:
            await asyncio.to_thread(self._posts.refused, post)
            return post.model_copy(update={"trying_since": None, "shown": ""})
        told = int(post.shown) if post.shown.isdigit() else None
        # What it shows was written down with the attempt; what has changed since is shown by the next update.
        await asyncio.to_thread(
            self._posts.showed, post.model_copy(update={"wanted_at": _LONG_AGO}), found, post.shown, told
        )
        return post.model_copy(update={"message_id": found, "trying_since": None, "told": max(post.told, told or 0)})

    async def _show(self, post: Post) -> bool:
        if post.subject.startswith(CATCH_UP):
            return await self._show_catch_up(post)
        if post.channel not in self._routes:
            await asyncio.to_thread(
                self._posts.again, post, REFUSED_SECONDS, "the channel is no longer in the settings"
            )
            return False
        place = await asyncio.to_thread(self._place_of, post)
        if place is None:
            await asyncio.to_thread(self._wait_for_card, post)
            return False
        if post.subject.startswith(STORY):
            return await self._tell(post, place)
        message = await asyncio.to_thread(self._composed, post)
        if message is None:
            await asyncio.to_thread(self._posts.showed, post, post.message_id, post.shown)
            return False
        return await self._bring_up_to_date(post, place, message)

    async def _bring_up_to_date(self, post: Post, place: Place, message: Message) -> bool:
        drawn = _digest(message)
        if post.message_id and post.shown == drawn:
            await asyncio.to_thread(self._posts.showed, post, post.message_id, drawn)
            return False
        if not post.message_id:
            post = await self._posted(post, place, message, drawn)
            return bool(post.message_id)
        self._hold(f"update:{post.channel}:{post.subject}", UPDATE_GAP_SECONDS)
        await self._messenger.update(place, post.message_id, message)
        await asyncio.to_thread(self._posts.showed, post, post.message_id, drawn)
        return True

    async def _posted(self, post: Post, place: Place, message: Message, drawn: str, told: int | None = None) -> Post:
        """Posts for the first time, or finds that an attempt whose answer was lost did."""
        if not (self._may("post") and self._may(f"post:{post.channel}")):
            return post
        self._hold(f"post:{post.channel}", POST_GAP_SECONDS)
        trying = await asyncio.to_thread(self._posts.trying, post, drawn if told is None else str(told))
        try:
            message_id = await self._messenger.post(place, message, _key(post))
        except PostUnanswered:
            raise
        except OpsdeskError:
            await asyncio.to_thread(self._posts.refused, trying)
            raise
        await asyncio.to_thread(self._posts.showed, post, message_id, drawn, told)
        return post.model_copy(update={"message_id": message_id})

    async def _found(self, place: Place, key: str, since: datetime) -> str | None:
        try:
            return await self._messenger.find(place, key, since)
        except Permanent as error:  # no right to look back: better twice than never
            log.warning("cannot_look_back", channel=place.channel, reason=error.message)
            return None

    async def _tell(self, post: Post, place: Place) -> bool:
        """The story goes on in a new message of the thread; what came meanwhile goes into one."""
        entries = await asyncio.to_thread(self._entries, post)
        if not entries:
            await asyncio.to_thread(self._posts.showed, post, post.message_id, post.shown)
            return False
        language = self._routes[post.channel].language
        message = story_message(entries, language, self._links)
        told = await self._posted(post, place, message, str(entries[-1].sequence), entries[-1].sequence)
        return bool(told.message_id)

    def _entries(self, post: Post) -> list[TimelineEntry]:
        from api.web.dossier import story_within

        ledger = self._desk.ledger
        entries = ledger.timeline.for_incident(post.incident_id, post.told, STORY_LINES)
        scope, incident = self._routes[post.channel].scope, ledger.incidents.get(post.incident_id)
        return story_within(self._desk, scope, incident, entries)

    def _place_of(self, post: Post) -> Place | None:
        """The channel for the incident's own message; its thread for the rest, None while there is none."""
        if post.subject.startswith((CARD, CATCH_UP)):
            return Place(channel=post.channel)
        card = self._posts.get(post.provider, post.channel, CARD + post.incident_id)
        return Place(channel=post.channel, thread=card.message_id) if card and card.message_id else None

    def _wait_for_card(self, post: Post) -> None:
        """The incident's message comes first; where it never will, this one has been told by the catch-up."""
        card = self._posts.get(post.provider, post.channel, CARD + post.incident_id)
        if card is not None and card.due_at is None and not card.message_id:
            self._caught_up(post)
        elif card is not None and card.failure:
            self._posts.again(post, WAITING_SECONDS, card.failure)

    def _composed(self, post: Post) -> Message | None:
        """The newest that there is to show. Blocking."""
        from api.web.reviewed import Proposal, view_of

        route, ledger = self._routes[post.channel], self._desk.ledger
        incident = ledger.incidents.get(post.incident_id)
        if post.subject.startswith(APPROVAL):
            approval = ledger.approvals.get(post.subject.removeprefix(APPROVAL))
            plan, review = ledger.plans.get(approval.plan_id), ledger.reviews.get(approval.review_id)
            proposal = Proposal(plan, review, approval, ledger.diagnoses.latest(incident.id))
            return review_message(view_of(proposal, route.scope, self._now()), route.language, self._links)
        found = found_of(self._desk, incident, route.scope)
        if post.subject.startswith(DIAGNOSIS):
            evidence = cited_evidence(self._desk, found, route.scope)
            return diagnosis_message(found, evidence, route.language, self._links)
        if incident.status in OVER and not post.message_id and post.shown == CATCH_UP:
            return None  # the catch-up has told of it, and it is over
        return incident_message(found, route.language, self._links)

    # --- after an outage ---------------------------------------------------------------------------------------------

    def _is_late(self, incident: Incident) -> bool:
        return self._now() - incident.opened_at > LATE

    def _late(self, due: list[Post]) -> list[Incident]:
        """Incidents whose first message should long be there. Blocking."""
        from api.web.dossier import headline_within

        firsts = [
            post for post in due if post.subject.startswith(CARD) and not post.message_id and not post.trying_since
        ]
        if len(firsts) < CATCH_UP_FROM or due[0].channel not in self._routes:
            return []
        found = [self._desk.ledger.incidents.get(post.incident_id) for post in firsts if post.shown != CATCH_UP]
        scope = self._routes[due[0].channel].scope
        return [headline_within(scope, incident) for incident in found if self._is_late(incident)]

    def _catch_up_post(self, channel: str, late: list[Incident]) -> Post:
        first = min(late, key=lambda incident: incident.id)
        return self._posts.want(self._messenger.name, channel, CATCH_UP + first.id, first.id)

    async def _show_catch_up(self, post: Post) -> bool:
        """One message for all of them. Those that go on get their own with their next change."""
        route = self._routes[post.channel]
        waiting = await asyncio.to_thread(self._posts.waiting, post.provider)
        here = [one for one in waiting if one.channel == post.channel]
        late = await asyncio.to_thread(self._late, here)
        if not late:
            await asyncio.to_thread(self._posts.showed, post, post.message_id, post.shown)
            return False
        message = catch_up_message(late, route.language, self._links)
        place = Place(channel=post.channel)
        if post.message_id:  # an attempt whose answer was lost: it stands there, and more may be late by now
            await self._messenger.update(place, post.message_id, message)
            await asyncio.to_thread(self._posts.showed, post, post.message_id, _digest(message))
        elif not (await self._posted(post, place, message, _digest(message))).message_id:
            return False
        ids = {incident.id for incident in late}
        for one in here:
            if one.incident_id in ids and not one.subject.startswith(CATCH_UP):
                await asyncio.to_thread(self._caught_up, one)
        await asyncio.to_thread(self._want_the_urgent, late, here)
        return True

    def _want_the_urgent(self, late: list[Incident], here: list[Post]) -> None:
        """What waits for people's approval is shown by itself all the same."""
        waiting = [one for one in late if one.status is IncidentStatus.AWAITING_APPROVAL]
        chosen = {one.id for one in sorted(waiting, key=lambda one: one.severity.rank)[:URGENT_MOST]}
        for post in here:
            if post.incident_id in chosen and post.subject.startswith((CARD, APPROVAL)):
                self._posts.want(post.provider, post.channel, post.subject, post.incident_id)

    def _caught_up(self, post: Post) -> None:
        shown = CATCH_UP if post.subject.startswith(CARD) else post.shown
        length = self._desk.ledger.timeline.for_incident(post.incident_id, 0, 10_000)[-1:]
        told = length[0].sequence if post.subject.startswith(STORY) and length else None
        self._posts.showed(post, "", shown, told)


def _urgency(post: Post) -> int:
    """In a storm that something happened is told before what is known of it; of equals the longest waiting comes first."""
    return next((rank for rank, kind in enumerate((CARD, APPROVAL)) if post.subject.startswith(kind)), 2)


def _key(post: Post) -> str:
    """By which a posted message is found again; a story's names where it begins."""
    return f"{post.subject}@{post.told}"


def _is_new(post: Post) -> bool:
    """Whether showing it means a new message: a story goes on in one."""
    return not post.message_id or post.subject.startswith(STORY)


def _digest(message: Message) -> str:
    return hashlib.sha256(message.model_dump_json().encode("utf-8", "surrogatepass")).hexdigest()
