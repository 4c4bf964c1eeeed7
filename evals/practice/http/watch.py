"""Watches: what changed since a version, then what changes, with bookmarks, until the timeout."""

from __future__ import annotations

import asyncio
import base64
import random
from collections.abc import AsyncIterator

from evals.practice.errors import ApiError, Cause, expired, invalid
from evals.practice.hooks import Object
from evals.practice.http.call import Answer, Call
from evals.practice.http.lists import selection
from evals.practice.http.negotiate import Form
from evals.practice.http.options import ListOptions, list_options, version_number
from evals.practice.http.render import checked_form, encode, watch_object
from evals.practice.http.selectors import Predicate
from evals.practice.store import Change, name_of, namespace_of

BOOKMARK_SECONDS = 60.0
_BOOKMARK_BEFORE_END_SECONDS = 0.5
_TIMER_SLACK_SECONDS = 0.05


def watch_objects(call: Call) -> Answer:
    """The answer to a watch request: errors before the stream begins are plain answers."""
    options = list_options(call)
    form = checked_form(call)
    _check_watch_match(options)
    predicate = selection(call.kind, options)
    version = version_number(options.resource_version)
    return Answer(_Watch(call, options, form, predicate, version).stream(), headers={"Transfer-Encoding": "chunked"})


def _check_watch_match(options: ListOptions) -> None:
    field, match = "resourceVersionMatch", options.match
    if options.send_initial_events is not None:
        if match != "NotOlderThan":
            why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
            raise invalid("ListOptions", "meta.k8s.io", "", [Cause.forbidden(field, why)])
        if options.send_initial_events and not options.allow_bookmarks:
            why = "sendInitialEvents requires allowWatchBookmarks"
            raise invalid("ListOptions", "meta.k8s.io", "", [Cause.forbidden("allowWatchBookmarks", why)])
    elif match:
        why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        raise invalid("ListOptions", "meta.k8s.io", "", [Cause.forbidden(field, why)])


class _Watch:
    def __init__(self, call: Call, options: ListOptions, form: Form, predicate: Predicate | None, version: int) -> None:
        self._call, self._options, self._form, self._predicate = call, options, form, predicate
        self._version = version
        self._store = call.cluster.store
        self._resource = call.kind.store_key
        self._queue: asyncio.Queue[Change | None] = asyncio.Queue()
        seconds = options.timeout_seconds or random.uniform(1800, 3600)
        self._deadline = call.cluster.clock.monotonic() + seconds
        self._first = True

    def _line(self, kind: str, obj: Object) -> bytes:
        shown = watch_object(self._call, self._form, obj, self._first)
        self._first = False
        return encode({"type": kind, "object": shown}) + b"\n"

    def _bookmark(self, *, initial_end: bool = False) -> bytes:
        row = self._call.kind
        meta: Object = {"resourceVersion": str(self._store.version), "creationTimestamp": None}
        if initial_end:
            empty: Object = {"kind": f"{row.kind}List", "apiVersion": row.api_version, "metadata": {}, "items": None}
            blueprint = base64.b64encode(encode(empty) + b"\n").decode()
            meta["annotations"] = {
                "k8s.io/initial-events-end": "true",
                "kubernetes.io/initial-events-list-blueprint": blueprint,
            }
        obj: Object = {"kind": row.kind, "apiVersion": row.api_version, "metadata": meta}
        if row.kind == "Pod":
            obj.update(spec={"containers": None}, status={})
        return encode({"type": "BOOKMARK", "object": obj}) + b"\n"

    def _concerns(self, change: Change) -> bool:
        place = self._call.place
        if change.resource != self._resource:
            return False
        if place.namespace and namespace_of(change.object) != place.namespace:
            return False
        return not place.name or name_of(change.object) == place.name

    def _event(self, change: Change) -> bytes | None:
        """The event of a change as this watch sees it: what leaves the selector is deleted, what enters is added."""
        was = change.previous is not None and self._selected(change.previous)
        now = change.type != "DELETED" and self._selected(change.object)
        if was and now:
            return self._line("MODIFIED", change.object)
        if now:
            return self._line("ADDED", change.object)
        if not was or change.previous is None:
            return None
        gone = change.previous
        last = {**gone, "metadata": {**gone["metadata"], "resourceVersion": str(change.version)}}
        return self._line("DELETED", last)

    def _selected(self, obj: Object) -> bool:
        return self._predicate is None or self._predicate(obj)

    def _beginning(self) -> list[bytes]:
        """The events that are due at once."""
        store, place = self._store, self._call.place
        synthetic = self._options.send_initial_events
        if synthetic or (synthetic is None and self._options.resource_version in ("", "0")):
            rows = store.list(self._resource, place.namespace or None)
            rows = [row for row in rows if self._selected(row) and (not place.name or name_of(row) == place.name)]
            lines = [self._line("ADDED", row) for row in rows]
            if synthetic:
                lines.append(self._bookmark(initial_end=True))
            return lines
        if self._version < store.oldest_version:
            raise expired(f"too old resource version: {self._version} ({store.oldest_version})")
        missed = store.changes_since(self._version, self._resource, place.namespace or None)
        return [line for change in missed if self._concerns(change) and (line := self._event(change))]

    async def stream(self) -> AsyncIterator[bytes]:
        """The lines of the stream, until the timeout or until the client goes away."""
        subscription = self._store.subscribe(self._queue.put_nowait, self._resource)
        try:
            try:
                lines = self._beginning()
            except ApiError as error:
                yield encode({"type": "ERROR", "object": error.status()}) + b"\n"
                return
            if lines:
                yield b"".join(lines)
            async for line in self._live():
                yield line
        finally:
            subscription.cancel()

    async def _live(self) -> AsyncIterator[bytes]:
        """Changes as they come; an empty place in the queue is a wake-up of a timer."""
        clock, bookmarks = self._call.cluster.clock, self._options.allow_bookmarks
        left = self._deadline - clock.monotonic()
        timers = [clock.call_later(max(left, 0.0), self._wake)]
        bookmark_in = min(BOOKMARK_SECONDS, left - _BOOKMARK_BEFORE_END_SECONDS)
        next_bookmark = clock.monotonic() + bookmark_in
        if bookmarks:
            timers.append(clock.call_later(max(bookmark_in, 0.0), self._wake))
        try:
            while True:
                change = await self._queue.get()
                if change is not None:
                    if change.version > self._version and self._concerns(change) and (line := self._event(change)):
                        yield line
                    continue
                now = clock.monotonic() + _TIMER_SLACK_SECONDS
                if now >= self._deadline:
                    return
                if bookmarks and now >= next_bookmark:
                    yield self._bookmark()
                    next_bookmark += BOOKMARK_SECONDS
                    timers.append(clock.call_later(BOOKMARK_SECONDS, self._wake))
        finally:
            for timer in timers:
                timer.cancel()

    def _wake(self) -> None:
        self._queue.put_nowait(None)
