"""Watches events: what the cluster's parts said of late about objects that are not well.

A large cluster keeps thousands, most of them about objects that recovered long ago. So an event is held against the signals
for its reason and its object's kind alone, those of the past only while the object is unwell, and all messages that are
left in question against all patterns in one pass each.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import re2

from knowledge.vocabulary import Json, ObjectRef
from tools.detectors.condition import compile_condition, compile_fact
from tools.detectors.format import EventSignal
from tools.detectors.hits import Hit, HitTable, named_groups
from tools.detectors.pattern_set import PatternSet
from tools.detectors.scanner import read_duration
from tools.detectors.scene import Scene, read_time
from tools.detectors.watchers import event_time, past_matters
from tools.redaction import redact_text


class EventWatcher:
    def __init__(self, signals: Sequence[tuple[int, EventSignal]]) -> None:
        self._by_reason: dict[str, list[_Compiled]] = defaultdict(list)
        numbers: dict[str, int] = {}
        self._for: dict[tuple[str, str], Sequence[_Compiled]] = {}
        for number, signal in signals:
            compiled = _Compiled(number, signal, numbers.setdefault(signal.message, len(numbers)))
            for reason in dict.fromkeys(signal.reason or ("",)):
                self._by_reason[reason].append(compiled)
        self._messages = PatternSet(list(numbers))

    def watch(self, scene: Scene, table: HitTable) -> None:
        if not self._by_reason:
            return
        newest: dict[tuple[int, str], tuple[datetime, Hit]] = {}
        subjects: dict[tuple[str, str, str], _Subject] = {}
        for event in scene.snapshot.of_kind("Event"):
            about = event.get("involvedObject") or event.get("regarding") or {}
            kind = about.get("kind", "")
            entries = self._entries(event.get("reason", ""), kind)
            if not entries:
                continue
            key = kind, "" if kind == "Node" else about.get("namespace", ""), about.get("name", "")
            subject = subjects.get(key)
            if subject is None:
                subject = subjects[key] = _Subject(scene, key)
            at = event_time(event) or scene.now
            age = (scene.now - at).total_seconds()
            asked = [one for one in entries if age <= one.within and one.may_speak_of(event, subject)]
            if not asked:
                continue
            said = frozenset(self._messages.within(event.get("message") or event.get("note") or ""))
            for compiled in asked:
                hit = compiled.hit(scene, event, subject) if compiled.message in said else None
                place = (compiled.number, hit.reference.key + hit.facts.get("container", "")) if hit else None
                if hit and place and (place not in newest or newest[place][0] < at):
                    newest[place] = (at, hit)
        for (number, _), (_, hit) in newest.items():
            table.add(number, hit.settle(scene))

    def _entries(self, reason: str, kind: str) -> Sequence[_Compiled]:
        known = self._for.get((reason, kind))
        if known is None:
            both = [*self._by_reason.get(reason, ()), *(self._by_reason.get("", ()) if reason else ())]
            known = [one for one in both if not one.signal.about or kind in one.signal.about]
            if len(self._for) < 10_000:  # reasons are the cluster's own words: not without bound
                self._for[reason, kind] = known
        return known


class _Subject:
    """Who an event is about; one for all events about the same object. ``matters``: its past may still be a fault of now."""

    __slots__ = ("_key", "item", "matters")

    def __init__(self, scene: Scene, key: tuple[str, str, str]) -> None:
        self._key = key
        self.item = scene.snapshot.find(*key)
        self.matters = past_matters(scene, key[0], self.item)

    def reference(self, scene: Scene) -> ObjectRef:
        kind, namespace, name = self._key
        return ObjectRef(cluster=scene.snapshot.cluster, kind=kind, namespace=namespace, name=name)


class _Compiled:
    """A fact with a path or a function in it is computed (``$`` the object the event is about, ``@`` the event); else it is
    told as it stands."""

    def __init__(self, number: int, signal: EventSignal, message: int) -> None:
        self.number = number
        self.signal = signal
        self.message = message
        self.within = read_duration(signal.within)
        self._search: Callable[[str], Any] = re2.compile(signal.message).search
        self._holds = compile_condition(signal.holds) if signal.holds else None
        computed = {name: text for name, text in signal.facts.items() if text[:1] != '"' and set(text) & set("$@(")}
        self._computed = {name: compile_fact(text) for name, text in computed.items()}
        self._told = {name: text.strip('"') for name, text in signal.facts.items() if name not in computed}

    def may_speak_of(self, event: Json, subject: _Subject) -> bool:
        signal = self.signal
        if signal.type and event.get("type", signal.type) != signal.type:
            return False
        if signal.speaks_of == "past" and not subject.matters:
            return False
        return int(event.get("count") or 1) >= signal.at_least

    def hit(self, scene: Scene, event: Json, subject: _Subject) -> Hit | None:
        message = event.get("message") or event.get("note") or ""
        found = self._search(message)
        item = subject.item
        if found is None or (self._holds is not None and not self._holds(scene, item or {}, event)):
            return None
        facts = named_groups(found.groupdict())
        facts.update(self._told)
        facts.update({name: fact(scene, item or {}, event) for name, fact in self._computed.items()})
        about = event.get("involvedObject") or event.get("regarding") or {}
        container = _container_of_field(about.get("fieldPath", ""))
        if container:
            facts.setdefault("container", container)
        facts.setdefault("message", redact_text(message)[:300])
        began_at = read_time(event.get("firstTimestamp")) or event_time(event)
        return Hit(subject.reference(scene), item, facts, began_at, (lambda: scene.snapshot.cite_event(event),))


def _container_of_field(path: str) -> str:
    """``spec.containers{main}`` names the container."""
    return path.split("{", 1)[1].rstrip("}") if "ontainers{" in path else ""
