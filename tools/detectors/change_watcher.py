"""The watcher of changes: what was rolled out, edited, scaled, cordoned or rebooted lately, as signals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from tools.detectors.changes import Change, recent_changes
from tools.detectors.format import ChangeSignal
from tools.detectors.hits import Cite, Hit, HitTable
from tools.detectors.scanner import read_duration
from tools.detectors.scene import Scene


class ChangeWatcher:
    def __init__(self, signals: Sequence[tuple[int, ChangeSignal]]) -> None:
        self._signals = [(number, one.of, timedelta(seconds=read_duration(one.within))) for number, one in signals]

    def watch(self, scene: Scene, table: HitTable) -> None:
        """The newest change of each object and kind counts."""
        if not self._signals:
            return
        seen: set[tuple[str, str]] = set()
        for change in recent_changes(scene.snapshot):
            if (change.object.key, change.kind) in seen:
                continue
            seen.add((change.object.key, change.kind))
            for number, kind, within in self._signals:
                if kind == change.kind and scene.now - change.at <= within:
                    table.add(number, _hit(scene, change).settle(scene))


def _hit(scene: Scene, change: Change) -> Hit:
    item = scene.find(change.object)
    facts = {"change": change.what.en, "change_zh": change.what.zh, "changed_at": f"{change.at:%H:%M} UTC"}
    return Hit(change.object, item, facts, change.at, (_cite(scene, change),))


def _cite(scene: Scene, change: Change) -> Cite:
    if change.told_by.get("kind") == "Event":
        return lambda: scene.snapshot.cite_event(change.told_by)
    return lambda: scene.snapshot.cite_object(change.told_by, ("metadata",))
